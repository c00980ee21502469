"""What a model's reply holds besides its answer, and how the answer is taken out of it."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any, TypeVar

import msgspec

from coursewright.kit.writing.asks import Reply

T = TypeVar("T")

_THOUGHT = re.compile(r"<(think|thinking|reasoning|thought)>.*?</\1\s*>", re.S | re.I)
_THOUGHT_END = re.compile(r"\A.*</(?:think|thinking|reasoning|thought)\s*>", re.S | re.I)
_THOUGHT_START = re.compile(r"<(?:think|thinking|reasoning|thought)>.*\Z", re.S | re.I)
CUT = "The answer was cut off at the length limit before its end: write less."
_LAST_COMMA = re.compile(r",(\s*[}\]])")
_WHOLE_FENCE = re.compile(r"\A```[\w+-]*[ \t]*\n(.*?)\n?```\Z", re.S)


class NoAnswer(ValueError):
    """The reply holds nothing of the kind that was asked for; says so in words for the model."""


def without_thought(reply: str) -> str:
    """The reply without the thinking that reasoning models put before it.

    Some servers swallow the opening tag; a reply cut off while thinking has no closing one.
    """
    text = _THOUGHT.sub("", reply) if "</" in reply else reply
    return _THOUGHT_START.sub("", _THOUGHT_END.sub("", text)).strip()


def text_of(reply: str) -> str:
    """A plain answer: without thinking, and without a fence around the whole of it."""
    text = without_thought(reply)
    fenced = _WHOLE_FENCE.match(text)
    return fenced[1].strip() if fenced and "```" not in fenced[1] else text


def uncut(text: str, reply: Reply) -> str:
    """The text of a reply that is whole. Raises NoAnswer when it is not, or when nothing is there."""
    if reply.truncated:
        raise NoAnswer(CUT)
    if not text:
        raise NoAnswer("The answer was empty.")
    return text


def fill(value: object, kind: type[T]) -> T:
    """The value as that type. Raises NoAnswer in the validator's own words."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise NoAnswer(f"{error}.") from None


def object_of(reply: Reply) -> dict[str, Any]:
    """The JSON object in the reply, whatever stands around it. Raises NoAnswer."""
    try:
        return first_object(reply.text)
    except NoAnswer:
        if reply.truncated:
            raise NoAnswer(CUT) from None
        raise


def first_object(reply: str) -> dict[str, Any]:
    """The first complete JSON object in a text that is not empty. Raises NoAnswer."""
    text = without_thought(reply)
    decoder = json.JSONDecoder(strict=False)  # line breaks inside strings are common in what models write
    start, first_error = text.find("{"), ""
    opened = start >= 0
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if value := _without_last_commas(text[start : _after(text, start)]):
                return value
            first_error = first_error or f"{error.msg} at line {error.lineno}, column {error.colno}"
        except RecursionError:
            raise NoAnswer("The JSON is nested too deeply.") from None
        else:
            if isinstance(value, dict) and value:
                return value
        # an object inside a broken one is a piece of the answer, not the answer
        start = text.find("{", _after(text, start))
    if not text:
        raise NoAnswer("The answer was empty.")
    if opened and first_error:
        raise NoAnswer(f"The answer is not valid JSON: {first_error}.")
    raise NoAnswer("The answer holds no JSON object.")


def _without_last_commas(text: str) -> dict[str, Any] | None:
    """The object in a text whose only mistakes are commas behind last items, as models like to leave them."""
    with contextlib.suppress(json.JSONDecodeError, RecursionError):
        value = json.loads(_LAST_COMMA.sub(r"\1", text), strict=False)
        return value if isinstance(value, dict) else None
    return None


def _after(text: str, start: int) -> int:
    """Behind the braces that open at `start`, balanced outside of strings; the end when they never close."""
    depth, inside, place = 0, False, start
    while place < len(text):
        character = text[place]
        if inside:
            if character == "\\":
                place += 1
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return place + 1
        place += 1
    return len(text)
