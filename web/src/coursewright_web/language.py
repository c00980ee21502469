"""Which language a page speaks."""

from __future__ import annotations

import gettext
from typing import Any

from litestar import Request

from coursewright_web.built import DIST, Language

COOKIE = "coursewright_language"
SOURCE = "en"
"""The language of the messages themselves."""


def chosen(request: Request[Any, Any, Any], languages: dict[str, Language]) -> str:
    """The language that the person chose, else the first that their browser asks for and we have, else English."""
    wanted = request.cookies.get(COOKIE, "")
    if wanted in languages:
        return wanted
    for each in _accepted(request.headers.get("accept-language", "")):
        for code in (each, each.split("-")[0]):
            if code in languages:
                return code
    return SOURCE


def _accepted(header: str) -> list[str]:
    """Codes in the order in which a browser likes them."""
    found: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        code, _, quality = part.strip().partition(";q=")
        try:
            found.append((-float(quality or 1), code.lower()))
        except ValueError:
            continue
    return [code for _, code in sorted(found, key=lambda each: each[0])]


class Catalogues:
    """The messages of each language, read once."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[float, gettext.NullTranslations]] = {}

    def of(self, language: str) -> gettext.NullTranslations:
        """Translates into a language that `languages.json` lists."""
        path = DIST / f"{language}.mo"
        if language == SOURCE:
            return gettext.NullTranslations()
        changed = path.stat().st_mtime
        if language not in self._read or self._read[language][0] != changed:
            with path.open("rb") as file:
                self._read[language] = (changed, gettext.GNUTranslations(file))
        return self._read[language][1]
