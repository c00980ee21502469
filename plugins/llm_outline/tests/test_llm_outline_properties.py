"""What holds for any notes."""

from __future__ import annotations

import re

import msgspec
from coursewright.capabilities.llm import Script
from coursewright.errors import BadInput
from coursewright_llm_outline.provider import Material
from coursewright_llm_outline.script import write
from coursewright_llm_outline.sentences import capitalised
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = st.text("abcdefgßéжя海水يت", min_size=1, max_size=8)
CLAUSES = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)
SENTENCES = st.builds(
    lambda clause, stop: clause.capitalize() + stop, CLAUSES, st.sampled_from([".", "!", "?", "。", ""])
)
PARAGRAPHS = st.lists(SENTENCES, min_size=1, max_size=6).map(" ".join)
LISTS = st.lists(CLAUSES, min_size=1, max_size=9).map(lambda items: "\n".join(f"- {item}" for item in items))
HEADINGS = st.builds(lambda level, text: f"{'#' * level} {text}", st.integers(1, 5), CLAUSES)
NOTES = st.lists(st.one_of(PARAGRAPHS, LISTS, HEADINGS), min_size=1, max_size=25).map(
    lambda blocks: "\n\n".join(["# Title", *blocks])
)
MINUTES = st.one_of(st.none(), st.floats(0.05, 5))
ANY_TEXT = st.one_of(st.text(max_size=400), st.text("#*-_[]()`|~<>!$\\:.\n\t ab1é海", max_size=400))


def script_of(notes: str, minutes: float | None = None) -> Script | None:
    """The script, checked against its struct's limits; None when nothing can be said."""
    try:
        script = write(Material(notes=notes, minutes=minutes), lambda notice: None, lambda: None)
    except BadInput:
        return None
    assert msgspec.json.decode(msgspec.json.encode(script), type=Script) == script
    assert len({scene.id for scene in script.scenes}) == len(script.scenes)
    return script


def words(text: str) -> str:
    """Its words whatever their capitals: an item of a list gets one where it becomes a sentence."""
    return " " + " ".join(re.findall(r"\w+", text.lower())) + " "


@settings(max_examples=80, deadline=None)
@given(NOTES, MINUTES)
def test_every_sentence_is_the_authors(notes: str, minutes: float | None) -> None:
    script = script_of(notes, minutes)

    assert script is not None
    source = words(notes)
    for scene in script.scenes:
        for sentence in re.split(r"(?<=[.!?])\s+|(?<=。)", scene.narration):
            assert not sentence or words(sentence) in source
        for bullet in scene.bullets:
            assert all(f" {word} " in source for word in words(bullet.rstrip("…")).split()[:-1])


@settings(max_examples=60, deadline=None)
@given(NOTES)
def test_without_a_limit_nothing_is_left_out_or_moved(notes: str) -> None:
    script = script_of(notes)

    assert script is not None
    said = words(" ".join(scene.narration for scene in script.scenes)).split()
    body = "\n".join(line for line in notes.splitlines() if not line.startswith("#"))
    expected = words(body).split() if body.strip() else []
    remaining = iter(said)
    assert all(word in remaining for word in expected)


@settings(max_examples=40, deadline=None)
@given(LISTS)
def test_what_begins_as_an_item_begins_with_a_capital(items: str) -> None:
    script = script_of(items)

    assert script is not None
    for sentence in re.split(r"(?<=[.!?])\s+", " ".join(scene.narration for scene in script.scenes)):
        assert capitalised(sentence) == sentence


@settings(max_examples=60, deadline=None)
@given(NOTES)
def test_the_same_notes_give_the_same_script(notes: str) -> None:
    assert script_of(notes) == script_of(notes)


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, MINUTES)
def test_any_text_gives_a_valid_script_or_says_why_not(notes: str, minutes: float | None) -> None:
    script_of(notes, minutes)
