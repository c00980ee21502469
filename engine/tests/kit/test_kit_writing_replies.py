"""What a model's reply holds besides its answer."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from coursewright.kit.writing import Ask, Message, Reply, with_schema_in_words
from coursewright.kit.writing.replies import CUT, NoAnswer, object_of, text_of
from hypothesis import given
from hypothesis import strategies as st

ANSWER = {"title": "Tides", "scenes": [{"id": "moon", "bullets": ["a } b", 'quote " here']}]}
WRITTEN = json.dumps(ANSWER)


@pytest.mark.parametrize(
    "reply",
    [
        WRITTEN,
        f"```json\n{WRITTEN}\n```",
        f"```\n{WRITTEN}\n```\nI hope this helps! {{smile}}",
        f"Sure! Here is the script you asked for:\n\n{WRITTEN}\n\nLet me know if {{anything}} should change.",
        f"<think>They want {{a script}}. Perhaps {{}}?</think>\n{WRITTEN}",
        f"<thinking>no\nyes</thinking>{WRITTEN}",
        f'I should answer with JSON such as {{"title": 1}}.\n</think>\n\n{WRITTEN}',
        f"Using {{topic}} as asked: {WRITTEN}",
        f"{{}} {WRITTEN}",
        json.dumps(ANSWER, indent=2),
        WRITTEN.replace("]}", ",\n]}").replace("}]", "},]"),
        f"\ufeff {WRITTEN}",
    ],
    ids=range(12),
)
def test_the_object_is_found_whatever_stands_around_it(reply: str) -> None:
    assert object_of(Reply(text=reply)) == ANSWER


def test_line_breaks_inside_strings_are_taken_as_they_are() -> None:
    assert object_of(Reply(text='{"narration": "One.\n\nTwo."}')) == {"narration": "One.\n\nTwo."}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("", "The answer was empty."),
        ("<think>Let me think about", "The answer was empty."),
        ("I cannot do that.", "The answer holds no JSON object."),
        ("[1, 2]", "The answer holds no JSON object."),
        ('{"title": "Tides", "scenes": [;]}', "The answer is not valid JSON: Expecting value at line 1, column 31."),
        ('{"title": ' * 20_000, "The JSON is nested too deeply."),
    ],
    ids=range(6),
)
def test_what_is_no_answer_is_said_in_words(reply: str, words: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        object_of(Reply(text=reply))
    assert str(caught.value) == words


def test_a_piece_of_a_broken_answer_is_not_taken_for_the_answer() -> None:
    with pytest.raises(NoAnswer):
        object_of(Reply(text='{"title": "Tides", "scenes": [{"id": "moon"}'))


def test_a_reply_that_was_cut_off_is_named_as_such() -> None:
    with pytest.raises(NoAnswer) as caught:
        object_of(Reply(text=WRITTEN[:-5], truncated=True))
    assert str(caught.value) == CUT


def test_a_whole_object_counts_though_the_rest_was_cut_off() -> None:
    assert object_of(Reply(text=f"{WRITTEN} And now some remarks about", truncated=True)) == ANSWER


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("  Plain.\n", "Plain."),
        ("<think>hm</think>Plain.", "Plain."),
        ("```markdown\nPlain.\n```", "Plain."),
        ("Look:\n```\ncode\n```", "Look:\n```\ncode\n```"),
        ("```\na\n```\nand\n```\nb\n```", "```\na\n```\nand\n```\nb\n```"),
    ],
)
def test_a_plain_answer_loses_thinking_and_the_fence_around_it(reply: str, text: str) -> None:
    assert text_of(reply) == text


@given(st.text(), st.dictionaries(st.text(), st.text() | st.integers(), min_size=1))
def test_no_reply_breaks_the_reader(prose: str, value: dict[str, Any]) -> None:
    for reply in (prose, prose + json.dumps(value), json.dumps(value)[:-1] + prose):
        with contextlib.suppress(NoAnswer):
            assert isinstance(object_of(Reply(text=reply)), dict)


def test_a_schema_that_cannot_be_given_is_said_in_the_last_message() -> None:
    ask = Ask(
        messages=(
            Message(role="user", text="Write."),
            Message(role="assistant", text="No."),
            Message(role="user", text="Do."),
        ),
        schema={"type": "object"},
        schema_name="script",
        round=2,
    )
    plain = with_schema_in_words(ask)
    assert plain.schema is None
    assert plain.round == 2
    assert plain.messages[:2] == ask.messages[:2]
    assert plain.messages[2].text.startswith("Do.\n\nAnswer with one JSON object and nothing else")
    assert '{"type": "object"}' in plain.messages[2].text
    assert with_schema_in_words(plain) == plain


def test_a_conversation_reads_as_one_prompt() -> None:
    ask = Ask(
        messages=(
            Message(role="user", text="Write."),
            Message(role="assistant", text="No."),
            Message(role="user", text="Do."),
        )
    )
    assert ask.prompt == "Write.\n\nYour previous answer was:\n\nNo.\n\nDo."


@pytest.mark.parametrize("piece", ["<think>", "{", '{"a": 1,} ', "{x} ", '{"', "</think>", "```\n"])
def test_endless_repetition_is_read_soon(piece: str) -> None:
    started = time.perf_counter()
    with contextlib.suppress(NoAnswer):
        object_of(Reply(text=piece * 20_000))
    text_of(piece * 20_000)
    assert time.perf_counter() - started < 5
