"""Written values, read as the type that their place wants. YAML 1.1's own guesses are never used."""

from __future__ import annotations

import re

from coursewright.document.nodes import Scalar

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d{1,18})?|\.\d{1,18})([eE][+-]?\d{1,3})?")
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d{1,18})?([eE][+-]?\d{1,3})?")
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6}(?:\.\d{1,6})?)s)?(?:(\d{1,9})ms)?")
_BOOLEANS = {"true": True, "false": False}
_YAML_BOOLEANS = {"yes": "true", "no": "false", "on": "true", "off": "false", "y": "true", "n": "false"}


class NotOfType(Exception):
    """The text cannot be read as the wanted type; `hint` is the way out."""

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self.hint = hint


def integer(scalar: Scalar) -> int:
    """A whole number in decimal digits. Raises NotOfType."""
    _must_be_plain(scalar, _INTEGER)
    if not _INTEGER.fullmatch(scalar.text) or not scalar.text.isascii():
        raise NotOfType("write a whole number, such as 5")
    return int(scalar.text)


def number(scalar: Scalar) -> float:
    """A finite decimal number. Raises NotOfType."""
    _must_be_plain(scalar, _NUMBER)
    if not _NUMBER.fullmatch(scalar.text) or not scalar.text.isascii():
        raise NotOfType("write a number, such as 2.5")
    if abs(value := float(scalar.text)) == float("inf"):
        raise NotOfType("write a number that is finite")
    return value


def boolean(scalar: Scalar) -> bool:
    """`true` or `false`, and no other word. Raises NotOfType."""
    lowered = scalar.text.lower()
    if scalar.text in _BOOLEANS and scalar.plain:
        return _BOOLEANS[scalar.text]
    if scalar.text in _BOOLEANS:
        raise NotOfType("remove the quotes")
    if lowered in _BOOLEANS or lowered in _YAML_BOOLEANS:
        raise NotOfType(f"write {_YAML_BOOLEANS.get(lowered, lowered)}")
    raise NotOfType("write true or false")


def duration_s(scalar: Scalar) -> float:
    """`500ms`, `5s`, `5m`, `1h30m` in seconds. Raises NotOfType."""
    found = _DURATION.fullmatch(scalar.text)
    if not scalar.text or found is None or not scalar.text.isascii():
        unit = ", with its unit" if _NUMBER.fullmatch(scalar.text) else ""
        raise NotOfType(f"write a duration{unit}, such as 5s, 5m, 1h30m or 500ms")
    hours, minutes, seconds, milliseconds = (float(part) if part else 0.0 for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def untyped(scalar: Scalar) -> str | int | float | bool | None:
    """For a place that takes anything: numbers as JSON writes them, true, false, null; all else is text."""
    if not scalar.plain:
        return scalar.text
    if scalar.text in _BOOLEANS:
        return _BOOLEANS[scalar.text]
    if scalar.text in ("null", ""):
        return None
    if found := _JSON_NUMBER.fullmatch(scalar.text):
        value = int(scalar.text) if not (found[2] or found[3]) else float(scalar.text)
        return value if abs(value) != float("inf") else scalar.text
    return scalar.text


def _must_be_plain(scalar: Scalar, pattern: re.Pattern[str]) -> None:
    if not scalar.plain and pattern.fullmatch(scalar.text):
        raise NotOfType("remove the quotes: in quotes it is text")
