"""Texts cut for services that take short ones."""

from __future__ import annotations

import string

import pytest
from coursewright.kit.speech.parts import split
from coursewright.kit.speech.sounds import sounds_in
from hypothesis import given
from hypothesis import strategies as st

ENGLISH = (
    'Dr. Smith paid $3.14, e.g. in the U.S. Army. "Really?" he asked (twice!). Water rises from the roots; air, from '
    "the leaves.\n\nA new paragraph begins here: it is short."
)


def said(text: str, limit: int) -> list[str]:
    return [part.text for part in split(text, limit)]


def test_a_short_text_stays_whole() -> None:
    assert said("Plants make sugar. Air is left.", 500) == ["Plants make sugar. Air is left."]


def test_cuts_fall_at_sentences_first() -> None:
    assert said(ENGLISH, 60) == [
        "Dr. Smith paid $3.14, e.g. in the U.S. Army.",
        '"Really?" he asked (twice!).',
        "Water rises from the roots; air, from the leaves.",
        "A new paragraph begins here: it is short.",
    ]


def test_a_long_sentence_is_cut_at_clauses_and_a_long_clause_at_words() -> None:
    assert said("Air comes in at once; water rises slowly, as you know.", 30) == [
        "Air comes in at once;",
        "water rises slowly,",
        "as you know.",
    ]
    assert said("one two three four five six", 10) == ["one two", "three four", "five six"]


def test_a_word_that_is_too_long_is_cut_between_letters_but_not_from_its_accents() -> None:
    assert said("abcdefgh", 3) == ["abc", "def", "gh"]
    assert all(not part.startswith("\u0301") for part in said("e\u0301" * 10, 5))


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("今天我们学习。植物把光变成糖！很好吗？", 10, ["今天我们学习。", "植物把光变成糖！", "很好吗？"]),
        ("「はい。」と言った。水が上がる。", 12, ["「はい。」と言った。", "水が上がる。"]),
        ("一二三四五、六七八九十、一二三", 7, ["一二三四五、", "六七八九十、", "一二三"]),
        ("هل هذا صحيح؟ نعم، هذا صحيح.", 14, ["هل هذا صحيح؟", "نعم، هذا صحيح."]),
        ("यह पहला है। यह दूसरा है।", 14, ["यह पहला है।", "यह दूसरा है।"]),
    ],
)
def test_sentences_of_other_scripts_are_known(text: str, limit: int, parts: list[str]) -> None:
    assert said(text, limit) == parts


def test_parts_are_about_equally_long_so_that_none_is_a_stub() -> None:
    lengths = [len(part) for part in said("word " * 100 + "end.", 300)]

    assert len(lengths) == 2
    assert min(lengths) > 200


def test_pauses_are_as_long_as_the_break_is_deep() -> None:
    pauses = [part.pause_s for part in split("First one. Second one,\nthird\n\nFourth, and five six.", 11)]

    assert pauses[0] == 0.42
    assert 0.75 in pauses
    assert pauses[-1] == 0.0


@pytest.mark.parametrize("text", ["…", "🙂 — !", "***"])
def test_a_text_with_nothing_to_say_has_no_parts(text: str) -> None:
    assert split(text, 100) == []


def test_what_cannot_be_said_goes_with_its_neighbour() -> None:
    assert said("One. 🙂 Two.", 7) == ["One.", "🙂 Two."]


@given(st.text(alphabet=string.ascii_letters + " .,!?\n\t—。、漢字かなé🙂\u0301", max_size=400), st.integers(8, 120))
def test_no_letter_is_lost_and_none_is_said_twice(text: str, limit: int) -> None:
    parts = split(text, limit)

    assert all(len(part.text) <= limit for part in parts)
    assert all(part.text == text[part.start : part.end] for part in parts)
    assert [part.start for part in parts] == sorted(part.start for part in parts)
    spoken = "".join(part.text for part in parts)
    assert [char for char in spoken if char.isalnum()] == [char for char in text if char.isalnum()]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("Plants make sugar from light.", 20, 25),
        ("今天我们学习光合作用", 20, 30),
        ("1969", 10, 16),
        ("…", 0, 0),
    ],
)
def test_sounds_are_counted_in_any_script(text: str, low: float, high: float) -> None:
    assert low <= sounds_in(text) <= high
