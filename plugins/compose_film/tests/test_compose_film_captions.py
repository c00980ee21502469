from __future__ import annotations

import re

import pytest
from coursewright.capabilities.tts import Word
from coursewright_compose_film.captions import LINE_COLUMNS, Cue, columns, cues, words_in_time
from coursewright_compose_film.sidecars import captions_vtt
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60),
    st.sampled_from(["-->", "&amp;", "<b>", "WEBVTT", "光合作用把光变成糖。", "النبات،", "hello,", "end.", "a" * 300]),
)
NARRATIONS = st.lists(WORDS, min_size=1, max_size=60).map(" ".join)


def cues_of(narration: str, seconds: float = 20.0) -> list[Cue]:
    return cues(words_in_time(narration, [], seconds), seconds + 0.4)


def read_vtt(text: str) -> list[tuple[float, float, list[str]]]:
    """As a browser reads it: blocks apart by blank lines, entities decoded."""
    header, *blocks = re.split(r"\n\n", text.rstrip("\n"))
    assert header.splitlines() == ["WEBVTT"]
    read = []
    for block in blocks:
        timing, *lines = block.split("\n")
        start, end = (stamp(part) for part in timing.split(" --> "))
        assert not any("<" in line or "-->" in line for line in lines)
        decoded = [line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for line in lines]
        read.append((start, end, decoded))
    return read


def stamp(text: str) -> float:
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d\.\d{3})", text)
    assert match
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


@given(NARRATIONS)
def test_every_character_is_shown_once_and_in_order(narration: str) -> None:
    shown = "".join("".join(lines) for _, _, lines in read_vtt(captions_vtt(cues_of(narration))))

    assert "".join(shown.split()) == "".join(narration.split())


@given(st.lists(st.text("abcdefghijklmnop.,!?'-<>&", min_size=1, max_size=20), min_size=1, max_size=80))
def test_words_with_spaces_stay_the_same_words(words: list[str]) -> None:
    shown = " ".join(" ".join(lines) for _, _, lines in read_vtt(captions_vtt(cues_of(" ".join(words)))))

    assert shown.split() == words


@given(NARRATIONS, st.floats(0.2, 600))
def test_cues_have_two_lines_at_most_and_never_overlap(narration: str, seconds: float) -> None:
    before = 0.0
    for start, end, lines in read_vtt(captions_vtt(cues_of(narration, seconds))):
        assert before <= start < end
        assert 1 <= len(lines) <= 2
        assert all(0 < columns(line) <= LINE_COLUMNS for line in lines)
        before = end


def test_cues_end_with_sentences_and_lines_with_clauses() -> None:
    text = (
        "Light falls on a leaf, and the leaf makes sugar, as Dr. Ray says. Water comes up from the roots; carbon "
        "dioxide comes in through small pores. Where does the oxygen go? It leaves by the same way."
    )

    assert [cue.lines for cue in cues_of(text)] == [
        ("Light falls on a leaf,", "and the leaf makes sugar, as Dr. Ray says."),
        ("Water comes up from the roots;",),
        ("carbon dioxide comes", "in through small pores."),
        ("Where does the oxygen go?",),
        ("It leaves by the same way.",),
    ]


def test_no_line_ends_in_the_middle_of_an_abbreviation() -> None:
    text = "Alles, was einen Menschen bestimmbar macht – z. B. Name, Adresse, IP-Adresse oder ein Foto."

    lines = [line for cue in cues_of(text) for line in cue.lines]

    assert " ".join(lines) == text
    assert not any(line.endswith(("z.", "B.")) for line in lines)


def test_chinese_breaks_between_characters_but_not_before_punctuation() -> None:
    lines = [
        line
        for cue in cues_of("植物利用光能把水和二氧化碳变成糖和氧气，这个过程叫做光合作用。" * 6)
        for line in cue.lines
    ]

    assert not any(line[0] in "，。" for line in lines)
    assert max(map(len, lines)) <= LINE_COLUMNS // 2
    assert all(line[-1] in "，。" for line in lines[1::2])


def test_the_voice_times_its_own_words() -> None:
    timed = [Word("One", 0.5, 0.8), Word("two.", 0.9, 1.4), Word("Three.", 2.0, 2.5)]

    assert words_in_time(" One two.\nThree. ", timed, 9.0) == timed


def test_words_that_are_not_the_narrations_are_not_used() -> None:
    words = words_in_time("One two.", [Word("Eins", 0.5, 0.8), Word("zwei.", 0.9, 1.4)], 2.0)

    assert [word.text for word in words] == ["One", "two."]
    assert words[0].start_s == 0
    assert words[-1].end_s == pytest.approx(2.0)


def test_times_that_run_backwards_give_cues_that_do_not() -> None:
    words = [Word(f"word{n}.", 10.0 - n, 10.0 - n) for n in range(10)]

    times = [(cue.start_s, cue.end_s) for cue in cues(words, 12.0)]

    assert times == sorted(times)
    assert all(start < end for start, end in times)
