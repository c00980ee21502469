"""`video`: a portrait and speech become a clip of a presenter speaking."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import Audio, Image, Video
from coursewright.capabilities.tts import Speech

EvenPixels = Annotated[int, Meta(ge=16, le=7680, multiple_of=2)]


class ClipRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who speaks, and what is heard: `speech` of a `tts` step, or `audio` of a person's own recording."""

    portrait: Annotated[Image | None, Meta(description="Photo or drawing; none: the provider's own presenter.")] = None
    speech: Speech | None = None
    audio: Annotated[Audio | None, Meta(description="A recording to speak, instead of `speech`.")] = None
    width_px: EvenPixels = 352
    height_px: EvenPixels = 440
    fps: Annotated[int, Meta(ge=10, le=60)] = 25
    lead_s: Annotated[float, Meta(ge=0, le=5, description="Quiet presence before the speech.")] = 0.36
    tail_s: Annotated[float, Meta(ge=0, le=5, description="Quiet presence after the speech.")] = 0.44


class Clip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A video with sound in which the speech begins after `lead_s`. A service that pads nothing says 0."""

    video: Video
    duration_s: Annotated[float, Meta(gt=0)]
    width_px: int
    height_px: int
    fps: float
    lead_s: Annotated[float, Meta(ge=0)] = 0.0
