"""Captions: the narration cut into cues that read well, with every word of it, in order."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

import msgspec
from coursewright.capabilities.tts import Word

LINE_COLUMNS = 42
"""Characters in a line, as broadcasters and streaming services have it; wide characters count twice."""
_CUE_COLUMNS = 2 * LINE_COLUMNS
_MAX_CUE_S = 7.0
_LINGER_S = 0.5
"""A cue may stay a little after its last word, if the next one leaves the time."""
_SHORTEST_S = 0.05

_SENTENCE_END = re.compile(r"[.!?…。！？؟۔।።][\"'”’»)\]」』]*$")
_ABBREVIATION = re.compile(r"^\W*(\w\.)+$|^\W*[A-Z][a-z]{0,2}\.$")
"""Such as "e.g.", "Dr." and each part of "z. B.": not the end of a sentence, or of a very short one, which loses
nothing."""
_CLAUSE_END = re.compile(r"[,;:–—、，；：،؛)][\"'”’»)\]」』]*$")
_OPENING = "([{«“‘「『（【《〈¿¡"
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, kana and Han: written without spaces, so a line may break between characters."""


class Piece(msgspec.Struct, frozen=True):
    """The least that stays on one line: a word, or a character of a script without spaces."""

    text: str
    spaced: bool
    """Does a space stand before it?"""
    start_s: float
    end_s: float


class Cue(msgspec.Struct, frozen=True):
    """What is shown from `start_s` to `end_s`: one or two lines."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


def columns(text: str) -> int:
    """Width in columns of a fixed-width font."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def words_in_time(narration: str, words: Sequence[Word], duration_s: float) -> list[Word]:
    """The narration's words with their times: the voice's own when they match, else in proportion to length."""
    tokens = _clean(narration).split()
    if [word.text for word in words] == tokens:
        return list(words)
    weights = [columns(token) + 1 for token in tokens]
    ends = [0.0]
    for weight in weights:
        ends.append(ends[-1] + weight * duration_s / sum(weights))
    return [Word(token, start, end) for token, (start, end) in zip(tokens, pairwise(ends), strict=True)]


def cues(words: Sequence[Word], until_s: float) -> list[Cue]:
    """Cues of at most two lines; they begin with their first word, never overlap, and end by `until_s`.

    Among all ways to cut the text it takes the one that best ends cues with sentences and clauses and
    keeps them neither short nor slow: Knuth and Plass's way of breaking paragraphs, with cues for lines.
    """
    text = _Text([piece for word in words for piece in _pieces(word)])
    made: list[Cue] = []
    for start, end in pairwise(_cuts(text)):
        first, last = text.pieces[start], text.pieces[end - 1]
        following = text.pieces[end].start_s if end < len(text.pieces) else until_s
        begins = max(first.start_s, made[-1].end_s if made else 0.0)
        ends = max(begins + _SHORTEST_S, min(following, last.end_s + _LINGER_S))
        made.append(Cue(begins, ends, text.lines(start, end)))
    return made


def _cuts(text: _Text) -> list[int]:
    count = len(text.pieces)
    best = [0.0] + [float("inf")] * count
    came_from = [0] * (count + 1)
    for end in range(1, count + 1):
        for start in range(end - 1, -1, -1):
            if text.width(start, end) > _CUE_COLUMNS + 1:
                break
            cost = best[start] + text.cost(start, end)
            if cost < best[end]:
                best[end], came_from[end] = cost, start
    cuts = [count]
    while cuts[-1]:
        cuts.append(came_from[cuts[-1]])
    return cuts[::-1]


class _Text:
    """The pieces, with running sums so that any stretch of them is measured at once."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self._columns = [0]
        self._sentences = [0]
        for piece in pieces:
            self._columns.append(self._columns[-1] + piece.spaced + columns(piece.text))
            self._sentences.append(self._sentences[-1] + _ends_sentence(piece.text))
        self._endings = [_ending(piece.text) for piece in pieces]

    def width(self, start: int, end: int) -> int:
        """Columns of pieces[start:end] on one line."""
        return self._columns[end] - self._columns[start] - self.pieces[start].spaced

    def cost(self, start: int, end: int) -> float:
        """How unwelcome this cue is; 1 is a cue that ends in the middle of a clause, infinite one of three lines."""
        width = self.width(start, end)
        if width > LINE_COLUMNS and not self._second_lines(start, end):
            return float("inf")
        ending = 0.0 if end == len(self.pieces) else self._endings[end - 1]
        inner = 0.8 * (self._sentences[end - 1] - self._sentences[start])
        short = 1.5 * max(0.0, 1 - width / 30) ** 2
        slow = max(0.0, self.pieces[end - 1].end_s - self.pieces[start].start_s - _MAX_CUE_S)
        return 0.3 + ending + inner + short + slow

    def lines(self, start: int, end: int) -> tuple[str, ...]:
        """One line if it fits, else two: after a clause if there is one, and of about the same length."""
        if self.width(start, end) <= LINE_COLUMNS:
            return (self._text(start, end),)

        def unevenness(cut: int) -> float:
            return abs(self.width(start, cut) - self.width(cut, end)) + 25 * self._endings[cut - 1]

        cut = min(self._second_lines(start, end), key=unevenness)
        return (self._text(start, cut), self._text(cut, end))

    def _second_lines(self, start: int, end: int) -> range:
        """Where the second line may begin."""
        latest = bisect_right(self._columns, self._columns[start] + self.pieces[start].spaced + LINE_COLUMNS) - 1
        earliest = max(start + 1, bisect_left(self._columns, self._columns[end] - LINE_COLUMNS - 1))
        while earliest <= latest and self.width(earliest, end) > LINE_COLUMNS:
            earliest += 1
        return range(earliest, min(latest, end - 1) + 1)

    def _text(self, start: int, end: int) -> str:
        return "".join(" " * piece.spaced + piece.text for piece in self.pieces[start:end]).removeprefix(" ")


def _ending(text: str) -> float:
    """How unwelcome a break after this piece is: most after an abbreviation, which belongs to what follows."""
    if _ABBREVIATION.match(text):
        return 2.0
    return 0.0 if _ends_sentence(text) else 0.35 if _CLAUSE_END.search(text) else 1.0


def _ends_sentence(text: str) -> bool:
    return bool(_SENTENCE_END.search(text)) and not _ABBREVIATION.match(text)


def _pieces(word: Word) -> list[Piece]:
    """A word as it is, or cut where its script has no spaces or where it is wider than a line."""
    texts = _characters(word.text) if _UNSPACED.search(word.text) else [word.text]
    texts = [part for text in texts for part in _split_wide(text)]
    total = sum(map(len, texts))
    pieces, before = [], 0
    for index, text in enumerate(texts):
        span = word.end_s - word.start_s
        start, end = (word.start_s + span * count / total for count in (before, before + len(text)))
        pieces.append(Piece(text, index == 0, start, end))
        before += len(text)
    return pieces


def _characters(text: str) -> list[str]:
    """Characters with the marks and closing punctuation that belong to them; runs with spaces stay whole."""
    pieces: list[str] = []
    for character in text:
        stays = bool(pieces) and (
            (unicodedata.category(character)[0] in "MCP" and character not in _OPENING)
            or pieces[-1][-1] in _OPENING
            or not (_UNSPACED.match(character) or _UNSPACED.match(pieces[-1][-1]))
        )
        if stays:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _split_wide(text: str) -> list[str]:
    """Parts no wider than a line; only addresses, code and the like are ever cut."""
    parts = [""]
    for character in text:
        if columns(parts[-1]) + columns(character) > LINE_COLUMNS:
            parts.append("")
        parts[-1] += character
    return parts


def _clean(text: str) -> str:
    """Without the control characters that WebVTT has no way to say; white space stays."""
    return "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs"))
