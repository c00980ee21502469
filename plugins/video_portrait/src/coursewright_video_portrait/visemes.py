"""Phonemes to mouth positions: a track of openings and spreads, smooth as lips are, shut where they must be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt
from coursewright.capabilities.tts import Phoneme

Track = npt.NDArray[np.float32]
"""Frames × 2: opening (0…1, below 0 pressed shut) and spread (-1 round … 1 wide)."""

PRESSED = -0.25
RATE_HZ = 200
"""Of the track before it is sampled per frame: 5 ms steps."""


class _Shape(msgspec.Struct, frozen=True):
    opening: float
    spread: float


_REST = _Shape(0.0, 0.0)
_PRESS = _Shape(PRESSED, -0.05)
_NEUTRAL = _Shape(0.34, 0.0)

_SHAPES: dict[str, _Shape] = {
    **dict.fromkeys(("m", "b", "p"), _PRESS),
    **dict.fromkeys(("f", "v"), _Shape(0.09, 0.10)),
    **dict.fromkeys(("T", "D"), _Shape(0.20, 0.05)),
    **dict.fromkeys(("t", "d", "n"), _Shape(0.18, 0.10)),
    **dict.fromkeys(("s", "z", "c"), _Shape(0.12, 0.30)),
    **dict.fromkeys(("S", "Z", "tS", "dZ"), _Shape(0.20, -0.45)),
    **dict.fromkeys(("k", "g", "N", "x", "X", "q", "Q"), _Shape(0.26, 0.05)),
    **dict.fromkeys(("r", "R", "3", "*"), _Shape(0.22, -0.35)),
    "l": _Shape(0.28, 0.05),
    "w": _Shape(0.15, -0.85),
    **dict.fromkeys(("h", "H", "?"), _Shape(0.28, 0.0)),
    "j": _Shape(0.24, 0.45),
    **dict.fromkeys(("A", "A:", "aI", "aU", "A@", "V", "0"), _Shape(0.86, 0.05)),
    **dict.fromkeys(("a", "aa", "&"), _Shape(0.72, 0.30)),
    **dict.fromkeys(("E", "e", "eI"), _Shape(0.52, 0.40)),
    **dict.fromkeys(("I", "i", "I2", "i:", "i@", "I#"), _Shape(0.32, 0.55)),
    **dict.fromkeys(("O", "o", "O:", "oU", "OI", "O@", "o@", "O2"), _Shape(0.60, -0.60)),
    **dict.fromkeys(("U", "u", "u:", "y", "Y", "U@"), _Shape(0.26, -0.85)),
    **dict.fromkeys(("@", "@2", "3:"), _NEUTRAL),
}
"""By espeak-ng's mnemonics without marks of stress; unlisted ones go by their first letter."""

# Lips reach a shape over about a twentieth of a second and round more slowly than they part.
_PART_S, _ROUND_S, _SHUT_S = 0.028, 0.045, 0.014
_LATE_IN_FRAME = 0.75  # a frame shows the mouth of its later part: seen a little early is seen in time


def track(phonemes: Sequence[Phoneme], frames: int, fps: int) -> Track:
    """Mouth positions of `frames` frames: at rest before the first phoneme, and as the last one to the end."""
    length = int(np.ceil(frames / fps * RATE_HZ)) + 1
    steps = np.zeros((length, 2), np.float32)
    onsets = [int(min(max(0.0, phoneme.start_s) * RATE_HZ, length)) for phoneme in phonemes]
    for phoneme, (first, last) in zip(phonemes, pairwise([*onsets, length]), strict=True):
        steps[first : max(last, first + 1)] = _position(phoneme.symbol)
    shut = (steps[:, 0] < 0).astype(np.float32)
    smooth = np.stack([smoothed(steps[:, 0], _PART_S), smoothed(steps[:, 1], _ROUND_S)], axis=1)
    # Smoothing must not leave a gap between lips that the sound needs closed.
    hold = np.clip(1.25 * smoothed(shut, _SHUT_S), 0, 1)
    smooth[:, 0] = smooth[:, 0] * (1 - hold) + PRESSED * hold
    return sampled(smooth, frames, fps)


def sampled(steps: npt.NDArray[np.float32], frames: int, fps: int) -> Track:
    """One row per frame out of a track of `RATE_HZ`."""
    at = ((np.arange(frames) + _LATE_IN_FRAME) / fps * RATE_HZ).astype(int)
    return np.asarray(steps[np.clip(at, 0, len(steps) - 1)], np.float32)


def smoothed(values: npt.NDArray[np.float32], sigma_s: float) -> npt.NDArray[np.float32]:
    """Gaussian smoothing of a track of `RATE_HZ`."""
    reach = int(4 * sigma_s * RATE_HZ) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / RATE_HZ / sigma_s) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), "valid").astype(np.float32)


def _position(symbol: str) -> tuple[float, float]:
    shape = _shape(symbol.lstrip("',%="))
    if shape.opening <= 0.3:
        return shape.opening, shape.spread
    stress = {"'": 1.12, ",": 1.0}.get(symbol[:1], 0.82)  # unstressed vowels are made with less of the jaw
    return min(1.0, shape.opening * stress), shape.spread


def _shape(bare: str) -> _Shape:
    if not bare or bare.startswith("_"):
        return _REST
    for length in (3, 2, 1):
        if bare[:length] in _SHAPES:
            return _SHAPES[bare[:length]]
    return _NEUTRAL
