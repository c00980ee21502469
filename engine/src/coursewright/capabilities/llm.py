"""`llm`: a prompt and data become text, or a value of a named result type such as `script`."""

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
        Literal["text", "script"], Meta(description="The named type that the reply must have.", extra={"returns": True})
    ] = "text"


class LlmText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply of `returns: text`."""

    text: str


SceneId = Annotated[
    str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$", description="Stable within the course.", extra={"identity": True})
]


class Scene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The unit a script is made of: what is shown, and what is said meanwhile."""

    id: SceneId
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    bullets: Annotated[list[Annotated[str, Meta(min_length=1, max_length=300)]], Meta(max_length=5)] = []
    narration: Annotated[str, Meta(min_length=1, max_length=20_000, description="Spoken text; no markup.")]
    image: Image | None = None
    notes: Annotated[str, Meta(description="For the author; neither shown nor said.")] = ""
    duration_s: Annotated[float, Meta(ge=0, description="Estimate of the spoken length.")] = 0.0


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply of `returns: script`: a whole course as text. Scene ids are unique."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    language: Language = "en"
    objectives: list[str] = []
    scenes: Annotated[list[Scene], Meta(min_length=1, max_length=500)]
    duration_s: Annotated[float, Meta(ge=0, description="Sum of the scenes' estimates.")] = 0.0

    def __post_init__(self) -> None:
        ids = [scene.id for scene in self.scenes]
        if twice := next((scene_id for scene_id in ids if ids.count(scene_id) > 1), None):
            raise ValueError(f"two scenes have the id '{twice}'")


RETURNS: dict[str, type[msgspec.Struct]] = {"text": LlmText, "script": Script}
"""The named result types that `returns` may ask for."""
