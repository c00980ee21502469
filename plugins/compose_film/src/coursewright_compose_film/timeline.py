"""When each scene of the film begins and ends, in whole frames."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from coursewright.capabilities.compose import FilmScene
from coursewright.capabilities.llm import Scene

SOUND_RATE_HZ = 48_000
PACKET = 1024
"""Samples in a packet of AAC (ISO/IEC 14496-3, the LC profile's frame)."""
LEAD_S, TAIL_S = 0.36, 0.44
"""Quiet before and after each scene's speech: a breath between two slides."""


class Take(msgspec.Struct, frozen=True):
    """One scene's place in the film.

    `first_frame` and `frames` count film frames; `lead_s` is when the speech begins in the scene and
    `clip_delay` how many frames the clip's first picture is held before the clip runs.
    """

    scene: Scene
    first_frame: int
    frames: int
    fps: int
    lead_s: float
    clip_delay: int = 0

    @property
    def start_s(self) -> float:
        return self.first_frame / self.fps

    @property
    def end_s(self) -> float:
        return (self.first_frame + self.frames) / self.fps

    @property
    def first_packet(self) -> int:
        """The packet of the film's sound with which the speech begins: 11 ms early or late at most, which nobody
        sees on the lips, and a speech need never be encoded again because an earlier scene has changed."""
        return round((self.start_s + self.lead_s) * SOUND_RATE_HZ / PACKET)

    @property
    def speech_s(self) -> float:
        """When the speech begins in the film."""
        return self.first_packet * PACKET / SOUND_RATE_HZ

    def film_scene(self) -> FilmScene:
        return FilmScene(id=self.scene.id, title=self.scene.title, start_s=self.start_s, end_s=self.end_s)


def timeline(scenes: Sequence[Scene], speech_s: Sequence[float], clip_leads_s: Sequence[float], fps: int) -> list[Take]:
    """One take a scene: lead, speech and tail, padded to whole frames so that sound and picture cannot drift.

    `clip_leads_s` is empty without a presenter. A clip that begins to speak earlier than `LEAD_S` is
    held on its first picture, so that every scene opens with the same breath.
    """
    takes: list[Take] = []
    first = 0
    for index, (scene, duration_s) in enumerate(zip(scenes, speech_s, strict=True)):
        lead_s, delay = LEAD_S, 0
        if clip_leads_s:
            delay = max(0, math.ceil((LEAD_S - clip_leads_s[index]) * fps - 1e-6))
            lead_s = delay / fps + clip_leads_s[index]
        frames = math.ceil((lead_s + duration_s + TAIL_S) * fps - 1e-6)
        takes.append(Take(scene, first, frames, fps, lead_s, delay))
        first += frames
    return takes
