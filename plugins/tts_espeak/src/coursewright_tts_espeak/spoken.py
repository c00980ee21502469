"""From text as written to words as spoken: what a voice should not read out is taken away.

Each whitespace token of the text keeps its place, so that timings can be told in the author's own words.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Literal

import msgspec

Pause = Literal["none", "sentence", "paragraph"]


class Token(msgspec.Struct, frozen=True):
    """A whitespace token as written, what is said for it ("" for nothing), and the pause after it."""

    written: str
    spoken: str
    pause: Pause


_FENCED_CODE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*(?:[-*+•▪◦]|#{1,6}|>+)[ \t]+", re.MULTILINE)
_Edit = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_EDITS: tuple[_Edit, ...] = (
    (_FENCED_CODE, lambda _: ""),
    (re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>"), lambda _: ""),
    (re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7});"), lambda found: html.unescape(found[0])),
    (re.compile(r"^[ \t]*(?:[-*_=|:][ \t]*){3,}$", re.MULTILINE), lambda _: ""),  # rules and table borders
    (_BULLET, lambda _: ""),
    (re.compile(r"\]\([^()\s]{0,2000}\)"), lambda _: ""),  # the target of a Markdown link; its label is said
    (re.compile(r"(?:https?://|www\.)[^\s<>()\[\]]*[^\s<>()\[\].,;:!?\"'»”’]"), lambda found: _host(found[0])),
    (re.compile(r"(?<!\w)[*_~]{1,3}(?=\S)|(?<=\S)[*_~]{1,3}(?!\w)"), lambda _: ""),  # emphasis
    (re.compile(r"[`\[\]{}\\]|!(?=\[)|\(\)"), lambda _: ""),
    (re.compile(r"(?<=\w)_(?=\w)"), lambda _: " "),  # snake_case
    (re.compile(r"(?<!\S)[-–—|]+(?!\S)|[→⇒➜]|[-=]>"), lambda _: ","),
)

_ABBREVIATIONS: dict[str, dict[str, str]] = {
    "en": {
        "e.g.": "for example",
        "i.e.": "that is",
        "vs.": "versus",
        "approx.": "approximately",
        "fig.": "figure",
        "w.r.t.": "with respect to",
    },
    "de": {
        "z.b.": "zum Beispiel",
        "d.h.": "das heißt",
        "usw.": "und so weiter",
        "bzw.": "beziehungsweise",
        "ca.": "circa",
        "abb.": "Abbildung",
    },
    "fr": {"p.ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "env.": "environ", "fig.": "figure"},
    "es": {"p.ej.": "por ejemplo", "aprox.": "aproximadamente", "fig.": "figura"},
}
"""What espeak-ng reads wrongly or letter by letter; what its dictionaries know (Dr., Mr., etc.) is left to it."""

_TITLES = re.compile(r"(?:dr|mr|mrs|ms|prof|st|sr|sra|jr|hr|fr|mme|m)\.")
_CLOSING = "\"'”’»)]}*_`"
_FINAL = ".!?…。！？؟।։"
_DOTTED = re.compile(r"(?:\w\.)+")


def tokens(text: str, language: str) -> list[Token]:
    """The text's whitespace tokens, in order. `language` is the primary subtag, for abbreviations."""
    said = _said(text)
    bullets = {found.end() for found in _BULLET.finditer(text)}
    words = list(re.finditer(r"\S+", text))
    short = _ABBREVIATIONS.get(language, {})
    result = []
    for index, word in enumerate(words):
        spoken = "".join(said[word.start() : word.end()]).strip()
        following = words[index + 1] if index + 1 < len(words) else None
        gap = text[word.end() : following.start()] if following else ""
        pause = _pause(word[0], following[0] if following else "", gap)
        if pause == "none" and "\n" in gap and following and _starts_item(text, following.start(), bullets):
            pause = "sentence"
        result.append(Token(word[0], _expanded(spoken, short), pause))
    return result


def has_code(text: str) -> bool:
    """Does the text hold a fenced block of code, which is not read out?"""
    return _FENCED_CODE.search(text) is not None


def _said(text: str) -> list[str]:
    """For every character what is said in its place; an edit's replacement stands at its first character."""
    said = [_plain(text, index) for index in range(len(text))]
    done = bytearray(len(text))  # an earlier edit wins where two overlap
    for pattern, replacement in _EDITS:
        for found in pattern.finditer(text):
            start, end = found.span()
            if start == end or any(done[start:end]):
                continue
            said[start:end] = [replacement(found), *[""] * (end - start - 1)]
            done[start:end] = b"\1" * (end - start)
    return said


def _plain(text: str, index: int) -> str:
    """One character without what no voice can say: emoji, controls, look-alike letter forms."""
    char = text[index]
    if char.isascii():
        return char if char.isprintable() or char.isspace() else ""
    category = unicodedata.category(char)
    if category[0] == "L" and char != "µ":  # the micro sign, which would become a Greek letter
        return unicodedata.normalize("NFKC", char)
    if char in "\u200c\u200d":  # joiners belong to words in Persian and Indic scripts, else to emoji
        return char if index and unicodedata.category(text[index - 1])[0] in "LM" else ""
    if category in ("So", "Sk", "Cs", "Co", "Cn", "Cf", "Cc") and char != "°":
        return ""
    return "" if "\ufe00" <= char <= "\ufe0f" else char


def _host(url: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", url).partition("/")[0].partition("?")[0]


def _expanded(spoken: str, short: dict[str, str]) -> str:
    """`spoken` with a known abbreviation written out, brackets and commas around it kept."""
    core = spoken.lstrip("(\"'“„«").rstrip(",;:)\"'”»")
    if (long := short.get(core.lower())) is None:
        return spoken
    return spoken.replace(core, long, 1)


def _pause(word: str, following: str, gap: str) -> Pause:
    if gap.count("\n") > 1:
        return "paragraph"
    core = word.rstrip(_CLOSING)
    if not following or not core or core[-1] not in _FINAL:
        return "none"
    if core[-1] == ".":
        bare = core.lstrip("(\"'“„«").lower()
        continues = next((char.islower() for char in following if char.isalnum()), False)
        numbered = bare in ("no.", "nr.") and following[0].isdigit()
        if continues or numbered or _TITLES.fullmatch(bare) or _DOTTED.fullmatch(bare):
            return "none"
    return "sentence"


def _starts_item(text: str, start: int, bullets: set[int]) -> bool:
    """Does the token at `start` open a list item or heading?"""
    return any(start < end <= start + 10 for end in bullets) or text[start] in "•▪◦"


def script(char: str) -> str:
    """The script of a letter, after the first word of its Unicode name: LATIN, CJK …; "" when it has no name."""
    name = unicodedata.name(char, "").partition(" ")[0]
    return _SAME_SCRIPT.get(name, name)


_SAME_SCRIPT = {
    "KATAKANA-HIRAGANA": "KATAKANA",  # the mark of a long vowel
    "IDEOGRAPHIC": "CJK",
    "MODIFIER": "LATIN",
    "FEMININE": "LATIN",
    "MASCULINE": "LATIN",
    "MICRO": "LATIN",
}
