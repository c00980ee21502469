"""What a slide shows: the author's list items, or the key clauses of the sentences, in their own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coursewright_llm_outline.notes import Sentence
from coursewright_llm_outline.rank import Ranking, first_word
from coursewright_llm_outline.sentences import capitalised, clauses, without_stop
from coursewright_llm_outline.vocabulary import LEANING, PREPOSITIONS, SUBORDINATE

MAX_POINTS = 5
_POINT_LENGTH = 90
_CLAUSE_LENGTH = 72
"""Above this a point is shortened to a clause if one can stand alone."""
_CLAUSE_WORDS = 5
"""Shorter ones are mostly phrases without a verb."""
_TITLE_LENGTH = 70
_SENTENCES_PER_POINT = 1.6
_PACKED_WORDS = 3
"""Longer items do not share a line."""

_EDGE_MARKS = " \t,;:–—-，、；：،؛"


def points(sentences: Sequence[Sentence], ranking: Ranking) -> list[str]:
    """At most five, in the order in which they are said."""
    listed = _unique(point for sentence in sentences for point in sentence.points)
    if listed:
        return [_cut(point, 2 * _POINT_LENGTH) for point in _packed([_listed(point) for point in listed])]
    wanted = max(1, min(MAX_POINTS - 1, round(len(sentences) / _SENTENCES_PER_POINT)))
    candidates = []
    for place, sentence in enumerate(sentences):
        if text := _shortened(sentence.text):
            weight = ranking.weight(sentence.text) + (0.2 if sentence.opens else 0.0) + (0.1 if place == 0 else 0.0)
            candidates.append((weight, place, text))
    strong = [candidate for candidate in candidates if _tells(candidate[2])]
    best = sorted(strong or candidates, key=lambda candidate: (-candidate[0], candidate[1]))[:wanted]
    chosen = _unique(text for _, _, text in sorted(best, key=lambda candidate: candidate[1]))
    return chosen or [_cut(without_stop(sentences[0].text), _POINT_LENGTH)]


def _tells(text: str) -> bool:
    """Does it say something without the sentence before it?"""
    enough = len(text.split()) >= _CLAUSE_WORDS - 1 or text[-1] >= "\u3040"
    return enough and first_word(text) not in LEANING and not text.endswith(("?", "？", "؟"))


def headline(sentences: Sequence[Sentence], ranking: Ranking) -> str:
    """A title for what has none: the weightiest clause of its first sentences."""
    candidates = [
        (ranking.weight(text) + (0.15 if place == 0 else 0.0), -place, text)
        for place, sentence in enumerate(sentences[:3])
        if (text := _shortened(sentence.text, _TITLE_LENGTH))
    ]
    return max(candidates)[2] if candidates else _cut(without_stop(sentences[0].text), _TITLE_LENGTH)


def _listed(point: str) -> str:
    return point if len(point) <= _POINT_LENGTH else _shortened(point) or point


def _shortened(sentence: str, limit: int = _POINT_LENGTH) -> str:
    """The sentence without its stop, or clauses of it that can stand alone; empty when none is short enough."""
    text = without_stop(sentence.strip())
    short = min(limit, _CLAUSE_LENGTH)
    if len(text) <= short:
        return text
    rest = _without_opening(text)
    if len(rest) <= short:
        return capitalised(rest)
    parts = clauses(rest)
    for end in range(len(parts) - 1, 0, -1):
        if _enumerates(parts, end):
            continue
        clause = rest[: rest.index(parts[end], sum(map(len, parts[:end])))].strip(_EDGE_MARKS)
        if len(clause) <= short and _stands_alone(clause):
            return capitalised(clause)
    return next((whole for whole in (text, capitalised(rest)) if len(whole) <= limit), "")


def _enumerates(parts: Sequence[str], end: int) -> bool:
    """Would a cut before `parts[end]` fall between items of a list within the sentence?"""
    return any(0 < len(part.split()) <= 3 and part[-1] < "\u3000" for part in [*parts[1:end], parts[end]])


def _without_opening(text: str) -> str:
    """Leave out a first clause that only says where, when or why, unless what follows leans on it."""
    first, *others = clauses(text)
    if not others or not first.endswith((",", "，")):
        return text
    word = first_word(first)
    if word in SUBORDINATE or word in PREPOSITIONS or (len(first.split()) < 4 and len(first) < 24):
        rest = text[len(first) :].lstrip(_EDGE_MARKS)
        if first_word(rest) not in LEANING and _stands_alone(rest):
            return rest
    return text


def _stands_alone(clause: str) -> bool:
    balanced = clause.count("(") == clause.count(")") and clause.count("“") == clause.count("”")
    long_enough = len(clause.split()) >= _CLAUSE_WORDS or (len(clause) >= 10 and clause[-1] >= "\u3040")
    return balanced and long_enough


def _packed(listed: list[str]) -> list[str]:
    """More than five short items share lines; of long ones the first five are shown."""
    if len(listed) <= MAX_POINTS:
        return listed
    if any("," in text or ":" in text or len(text.split()) > _PACKED_WORDS for text in listed):
        return listed[:MAX_POINTS]
    per_line = -(-len(listed) // MAX_POINTS)
    lines = [", ".join(listed[start : start + per_line]) for start in range(0, len(listed), per_line)]
    return lines if max(map(len, lines)) <= _POINT_LENGTH else listed[:MAX_POINTS]


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[: text.rfind(" ", limit // 2, limit - 1) if " " in text[limit // 2 : limit - 1] else limit - 1] + "…"


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
