"""How much each sentence matters, by the words of the notes themselves, and which fit a length."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from coursewright.kit.languages import seconds

from coursewright_llm_outline.notes import Section, Sentence
from coursewright_llm_outline.sentences import with_stop
from coursewright_llm_outline.vocabulary import LEANING

_WORD = re.compile(r"[^\W\d_]{4,}|[\u3040-\u30ff\u3400-\u9fff]{2}")
"""Words of under four letters are mostly articles and prepositions; two characters are a Chinese word."""


class Ranking:
    """Weights of sentences within one set of notes."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._frequency: Counter[str] = Counter()
        spread: Counter[str] = Counter()
        for section in sections:
            words = _words(" ".join([section.title, *(sentence.text for sentence in section.sentences)]))
            self._frequency.update(words)
            spread.update(set(words))
        # a word in nearly every section is the language's, not the subject's
        common = max(4, 0.6 * len(sections))
        for word, count in spread.items():
            if count > common:
                del self._frequency[word]
        self._highest = max(self._frequency.values(), default=1)

    def weight(self, text: str) -> float:
        """From 0 to 1: how often, on average, its words occur in the notes."""
        words = _words(text)
        return sum(self._frequency[word] for word in words) / (len(words) * self._highest) if words else 0.0


def leaning(sentence: Sentence) -> bool:
    """Would it lose its meaning without the sentence before?"""
    return sentence.listed or first_word(sentence.text) in LEANING


def first_word(text: str) -> str:
    """In lower case; empty when there is none."""
    match = re.match(r"\W*(\w+)", text)
    return match[1].lower() if match else ""


def fit(sections: Sequence[Section], length_s: float, language: str) -> int:
    """Leave out the least important sentences until about `length_s` remain; returns how many.

    Keeps the order, the first sentence of every section while they all fit, and no sentence without
    the one it leans on. When not even the first sentences fit, whole sections go, subordinate ones first.
    """
    ranking = Ranking(sections)
    before = sum(len(section.sentences) for section in sections)
    spent = _drop_sections(sections, ranking, length_s, language)
    candidates: list[tuple[float, int, int]] = []
    for number, section in enumerate(sections):
        bound = 2.0
        for place, sentence in enumerate(section.sentences[1:], 1):
            own = ranking.weight(sentence.text) + (0.15 if sentence.opens else 0.0) + 0.1 / place
            bound = min(bound, own) * 0.999 if leaning(sentence) else own
            candidates.append((-bound, number, place))
    kept = {(number, 0) for number, section in enumerate(sections) if section.sentences}
    for _, number, place in sorted(candidates):
        sentence = sections[number].sentences[place]
        cost = seconds(sentence.text, language)
        if spent + cost <= length_s and (not leaning(sentence) or (number, place - 1) in kept):
            kept.add((number, place))
            spent += cost
    for number, section in enumerate(sections):
        _keep(section, [(number, place) in kept for place in range(len(section.sentences))])
    return before - sum(len(section.sentences) for section in sections)


def _keep(section: Section, keep: Sequence[bool]) -> None:
    opens = False
    remaining: list[Sentence] = []
    for sentence, kept in zip(section.sentences, keep, strict=True):
        opens = opens or sentence.opens
        if kept:
            sentence.opens, opens = opens, False
            remaining.append(sentence)
        elif remaining and remaining[-1].text.endswith((":", "：")):
            remaining[-1].text = with_stop(remaining[-1].text)
    section.sentences = remaining


def _drop_sections(sections: Sequence[Section], ranking: Ranking, length_s: float, language: str) -> float:
    """Empty the sections whose first sentence has no room; returns the seconds of the remaining ones."""
    order = sorted(
        (section.level, -ranking.weight(section.sentences[0].text), number)
        for number, section in enumerate(sections)
        if section.sentences
    )
    spent = 0.0
    for rank, (_, _, number) in enumerate(order):
        cost = seconds(sections[number].sentences[0].text, language)
        if spent + cost <= length_s or rank == 0:
            spent += cost
        else:
            sections[number].sentences = []
    return spent


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
