"""What goes in and out of the routes for a job's script."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from coursewright.capabilities.llm import SceneId
from msgspec import Meta

from coursewright_api.bodies import LINE, TEXT, In
from coursewright_api.files.links import Link
from coursewright_api.pipelines.structs import Estimate

Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Bullet = Annotated[str, Meta(min_length=1, max_length=300, pattern=LINE)]
Spoken = Annotated[str, Meta(min_length=1, max_length=20_000, pattern=TEXT, description="What is said; no markup.")]
Notes = Annotated[str, Meta(max_length=20_000, pattern=TEXT)]


class SceneEdit(In, frozen=True, kw_only=True):
    """A scene as its author wants it. One with a new id is new; one that is left out is removed."""

    id: SceneId
    title: Line
    bullets: Annotated[list[Bullet], Meta(max_length=5)] = msgspec.field(default_factory=list)
    narration: Spoken
    notes: Notes = ""
    image: Annotated[bool, Meta(description="Keep the picture that the scene has; false takes it away.")] = True


class ScriptEdit(In, frozen=True, kw_only=True):
    """The whole script, with its scenes in their order."""

    title: Line
    scenes: Annotated[list[SceneEdit], Meta(min_length=1, max_length=500)]


class SceneInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A scene of a script, and what is to be made of it."""

    id: str
    title: str
    bullets: list[str]
    narration: str
    notes: str
    image: Annotated[Link | None, Meta(description="A link to its picture, if it has one.")]
    duration_s: Annotated[float, Meta(description="How long saying it takes, estimated.")]
    change: Annotated[Literal["", "edited", "new"], Meta(description="What its author has done since then.")]
    to_make: Annotated[list[str], Meta(description="The steps whose result for this scene is missing or out of date.")]


class JobScript(msgspec.Struct, frozen=True, kw_only=True):
    """The script of a job as it is now, and what making the course of it takes."""

    step: Annotated[str, Meta(description="The step that gave it.")]
    title: str
    language: str
    scenes: list[SceneInfo]
    removed: Annotated[list[str], Meta(description="Titles of scenes that were taken out since then.")]
    edited: Annotated[bool, Meta(description="Its author has changed it since it was last made.")]
    duration_s: float
    characters_per_s: Annotated[float, Meta(description="The pace that the estimates suppose.")]
    to_make: Annotated[int, Meta(description="Tasks to be made; 0: everything is made of this very script.")]
    estimate: Annotated[Estimate, Meta(description="What making them takes.")]
