"""A narration of thirty pieces in one clip: in time with the sound to the end, without a seam that shows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from coursewright.capabilities.video import ClipRequest
from coursewright.kit.clips.jobs import OVERLAP
from coursewright.kit.clips.sound import cut_sound
from coursewright.testing.standins import sounds
from coursewright.testing.standins.spaces import SpaceServer

Studio = Any
"""The fixture of conftest.py."""

RATE_HZ = 16_000
SAYS = "The tide comes in twice a day. It is the moon that pulls the water toward it. And then it goes out again. "
SECONDS = 240
PIECE_S = 8.0


def test_a_long_narration_ends_with_the_sound_and_shows_no_seam(
    studio: Studio, infer: SpaceServer, tmp_path: Path
) -> None:
    """The pictures are small here, 128 × 128 instead of 512 × 512, and the pieces short: it is their time and order
    that is tested, and what each piece may be off adds up over many."""
    spoken = sounds.hum(SAYS, rate_hz=RATE_HZ)
    samples = np.tile(spoken, SECONDS * RATE_HZ // len(spoken) + 1)[: SECONDS * RATE_HZ + 123]
    infer.switch(progress=False)
    request: ClipRequest = studio.request(speech=studio.speech_of(samples), width_px=96, height_px=144)
    provider = studio.provider(infer, piece_s=PIECE_S)
    clip = provider.run(request, studio.bench.context(provider, timeout_s=110))

    length_s = len(samples) / RATE_HZ
    assert abs(clip.duration_s - length_s) <= 0.04
    with av.open(str(studio.bench.store.fetch(clip.video))) as container:
        upper = [frame.to_ndarray()[: frame.height * 5 // 9].astype(np.int16) for frame in container.decode(video=0)]
        container.seek(0)
        heard_s = sum(frame.samples for frame in container.decode(audio=0)) / 48_000
    assert len(upper) == round(clip.duration_s * 25)
    assert abs(heard_s - length_s) <= 0.04 + 1024 / 48_000  # AAC ends with a whole packet

    steps = np.array([np.abs(after - before).mean() for before, after in pairwise(upper)])
    assert request.speech is not None
    pieces = cut_sound(studio.bench.store.fetch(request.speech.audio), tmp_path, "speech", PIECE_S).pieces
    assert len(pieces) >= 30
    assert len(infer.requests) == len({piece.digest for piece in pieces})
    near = np.zeros(len(steps), bool)
    for piece in pieces[1:]:
        near[piece.first - 1 : piece.first + 2 * OVERLAP + 1] = True
    # Where one piece gives way to the next, the picture changes as it does while the head sways.
    assert steps[near].max() < 1.5 * steps[~near].max()
