"""The named results that may be asked for: what a model is told, how its reply is read, what comes of it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from coursewright.capabilities.llm import LlmRequest
from coursewright.kit.writing.asks import Reply
from coursewright.kit.writing.material import material_of
from coursewright.kit.writing.pace import pace_of
from coursewright.kit.writing.quizzes import Quizzes
from coursewright.kit.writing.schemas import Schema
from coursewright.kit.writing.scripts import Scenes, Scripts, Translations
from coursewright.kit.writing.texts import Summaries, Texts, Titles
from coursewright.providers import Context, Host


class Kind(Protocol):
    """One named result of one request."""

    @property
    def schema(self) -> Schema | None:
        """What a model has to fill in; None for plain text."""

    def wanted(self) -> list[str]:
        """The rules, as told to the model before it writes."""

    def read(self, reply: Reply) -> tuple[msgspec.Struct | None, list[str]]:
        """The value in the reply, or the faults for which it is refused. Raises NoAnswer."""

    def finished(self, value: msgspec.Struct, context: Context) -> msgspec.Struct:
        """The result, with all that is worked out rather than written."""


def kind_of(request: LlmRequest, host: Host) -> Kind:
    """What `request.returns` names. Raises BadInput for data that cannot be used."""
    material = material_of(request.data)
    language = material.language or "en"
    pace = pace_of(language, host.speech_pace(language))
    match request.returns:
        case "script":
            return Scripts(request, material, pace)
        case "scene":
            return Scenes(request, material, pace)
        case "translation":
            return Translations(request, material, pace)
        case "quiz":
            return Quizzes(request, material)
        case "summary":
            return Summaries(request, material)
        case "title":
            return Titles(request, material)
    return Texts()
