"""What passes between the provider's thread and the worker processes. Paths are local files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

Framing = Literal["face", "portrait"]

GRID_HZ = 25
"""Pieces begin and end on this grid: KDTalker and SadTalker make 25 pictures a second whatever they are given."""
RATE_HZ = 16_000
"""The rate to which both models bring any sound; sending it leaves nothing to be converted differently."""
OVERLAP = 5
"""Pictures that a piece has beyond each of its seams: 0.4 s in which one head fades into the other."""


class Box(msgspec.Struct, frozen=True):
    """A rectangle in pixels of a picture, from its top left corner; may reach beyond it."""

    x: float
    y: float
    width: float
    height: float


class Portrait(msgspec.Struct, frozen=True):
    """A portrait made ready.

    `sent` is the PNG for the service and shows `box` of `whole`, the upright portrait; `face` is the face's
    square in `whole`. `digest` is the SHA-256 of `sent`.
    """

    sent: Path
    whole: Path
    box: Box
    face: Box
    digest: str
    notices: list[str]


class Piece(msgspec.Struct, frozen=True):
    """A stretch of the sound as a WAV of its own, overlaps included; frames of the 25 Hz grid.

    Its picture is shown alone from `first + OVERLAP` to `first + frames - OVERLAP`, but for the clip's own ends.
    """

    sound: Path
    first: int
    frames: int
    digest: str

    @property
    def start_s(self) -> float:
        """When the piece begins in the clip."""
        return self.first / GRID_HZ

    @property
    def duration_s(self) -> float:
        return self.frames / GRID_HZ


class Sound(msgspec.Struct, frozen=True):
    """The whole sound, and the pieces that it was cut into."""

    duration_s: float
    pieces: list[Piece]


class Shape(msgspec.Struct, frozen=True):
    """What the finished clip is like. `sharpen` is the share of the fine detail that is added once more."""

    width_px: int
    height_px: int
    fps: int
    framing: Framing
    sharpen: float


class JoinJob(msgspec.Struct, frozen=True):
    """All that decides the finished clip, and where it goes. `answers` are MP4s, one a piece."""

    pieces: list[Piece]
    answers: list[Path]
    portrait: Portrait
    sound: Path
    sound_field: str
    duration_s: float
    shape: Shape
    clip: Path


class Joined(msgspec.Struct, frozen=True):
    """What came out."""

    frames: int
    notices: list[str]
