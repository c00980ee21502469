"""Mouth tracks and head movements as plain numbers."""

from __future__ import annotations

import numpy as np
import pytest
from coursewright.capabilities.tts import Phoneme
from coursewright_video_portrait.motion import Motion, nods
from coursewright_video_portrait.stage import OPENINGS, MouthState
from coursewright_video_portrait.visemes import PRESSED, track


def test_lips_are_shut_on_m_b_and_p_however_short() -> None:
    for closed in "mbp":
        sounds = [Phoneme("'a", 0.0), Phoneme(closed, 0.30), Phoneme("'a", 0.36), Phoneme("_", 0.7)]

        opening = track(sounds, 25, 25)[:, 0]

        assert opening[:25].min() < PRESSED / 3
        assert 7 <= int(np.argmin(opening)) <= 8


@pytest.mark.parametrize(
    ("symbol", "opening", "spread"),
    [("'A:", 0.96, 0.05), ("i:", 0.26, 0.55), ("'u:", 0.26, -0.85), ("f", 0.09, 0.1), ("_:", 0.0, 0.0), ("", 0, 0)],
)
def test_a_long_sound_reaches_its_shape(symbol: str, opening: float, spread: float) -> None:
    assert track([Phoneme(symbol, 0.0)], 25, 25)[12] == pytest.approx((opening, spread), abs=0.03)


def test_a_track_bears_any_timings() -> None:
    wild = [Phoneme("a", -5.0), Phoneme("m", 1e300), Phoneme("nonsense", 0.1), Phoneme("\x00", 3.0)]

    assert track(wild, 10, 25).shape == (10, 2)
    assert np.all(track([], 10, 25) == 0)


def test_lids_shut_whole_and_seldom() -> None:
    motion = Motion(60.0, seed=3)

    lids = np.array([motion.lid(frame / 50) for frame in range(3000)])

    blinks = int(((lids[1:] > 0.9) & (lids[:-1] <= 0.9)).sum())
    assert lids.max() == 1.0
    assert 10 <= blinks <= 30
    assert (lids > 0).mean() < 0.12


def test_another_seed_moves_otherwise_and_the_same_alike() -> None:
    def path(seed: int) -> list[float]:
        motion = Motion(10.0, seed)
        return [motion.sway(frame / 5).x for frame in range(50)]

    assert path(1) == path(1)
    assert path(1) != path(2)
    assert 0.005 < max(map(abs, path(1))) < 0.06


def test_the_head_dips_with_the_voice_and_slowly() -> None:
    opening = np.zeros(100, np.float32)
    opening[40:60] = 1

    dip = nods(opening, 25)

    assert len(dip) == 100
    assert dip[0] == 0
    assert dip[50] == dip.max() > 0.04
    assert np.abs(np.diff(dip)).max() < 0.015


def test_mouth_positions_cover_the_track() -> None:
    assert MouthState.nearest(1.4, 3.0) == (OPENINGS - 1, 6)
    assert MouthState.nearest(-0.2, 0.0) == (-1, 3)
    assert MouthState.nearest(-0.01, -2.0) == (0, 0)
