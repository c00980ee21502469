"""`compose`: slides, speech and presenter become the finished film, or without slides an audio lesson."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import Audio, File, Image, Language, Video
from coursewright.capabilities.llm import SceneId, Script
from coursewright.capabilities.slides import Slide
from coursewright.capabilities.tts import Speech
from coursewright.capabilities.video import Clip


class FilmRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lists run in the order of `script.scenes` and are as long; empty `slides` ask for sound only."""

    script: Script
    speech: Annotated[list[Speech], Meta(min_length=1)]
    slides: list[Slide] = []
    presenter: list[Clip] = []


class FilmScene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a scene of the script stands in the film."""

    id: SceneId
    title: str
    start_s: Annotated[float, Meta(ge=0)]
    end_s: Annotated[float, Meta(gt=0)]


class Film(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The finished film and what belongs to it."""

    title: str
    language: Language
    duration_s: Annotated[float, Meta(gt=0)]
    video: Annotated[Video | None, Meta(description="MP4, H.264 and AAC, index in front; none for sound only.")] = None
    audio: Annotated[Audio, Meta(description="The sound alone, M4A with chapters.")]
    captions: Annotated[File, Meta(description="WebVTT; its words are the script's.")]
    chapters: Annotated[File, Meta(description="WebVTT of kind chapters: one cue a scene.")]
    transcript: Annotated[File, Meta(description="Markdown: the narration under its scenes' titles.")]
    thumbnail: Image | None = None
    width_px: int = 0
    height_px: int = 0
    scenes: list[FilmScene]
