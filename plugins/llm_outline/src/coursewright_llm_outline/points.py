"""What a slide shows: the author's list items, or the key clauses of the sentences, in their own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from coursewright_llm_outline.notes import Sentence
from coursewright_llm_outline.rank import Ranking
from coursewright_llm_outline.sentences import clauses, without_stop
from coursewright_llm_outline.vocabulary import SUBORDINATE

MAX_POINTS = 5
_POINT_LENGTH = 90
_CLAUSE_LENGTH = 64
"""Above this a point is shortened to a clause if one can stand alone."""
_TITLE_LENGTH = 70
_SENTENCES_PER_POINT = 1.6
_PACKED_LENGTH = 140

_EDGE_MARKS = " \t,;:–—-，、；：،؛"


def points(sentences: Sequence[Sentence], ranking: Ranking) -> list[str]:
    """At most five, in the order in which they are said."""
    listed = _unique(point for sentence in sentences for point in sentence.points)
    if listed:
        return [_cut(point, _PACKED_LENGTH) for point in _packed([_shortened(point) or point for point in listed])]
    wanted = max(1, min(MAX_POINTS - 1, round(len(sentences) / _SENTENCES_PER_POINT)))
    candidates = []
    for place, sentence in enumerate(sentences):
        if text := _shortened(sentence.text):
            weight = ranking.weight(sentence.text) + (0.2 if sentence.opens else 0.0) + (0.1 if place == 0 else 0.0)
            candidates.append((weight, place, text))
    best = sorted(candidates, key=lambda candidate: (-candidate[0], candidate[1]))[:wanted]
    chosen = _unique(text for _, _, text in sorted(best, key=lambda candidate: candidate[1]))
    return chosen or [_cut(without_stop(sentences[0].text), _POINT_LENGTH)]


def headline(sentences: Sequence[Sentence], ranking: Ranking) -> str:
    """A title for what has none: the weightiest clause of its first sentences."""
    candidates = [
        (ranking.weight(text) + (0.15 if place == 0 else 0.0), -place, text)
        for place, sentence in enumerate(sentences[:3])
        if (text := _shortened(sentence.text, _TITLE_LENGTH))
    ]
    return max(candidates)[2] if candidates else _cut(without_stop(sentences[0].text), _TITLE_LENGTH)


def _shortened(sentence: str, limit: int = _POINT_LENGTH) -> str:
    """The sentence without its stop, or clauses of it that can stand alone; empty when none is short enough."""
    text = without_stop(sentence.strip())
    if len(text) <= min(limit, _CLAUSE_LENGTH):
        return text
    parts = clauses(text)
    if (len(parts) > 1 and _first_word(parts[0]) in SUBORDINATE) or _is_opening(parts[0]):
        rest = text[len(parts[0]) :].lstrip(_EDGE_MARKS)
        parts, text = parts[1:], rest or text
    whole = _capitalised(text)
    for end in range(1, len(parts)):
        clause = " ".join(parts[:end]).strip(_EDGE_MARKS)
        if _stands_alone(clause) and len(clause) <= min(limit, _CLAUSE_LENGTH):
            return _capitalised(clause) if clause.lower() in text.lower() else whole[:limit]
    return whole if len(whole) <= limit else ""


def _first_word(text: str) -> str:
    match = re.match(r"\W*(\w+)", text)
    return match[1].lower() if match else ""


def _is_opening(clause: str) -> bool:
    """ "In 1687," and the like."""
    return clause.endswith((",", "，")) and len(clause.split()) < 4 and len(clause) < 24


def _stands_alone(clause: str) -> bool:
    balanced = clause.count("(") == clause.count(")") and clause.count("“") == clause.count("”")
    long_enough = len(clause.split()) >= 4 or (len(clause) >= 10 and clause[-1] >= "\u3040")
    return balanced and long_enough


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _packed(listed: list[str]) -> list[str]:
    """More than five short items share lines; of long ones the first five are shown."""
    if len(listed) <= MAX_POINTS:
        return listed
    per_line = -(-len(listed) // MAX_POINTS)
    lines = [", ".join(listed[start : start + per_line]) for start in range(0, len(listed), per_line)]
    return lines if max(map(len, lines)) <= _POINT_LENGTH else listed[:MAX_POINTS]


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[: text.rfind(" ", limit // 2, limit - 1) if " " in text[limit // 2 : limit - 1] else limit - 1] + "…"


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
