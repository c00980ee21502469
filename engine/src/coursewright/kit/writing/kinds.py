"""The named results that may be asked for: what a model fills in, and how that becomes the result."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from coursewright.capabilities.llm import LlmRequest, LlmText, Script
from coursewright.kit.writing.asks import Reply
from coursewright.kit.writing.replies import NoAnswer, object_of, text_of
from coursewright.providers import Context, Host

_CUT = "The answer was cut off at the length limit before its end: write less."


class Kind(Protocol):
    """One named result."""

    @property
    def schema(self) -> dict[str, Any] | None:
        """What a model has to fill in; None for plain text."""

    def read(self, reply: Reply) -> tuple[msgspec.Struct, list[str]]:
        """The value in the reply, and what is wrong with it in sentences for the model. Raises NoAnswer."""

    def finished(self, value: Any, context: Context) -> msgspec.Struct:
        """The result of the request, with all that is worked out rather than written."""


def kind_of(request: LlmRequest, host: Host) -> Kind:
    """What `request.returns` names."""
    return Text() if request.returns == "text" else Scripts(request)


class Text:
    """`text`: the answer as it stands."""

    schema: dict[str, Any] | None = None

    def read(self, reply: Reply) -> tuple[msgspec.Struct, list[str]]:
        text = text_of(reply.text)
        if reply.truncated:
            raise NoAnswer(_CUT)
        if not text:
            raise NoAnswer("The answer was empty.")
        return LlmText(text=text), []

    def finished(self, value: LlmText, context: Context) -> msgspec.Struct:
        return value


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


SCRIPT_SCHEMA = _object(
    title=_text("Title of the course."),
    objectives={"type": "array", "items": _text("What the learner can do afterwards.")},
    scenes={
        "type": "array",
        "items": _object(
            id=_text("Lower-case words joined by hyphens; no two scenes have the same."),
            title=_text("Heading of the slide."),
            bullets={"type": "array", "items": _text("A short point for the slide.")},
            narration=_text("What the presenter says: plain spoken sentences."),
        ),
    },
)


class Scripts:
    """`script`: a course."""

    schema: dict[str, Any] | None = SCRIPT_SCHEMA

    def __init__(self, request: LlmRequest) -> None:
        self._language = str(request.data.get("language") or "en")

    def read(self, reply: Reply) -> tuple[msgspec.Struct, list[str]]:
        try:
            written = object_of(reply.text)
        except NoAnswer:
            if reply.truncated:
                raise NoAnswer(_CUT) from None
            raise
        try:
            value = msgspec.convert({**written, "language": self._language}, Script)
        except msgspec.ValidationError as error:
            raise NoAnswer(f"{error}.") from None
        return value, []

    def finished(self, value: Script, context: Context) -> msgspec.Struct:
        return value
