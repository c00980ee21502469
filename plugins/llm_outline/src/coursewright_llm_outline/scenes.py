"""Sections → scenes: small ones together, long ones apart, in the order of the notes."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coursewright.kit.languages import seconds

from coursewright_llm_outline.notes import Section, Sentence
from coursewright_llm_outline.sentences import with_stop

_SHORTEST_S = 5.0
"""A slide that stays for less is gone before it is read."""
_TOGETHER_S = 40.0
"""Subsections that take no longer all together share one slide, under the heading above them."""
_LONGEST_S = 80.0
_PART_S = 50.0
"""Longer sections are divided into parts of about this length; attention to one slide fades after a minute."""
_MAX_SCENES = 400
"""A script may have 500; dividing what was joined can add some."""
_MAX_POINTS = 5


@dataclass(slots=True)
class Draft:
    """A scene in the making. `heading` is that of its first section, `topic` that of the section above it."""

    title: str
    topic: str = ""
    heading: str = ""
    part: int = 1
    sentences: list[Sentence] = field(default_factory=list)
    unspoken: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    length_s: float = 0.0


@dataclass(slots=True)
class _Node:
    section: Section
    children: list[_Node] = field(default_factory=list)
    length_s: float = 0.0


def drafts(sections: Sequence[Section], language: str, headline: Callable[[Sequence[Sentence]], str]) -> list[Draft]:
    """Scenes in order; `headline` makes a title for what has none."""
    length = _Lengths(language)
    found: list[Draft] = []
    root = _tree(sections, length)
    _collect(root, "", found)
    for draft in found:
        draft.length_s = length(draft.sentences)
    found = _bounded([part for draft in _small_joined(found) for part in _divided(draft, length, headline)])
    for draft in found:
        draft.length_s = length(draft.sentences)
        draft.title = draft.title or headline(draft.sentences)
        _close_colons(draft.sentences)
    return found


def _close_colons(sentences: Sequence[Sentence]) -> None:
    """End with a full stop what announces something that is not said: code, a formula, the next slide."""
    for sentence, after in itertools.zip_longest(sentences, sentences[1:]):
        if sentence.text.endswith((":", "：")) and (after is None or (after.opens and not after.listed)):
            sentence.text = with_stop(sentence.text)


class _Lengths:
    def __init__(self, language: str) -> None:
        self._language = language

    def __call__(self, sentences: Sequence[Sentence]) -> float:
        return seconds(" ".join(sentence.text for sentence in sentences), self._language)


def _tree(sections: Sequence[Section], length: _Lengths) -> _Node:
    root = _Node(Section())
    path = [root]
    for section in sections:
        node = _Node(section, length_s=length(section.sentences))
        while len(path) > 1 and path[-1].section.level >= section.level:
            path.pop()
        path[-1].children.append(node)
        for above in path:
            above.length_s += node.length_s
        path.append(node)
    return root


def _collect(node: _Node, topic: str, found: list[Draft]) -> None:
    section = node.section
    if section.level >= 2 and len(node.children) > 1 and 0 < node.length_s <= _TOGETHER_S:
        found.append(_together(node, topic))
        return
    if section.sentences:
        found.append(_draft(section, topic))
    for child in node.children:
        _collect(child, section.title or topic, found)


def _draft(section: Section, topic: str) -> Draft:
    return Draft(
        title=section.title,
        topic=topic,
        heading=section.title,
        sentences=list(section.sentences),
        unspoken=list(section.unspoken),
        pictures=list(section.pictures),
    )


def _together(node: _Node, topic: str) -> Draft:
    """One scene of a section and its subsections: their headings are its points and are said."""
    section = node.section
    draft = _draft(section, topic)
    pending = list(reversed(node.children))
    while pending:
        child = pending.pop()
        pending += reversed(child.children)
        _append(draft, child.section.title, child.section.sentences)
        draft.unspoken += child.section.unspoken
        draft.pictures += child.section.pictures
    return draft


def _append(draft: Draft, title: str, sentences: Sequence[Sentence]) -> None:
    if not sentences:
        return
    first, *others = sentences
    named = bool(title) and _says(first.text, title)
    if title and not named:
        draft.sentences.append(Sentence(with_stop(title), opens=True, points=(title,)))
    opening = Sentence(first.text, opens=named or not title, points=(title,) if named else (), listed=first.listed)
    draft.sentences += [opening, *(Sentence(other.text, other.opens, listed=other.listed) for other in others)]


def _says(sentence: str, title: str) -> bool:
    words = re.findall(r"\w{3,}", title.lower())
    said = sentence.lower()
    return bool(words) and all(word in said for word in words)


def _small_joined(found: list[Draft]) -> list[Draft]:
    """Join what is too short to stand alone with its neighbour of the same topic."""
    joined: list[Draft] = []
    for draft in found:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.topic == draft.topic
            and before.title
            and (_is_small(before) or _is_small(draft))
            and before.length_s + draft.length_s <= _TOGETHER_S
        ):
            _join(before, draft)
        else:
            joined.append(draft)
    return joined


def _is_small(draft: Draft) -> bool:
    return draft.length_s < _SHORTEST_S and sum(len(sentence.points) for sentence in draft.sentences) < 2


def _join(before: Draft, draft: Draft) -> None:
    if not before.sentences[0].points and " · " not in before.title:
        before.sentences[0].points = (before.title,)
    same = draft.title in before.title
    if " · " not in before.title and not same:
        before.title = f"{before.title} · {draft.title}"
    _append(before, "" if same else draft.title, draft.sentences)
    before.unspoken += draft.unspoken
    before.pictures += draft.pictures
    before.length_s += draft.length_s


def _divided(draft: Draft, length: _Lengths, headline: Callable[[Sequence[Sentence]], str]) -> list[Draft]:
    """Parts of about equal length, ended at a paragraph where there is one nearby."""
    points = sum(len(sentence.points) for sentence in draft.sentences)
    count = math.ceil(draft.length_s / _PART_S) if draft.length_s > _LONGEST_S else 1
    if points > _MAX_POINTS and draft.length_s > 2 * _SHORTEST_S * math.ceil(points / _MAX_POINTS):
        count = max(count, math.ceil(points / _MAX_POINTS))
    if count < 2 or len(draft.sentences) < 2:
        return [draft]
    goal_s = draft.length_s / count
    goal_points = points / count
    groups: list[list[Sentence]] = [[]]
    spent_s, shown = 0.0, 0
    for sentence in draft.sentences:
        cost_s = length([sentence])
        after_paragraph = sentence.opens and spent_s >= 0.7 * goal_s
        full = spent_s + cost_s / 2 >= goal_s * (1.25 if points <= _MAX_POINTS else 1.0)
        crowded = points > _MAX_POINTS and sentence.points and shown + len(sentence.points) > math.ceil(goal_points)
        announced = bool(groups[-1]) and groups[-1][-1].text.endswith((":", "："))
        if groups[-1] and not announced and (after_paragraph or full or crowded):
            groups.append([])
            spent_s, shown = 0.0, 0
        groups[-1].append(sentence)
        spent_s += cost_s
        shown += len(sentence.points)
    if len(groups) > 1 and spent_s < 0.3 * goal_s and points <= _MAX_POINTS:
        groups[-2] += groups.pop()
    parts = [Draft(draft.title, draft.topic, draft.heading, number, group) for number, group in enumerate(groups, 1)]
    parts[0].unspoken, parts[0].pictures = draft.unspoken, draft.pictures
    return parts


def _bounded(found: list[Draft]) -> list[Draft]:
    """At most `_MAX_SCENES`, by joining neighbours whatever their topic."""
    if len(found) <= _MAX_SCENES:
        return found
    size = math.ceil(len(found) / _MAX_SCENES)
    joined: list[Draft] = []
    for start in range(0, len(found), size):
        first, *others = found[start : start + size]
        for other in others:
            _append(first, other.title if other.part == 1 else "", other.sentences)
            first.unspoken += other.unspoken
            first.pictures += other.pictures
        joined.append(first)
    return joined
