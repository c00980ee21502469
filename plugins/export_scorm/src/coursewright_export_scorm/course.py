"""What the player needs to know about a film: one JSON document inside the page."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec
from coursewright.capabilities.compose import Film

from coursewright_export_scorm.names import clean
from coursewright_export_scorm.webvtt import Cue

Words = dict[str, str]
"""The player's own words in one language; `{name}` marks what the player fills in."""

_RIGHT_TO_LEFT = {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}
_RIGHT_TO_LEFT_SCRIPTS = {"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"}

_UNSAFE_IN_HTML = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""Inside a script element `<` could end the element or open a comment."""


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """A scene of the film, as the learner sees it listed."""

    title: str
    start_s: float


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """The data of the player."""

    title: str
    duration_s: float
    completion_share: float
    chapters: list[Chapter]
    cues: list[Cue]
    words: Words


def course_of(film: Film, *, title: str, cues: list[Cue], completion_share: float) -> Course:
    """The player's data for a film whose captions are `cues`."""
    return Course(
        title=title,
        duration_s=film.duration_s,
        completion_share=completion_share,
        chapters=[
            Chapter(title=clean(scene.title) or str(number), start_s=scene.start_s)
            for number, scene in enumerate(film.scenes, 1)
        ],
        cues=cues,
        words=words(words_language(film.language)),
    )


def as_json(course: Course) -> str:
    """The course as JSON that may stand inside a script element."""
    text = msgspec.json.encode(course).decode()
    return "".join(_UNSAFE_IN_HTML.get(character, character) for character in text)


def words_language(language: str) -> str:
    """The language that the player speaks in a course of `language`: its own if known, else English."""
    primary = language.split("-")[0]
    return primary if primary in _all_words() else "en"


def words(language: str) -> Words:
    """The player's words in a language that `words_language` named."""
    return _all_words()[language]


def direction(language: str) -> str:
    """`rtl` or `ltr`, from the script subtag if there is one, else from the language."""
    primary, *subtags = language.lower().split("-")
    script = next((tag for tag in subtags if len(tag) == 4 and tag.isalpha()), None)
    right_to_left = script in _RIGHT_TO_LEFT_SCRIPTS if script else primary in _RIGHT_TO_LEFT
    return "rtl" if right_to_left else "ltr"


@cache
def _all_words() -> dict[str, Words]:
    data = (files(__package__) / "templates" / "words.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, Words])
