"""A text in parts that a service takes at once: cut at sentences, else at clauses, else at words; nothing lost."""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise

import msgspec

PAUSE_S = {"paragraph": 0.75, "sentence": 0.42, "clause": 0.2, "word": 0.06, "end": 0.0}
"""The silence a listener expects; tts.espeak pauses alike (0.77 s and 0.36 s at 150 words a minute)."""


class Part(msgspec.Struct, frozen=True):
    """`text[start:end]` of the whole text, without white space at its ends, and the silence wanted after it."""

    start: int
    end: int
    text: str
    pause_s: float


_CLOSING = "\"'”’»)\\]}）」』】〉》*_`"
_SENTENCE = re.compile(rf"[.!?…؟۔։።᙮]+[{_CLOSING}]*(?=\s)|[。！？｡।॥]+[{_CLOSING}]*|\n\s*\n|\n(?=\s*[-*•▪◦\d])")
_CLAUSE = re.compile(rf"[,;:،؛]+[{_CLOSING}]*(?=\s)|[、，；：]+[{_CLOSING}]*|\s[-–—](?=\s)|—|\n")
_WORD = re.compile(r"\s+")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\"'“„«])(?:(?:\w\.)+|(?:dr|mr|mrs|ms|prof|st|sr|sra|jr|hr|fr|mme|m|no|nr|vs|ca|bzw|etc|fig|abb|approx)\.)$",
    re.IGNORECASE,
)


def split(text: str, limit: int) -> list[Part]:
    """The parts in order, each of at most `limit` characters, about equally long and as few as possible.

    The whitespace tokens of all parts are those of the text; only a token longer than `limit`, or one that holds
    the end of a Chinese or Japanese sentence, is cut. Empty when the text has no letter or digit.
    """
    if limit < 1:
        raise ValueError("limit: at least 1 character")
    atoms = _joined_to_speech(text, _atoms(text, limit), limit)
    if not atoms:
        return []
    packed = _packed(text, atoms, limit)
    # As many parts, but none of them a stub: voices read single words badly.
    widths = range(max(1, limit // 3), limit)
    shrunk = bisect.bisect_left(widths, True, key=lambda width: len(_packed(text, atoms, width)) <= len(packed))
    if shrunk < len(widths):
        packed = _packed(text, atoms, widths[shrunk])
    return [
        Part(first, last, text[first:last], PAUSE_S[_break_at(text, last)] if index + 1 < len(packed) else 0.0)
        for index, (first, last) in enumerate(packed)
    ]


def can_be_said(text: str) -> bool:
    """Is there a letter or digit in it?"""
    return any(char.isalnum() for char in text)


def _atoms(text: str, limit: int) -> list[tuple[int, int]]:
    """Spans no longer than `limit` that need not be cut further."""
    spans = [(0, len(text))]
    for cut in (_sentence_ends, _ends(_CLAUSE), _ends(_WORD)):
        spans = [
            piece
            for index, span in enumerate(spans)
            for piece in (_cut(text, span, cut) if cut is _sentence_ends or _width(text, span) > limit else [span])
        ]
    return [piece for span in spans for piece in _chopped(text, span, limit)]


def _cut(text: str, span: tuple[int, int], ends: Callable[[str], list[int]]) -> list[tuple[int, int]]:
    start, end = span
    cuts = [start, *(start + at for at in ends(text[start:end]) if 0 < at < end - start), end]
    stripped = (_stripped(text, first, last) for first, last in pairwise(cuts))
    return [(first, last) for first, last in stripped if first < last]


def _sentence_ends(text: str) -> list[int]:
    ends = []
    for found in _SENTENCE.finditer(text):
        following = text[found.end() :].lstrip()[:1]
        if found[0] == "." and (_ABBREVIATED.search(text[: found.end()][-20:]) or following.islower()):
            continue
        ends.append(found.end())
    return ends


def _ends(pattern: re.Pattern[str]) -> Callable[[str], list[int]]:
    return lambda text: [found.end() for found in pattern.finditer(text)]


def _chopped(text: str, span: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """A word that is too long by itself, cut between characters that do not belong together."""
    start, end = span
    pieces = []
    while end - start > limit:
        at = start + limit
        while at > start + 1 and _clings(text[at]):
            at -= 1
        pieces.append((start, at))
        start = at
    return [*pieces, (start, end)]


def _clings(char: str) -> bool:
    """Is it a mark on the character before (accent, joiner, variation)?"""
    return unicodedata.category(char)[0] == "M" or char in "\u200c\u200d" or "\U0001f3fb" <= char <= "\U0001f3ff"


def _joined_to_speech(text: str, spans: list[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """Spans without anything to say hang on to a neighbour, or are left out where they do not fit."""
    joined: list[tuple[int, int]] = []
    waiting: int | None = None
    for start, end in spans:
        if can_be_said(text[start:end]):
            first = start if waiting is None or end - waiting > limit else waiting
            joined.append((first, end))
            waiting = None
        elif joined and end - joined[-1][0] <= limit:
            joined[-1] = (joined[-1][0], end)
        elif waiting is None:
            waiting = start
    return joined


def _packed(text: str, atoms: list[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """Neighbours together as long as they are not longer than `limit`."""
    packed: list[tuple[int, int]] = []
    for start, end in atoms:
        if packed and end - packed[-1][0] <= limit:
            packed[-1] = (packed[-1][0], end)
        else:
            packed.append((start, end))
    return packed


def _break_at(text: str, end: int) -> str:
    """What kind of break the text has at `end`, where a part ends."""
    gap = text[end : end + len(text[end:]) - len(text[end:].lstrip())]
    before = text[max(0, end - 8) : end]
    if gap.count("\n") > 1:
        return "paragraph"
    if "\n" in gap or re.search(rf"[.!?…؟۔։።。！？｡।॥][{_CLOSING}]*$", before):
        return "sentence"
    if re.search(rf"[,;:،؛、，；：—–-][{_CLOSING}]*$", before):
        return "clause"
    return "word"


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _width(text: str, span: tuple[int, int]) -> int:
    return span[1] - span[0]
