"""What a model is asked, and what it answered: all that a provider of `llm` sees of writing."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from coursewright.providers import Context

ROUNDS = 3
"""How often a model is asked for one result: once, and twice more with what was wrong."""


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call of a model: a conversation that ends with a turn of the user."""

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    """JSON schema of the answer, of the part that every server understands: object, array, string, number, integer,
    boolean, enum, required, additionalProperties. None when the answer is plain text."""
    schema_name: str = ""
    round: int = 1
    """1 to `ROUNDS`."""

    @property
    def prompt(self) -> str:
        """The whole conversation as one text, for services that take a single prompt."""
        if len(self.messages) == 1:
            return self.messages[0].text
        titles = {"system": "", "user": "", "assistant": "Your previous answer was:\n\n"}
        return "\n\n".join(titles[message.role] + message.text for message in self.messages)


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model answered."""

    text: str
    truncated: bool = False
    """Did it end at a length limit rather than at its end?"""


def with_schema_in_words(ask: Ask) -> Ask:
    """The same ask for a model that cannot be given a schema: the last message of the user says it."""
    if ask.schema is None:
        return ask
    *before, last = ask.messages
    words = (
        f"{last.text}\n\nAnswer with one JSON object and nothing else: no introduction, no code fence. "
        f"It must satisfy this JSON schema:\n{json.dumps(ask.schema, ensure_ascii=False)}"
    )
    return msgspec.structs.replace(ask, messages=(*before, Message(role=last.role, text=words)), schema=None)


def say(ask: Ask, context: Context, message: str) -> None:
    """Tell the author what the model does in this round, such as "waiting, 3rd in the queue".

    How much of an answer is still to come is unknown, so only finished rounds move the progress.
    """
    which = f"round {ask.round} of at most {ROUNDS}"
    context.progress(ask.round - 1, ROUNDS, f"{which}: {message}" if message else which)
