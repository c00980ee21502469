"""Which passages of an author's notes a text rests on, by the words they share.

Words count by how rare they are in the notes, and by their beginnings, so that inflection does not matter
("tides" is "tide"); where words have no spaces, pairs of characters stand for them. No meaning is understood:
a close paraphrase in other words looks unsupported, so what comes of this is a hint for a person.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict

import msgspec

from coursewright.capabilities.llm import Passage
from coursewright.kit.languages import COMMON_WORDS, UNSPACED

UNSUPPORTED = 0.25
"""A scene is flagged when its passages hold a smaller share of its weight. In the examples of the tests, scenes that
tell the notes in other words have 0.34 and more, scenes about something else 0.18 and less."""

_MOST_PASSAGES = 5
_WORTHWHILE = 0.06
"""A passage is named for at least this share of the scene's weight that no better one has."""
_LONGEST = 400
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])")
_WORD = re.compile(r"[^\W_]+")
_UNSPACED_RUN = re.compile(f"{UNSPACED.pattern}+")
_MARKS = re.compile(r"!?\[([^\]]{0,500})\]\([^)]{0,2000}\)|[*_`#>|]+")
_SHORTEST_WORD = 4
_FINE = 1 << 32
_MOST_NOTES = 1_000_000
"""Characters of notes that are looked at: more than a long book has."""


class _Unit(msgspec.Struct, frozen=True):
    text: str
    line: int
    terms: frozenset[str]


class Sources:
    """The notes, ready to be searched."""

    def __init__(self, notes: str, language: str) -> None:
        self._common = COMMON_WORDS.get(language.partition("-")[0], frozenset())
        self._units = [
            _Unit(text, line, frozenset(terms))
            for line, text in _stretches(notes[:_MOST_NOTES])
            if (terms := self._terms(text))
        ]
        self._where: dict[str, list[int]] = defaultdict(list)
        for number, unit in enumerate(self._units):
            for term in unit.terms:
                self._where[term].append(number)

    def passages(self, text: str) -> tuple[list[Passage], float]:
        """The passages the text rests on, in their order, and the share of its weight that they hold (0 to 1)."""
        weights = {term: self._weight(term) for term in self._terms(text)}
        total = sum(weights.values())
        left = dict(weights)
        chosen: list[int] = []
        gains = [0] * len(self._units)
        for term, weight in left.items():
            for number in self._where.get(term, ()):
                gains[number] += weight
        while len(chosen) < _MOST_PASSAGES and 0 < (most := max(gains, default=0)) >= _WORTHWHILE * total:
            best = gains.index(most)
            chosen.append(best)
            for term in self._units[best].terms & left.keys():
                weight = left.pop(term)
                for number in self._where[term]:
                    gains[number] -= weight
        found = [self._units[number] for number in sorted(chosen)]
        held = 1 - sum(left.values()) / total if total else 0.0
        return [Passage(text=unit.text, line=unit.line) for unit in found], round(max(0.0, held), 2)

    def _weight(self, term: str) -> int:
        """More for what few passages have. A word of the text's own counts like one that a single passage has.

        A whole number, so that what is added and taken away again leaves nothing.
        """
        return round(_FINE * math.log(1 + len(self._units) / max(1, len(self._where.get(term, ())))))

    def _terms(self, text: str) -> set[str]:
        folded = unicodedata.normalize("NFKC", text).casefold()
        found = {
            run[place : place + 2] for run in _UNSPACED_RUN.findall(folded) for place in range(max(1, len(run) - 1))
        }
        for word in _WORD.findall(_UNSPACED_RUN.sub(" ", folded)):
            if any(map(str.isdigit, word)):
                found.add(word)
            elif word not in self._common and len(word) >= _SHORTEST_WORD:
                found.add(word[: 4 if len(word) <= 6 else 5])
        return found


def _stretches(notes: str) -> list[tuple[int, str]]:
    """Paragraphs and list items without their marks, with the line where each begins; long ones by sentences."""
    found: list[tuple[int, str]] = []
    paragraph: list[str] = []
    began = 1

    def close() -> None:
        whole = " ".join(_MARKS.sub(r"\1", " ".join(paragraph)).split())
        paragraph.clear()
        piece = ""
        for sentence in _SENTENCE.split(whole):
            if piece and len(piece) + len(sentence) >= _LONGEST:
                found.append((began, piece))
                piece = ""
            piece = f"{piece} {sentence}".strip()
            while len(piece) > _LONGEST:  # text without stops
                end = piece.rfind(" ", _LONGEST // 2, _LONGEST)
                end = end if end > 0 else _LONGEST
                found.append((began, piece[:end]))
                piece = piece[end:].strip()
        if piece:
            found.append((began, piece))

    for number, line in enumerate(notes.splitlines(), 1):
        starts_anew = re.match(r"\s*(?:[-*+•]|\d{1,3}[.)])\s|\s*#{1,6}\s|\s*\|", line) is not None
        if paragraph and (not line.strip() or starts_anew or len(" ".join(paragraph)) > _LONGEST):
            close()
        if line.strip() and not re.match(r"\s*#{1,6}\s", line):
            began = began if paragraph else number
            paragraph.append(re.sub(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+", "", line))
    if paragraph:
        close()
    return found
