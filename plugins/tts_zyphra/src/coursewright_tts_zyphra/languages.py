"""From a BCP 47 tag to the code by which a service knows the language.

A language that a voice does not speak makes it `Unavailable`, not the request bad: the next provider of the step may
well speak it, and an error in the request would end the run.
"""

from __future__ import annotations

from collections.abc import Collection

from coursewright.errors import BadInput, Unsuited

LEGACY = ("en-us", "fr-fr", "de", "ja", "ko", "cmn")
"""The codes of `language_iso_code`, as Zyphra's packages list them."""

ZONOS2 = (
    *(
        "en",
        "zh",
        "cmn",
        "ja",
        "ko",
        "ru",
        "it",
        "pt",
        "fr",
        "es",
        "vi",
        "de",
        "he",
        "nl",
        "sv",
        "hi",
        "ta",
        "te",
        "th",
    ),
    *(
        "no",
        "nb",
        "nn",
        "bn",
        "tl",
        "fil",
        "ar",
        "da",
        "id",
        "pl",
        "uk",
        "ro",
        "fi",
        "hu",
        "lt",
        "et",
        "sk",
        "hr",
        "lv",
    ),
)
"""The three tiers of ZONOS2's README. It hears the language from the text; no code is sent."""

_USUAL = {
    "en": "en-us",
    "fr": "fr-fr",
    "zh": "cmn",
    "zh-hk": "yue",
    "zh-mo": "yue",
    "no": "nb",
    "nn": "nb",
    "fil": "tl",
    "es-mx": "es-419",
    "vi": "vi",
}
"""What espeak-ng, whose codes Zonos takes, calls otherwise, or has several of."""


def code_for(language: str, known: Collection[str], *, what: str) -> str:
    """The service's code for a tag; subtags are dropped from the end until one fits (de-AT → de).

    Raises Unsuited, with what there is, when the service does not speak it.
    """
    tag = language.lower()
    while tag:
        for wanted in (_USUAL.get(tag, tag), tag):
            if wanted in known:
                return wanted
        tag = tag.rpartition("-")[0]
    raise Unsuited(
        f"{what} does not speak the language '{language}'",
        remedy=f"name another tts provider after it, or write in one of {_listed(known)}",
    )


def own_code(code: str, known: Collection[str], *, what: str) -> str:
    """The code that the author set. Raises BadInput when the service has a list and it is not there."""
    if known and code not in known:
        raise BadInput(
            f"{what} has no language code '{code}'",
            field="language_code",
            remedy=f"use one of {_listed(known)}, or leave it out",
        )
    return code


def _listed(known: Collection[str]) -> str:
    common = [code for code in known if code.partition("-")[0] in _COMMON]
    shown = list(known) if len(known) <= 12 else common[:12]
    rest = len(known) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


_COMMON = ("en", "fr", "de", "es", "it", "pt", "ja", "ko", "cmn", "zh", "ru", "ar", "hi")
