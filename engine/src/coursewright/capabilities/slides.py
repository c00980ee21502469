"""`slides`: a scene becomes a slide image."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import File, Image, Language
from coursewright.capabilities.llm import Scene
from coursewright.capabilities.video import EvenPixels

Accent = Annotated[
    str,
    Meta(
        pattern="^(#[0-9a-fA-F]{6}|blue|green|orange|purple|red|teal)$",
        description="The one strong colour: blue, green, orange, purple, red, teal, or hex such as #2a6f97.",
    ),
]


class SlideRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scene to show. `presenter` keeps a place free where `compose` puts the presenter's clip."""

    scene: Scene
    footer: Annotated[str, Meta(max_length=200)] = ""
    language: Language = "en"
    presenter: bool = False
    presenter_side: Literal["right", "left"] = "right"
    theme: Literal["light", "dark"] = "light"
    accent: Accent = "blue"
    theme_file: Annotated[
        File | None, Meta(description="A theme of the author's own, in the provider's form; what it says comes first.")
    ] = None
    width_px: EvenPixels = 1280
    height_px: EvenPixels = 720


class Box(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rectangle on the slide, from its top left corner; all four are even."""

    x_px: int
    y_px: int
    width_px: int
    height_px: int


class Slide(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A PNG, and where the presenter may stand on it."""

    image: Image
    width_px: int
    height_px: int
    presenter_box: Box | None = None
