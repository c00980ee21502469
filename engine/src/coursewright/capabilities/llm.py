"""`llm`: a prompt and data become text, or a value of a named result type such as `script` or `quiz`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import Image, Language


class LlmRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a writer is asked for.

    In a pipeline `prompt` names a Jinja2 template beside the pipeline; the engine renders it with
    `data` and hands over the finished text, so a provider never sees a template.
    """

    prompt: Annotated[str, Meta(description="The rendered prompt.", extra={"template": True})] = ""
    data: Annotated[
        dict[str, Any],
        Meta(description="The values the prompt was rendered with, such as notes, topic, minutes, language."),
    ] = {}
    returns: Annotated[
        Literal["text", "script", "scene", "quiz", "translation", "summary", "title"],
        Meta(description="The named type that the reply must have.", extra={"returns": True}),
    ] = "text"


class LlmText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply of `returns: text`, `summary` (some paragraphs) or `title` (one line)."""

    text: str


_ID = "^[a-z0-9][a-z0-9-]{0,62}$"
SceneId = Annotated[str, Meta(pattern=_ID, description="Stable within the course.", extra={"identity": True})]


class Scene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is shown, and what is said meanwhile: the unit of a script, and by itself a reply of `returns: scene`."""

    id: SceneId
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    bullets: Annotated[list[Annotated[str, Meta(min_length=1, max_length=300)]], Meta(max_length=5)] = []
    narration: Annotated[str, Meta(min_length=1, max_length=20_000, description="Spoken text; no markup.")]
    image: Image | None = None
    notes: Annotated[str, Meta(description="For the author; neither shown nor said.")] = ""
    duration_s: Annotated[float, Meta(ge=0, description="Estimate of the spoken length.")] = 0.0


class Passage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of the author's notes."""

    text: Annotated[str, Meta(max_length=500)]
    line: Annotated[int, Meta(ge=1, description="Where it begins in the notes' Markdown, counted from 1.")]


class SceneReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one scene rests on."""

    id: SceneId
    words: Annotated[int, Meta(ge=0)]
    passages: Annotated[list[Passage], Meta(description="Of the notes, in their order.")] = []
    support: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="Share of its weighty words that the passages hold."),
    ] = None
    unsupported: Annotated[bool, Meta(description="The notes hardly speak of this: check it.")] = False


class Readability(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How hard a text is to follow, by a published formula."""

    score: float
    formula: Annotated[str, Meta(description="The formula with its source.")]
    level: Annotated[str, Meta(description="What the score means, in a word or two.")]


class ScriptReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known about a script. Characters that stand without spaces, such as Chinese, count as words."""

    words: Annotated[int, Meta(ge=0, description="Of all narrations.")]
    characters: Annotated[int, Meta(ge=0, description="Of all narrations, with spaces.")]
    duration_s: Annotated[float, Meta(ge=0, description="How long saying them takes.")]
    asked_s: Annotated[Annotated[float, Meta(ge=0)] | None, Meta(description="The length asked for.")] = None
    characters_per_s: Annotated[float, Meta(ge=0, description="The pace that this supposes.")]
    pace_measured: Annotated[bool, Meta(description="Measured on speech made here, or a usual pace.")] = False
    readability: Readability | None = None
    scenes: list[SceneReport] = []


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply of `returns: script` or `translation`: a whole course as text. Scene ids are unique."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    language: Language = "en"
    objectives: list[str] = []
    scenes: Annotated[list[Scene], Meta(min_length=1, max_length=500)]
    duration_s: Annotated[float, Meta(ge=0, description="Sum of the scenes' estimates.")] = 0.0
    # what is made of a script does not depend on what is known about it, so it stays out of step keys
    report: Annotated[
        ScriptReport | None, Meta(description="Length, readability, sources.", extra={"identity": True})
    ] = None

    def __post_init__(self) -> None:
        ids = [scene.id for scene in self.scenes]
        if twice := next((scene_id for scene_id in ids if ids.count(scene_id) > 1), None):
            raise ValueError(f"two scenes have the id '{twice}'")


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the answers to choose from."""

    text: Annotated[str, Meta(min_length=1, max_length=500)]
    correct: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question with exactly one correct answer."""

    scene: Annotated[str, Meta(pattern=_ID, description="Id of the scene that answers it.")]
    question: Annotated[str, Meta(min_length=1, max_length=500)]
    answers: Annotated[list[Answer], Meta(min_length=2, max_length=5)]
    explanation: Annotated[str, Meta(max_length=1000, description="Why that answer is the correct one.")] = ""

    def __post_init__(self) -> None:
        if (correct := sum(answer.correct for answer in self.answers)) != 1:
            raise ValueError(f"{correct} answers are marked as correct, not one")
        if len({" ".join(answer.text.casefold().split()) for answer in self.answers}) < len(self.answers):
            raise ValueError("two answers are the same")


class Quiz(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply of `returns: quiz`: questions about a script, in the order of its scenes."""

    language: Language = "en"
    questions: Annotated[list[Question], Meta(min_length=1, max_length=200)]


RETURNS: dict[str, type[msgspec.Struct]] = {
    "text": LlmText,
    "script": Script,
    "scene": Scene,
    "quiz": Quiz,
    "translation": Script,
    "summary": LlmText,
    "title": LlmText,
}
"""The named result types that `returns` may ask for."""
