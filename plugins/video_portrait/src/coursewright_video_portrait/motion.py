"""What a listener does not notice and would miss: blinks, and the slight sway of a living head."""

from __future__ import annotations

import math
import random

import msgspec
import numpy as np
import numpy.typing as npt

# Adults blink every 2–6 s while talking; closing takes about 70 ms, opening twice that.
_GAP_S = (2.2, 5.4)
_CLOSING_S, _SHUT_S, _OPENING_S = 0.07, 0.04, 0.15
_BLINK_S = _CLOSING_S + _SHUT_S + _OPENING_S
_SETTLED_S = 0.7


class Sway(msgspec.Struct, frozen=True):
    """How the head is moved: `x`, `y` in eye distances, `turn` in radians, `zoom` as a share."""

    x: float
    y: float
    turn: float
    zoom: float


class Motion:
    """The movements of one clip. The same seed gives the same movements."""

    def __init__(self, duration_s: float, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a pattern of movements, no secret
        self._duration_s = duration_s
        self._phases = [chance.uniform(0, 2 * math.pi) for _ in range(7)]
        self._blinks = list(_blink_times(duration_s, chance))

    def sway(self, at_s: float) -> Sway:
        """At both ends of a clip the head rests, so that one clip follows another without a jump."""
        calm = _smooth(at_s / _SETTLED_S) * _smooth((self._duration_s - at_s) / _SETTLED_S)

        def wave(period_s: float, phase: int) -> float:
            return math.sin(2 * math.pi * at_s / period_s + self._phases[phase])

        return Sway(
            x=calm * (0.034 * wave(5.3, 0) + 0.013 * wave(2.1, 1)),
            y=calm * (0.016 * wave(3.7, 2) + 0.006 * wave(1.7, 3)),
            turn=calm * (0.013 * wave(6.1, 4) + 0.005 * wave(2.9, 5)),
            zoom=calm * 0.005 * wave(4.3, 6),
        )

    def lid(self, at_s: float) -> float:
        """How far the eyes are shut, 0…1."""
        for start_s in self._blinks:
            since = at_s - start_s
            if 0 <= since < _BLINK_S:
                closing = since / _CLOSING_S
                opening = (since - _CLOSING_S - _SHUT_S) / _OPENING_S
                return _smooth(min(1.0, closing)) if opening < 0 else 1 - _smooth(opening)
        return 0.0


def nods(opening: npt.NDArray[np.float32], fps: int) -> npt.NDArray[np.float32]:
    """How far the head dips with the voice, per frame, in eye distances: the mouth's movement, made slow."""
    reach = max(1, round(0.22 * fps))
    kernel = np.hanning(2 * reach + 3)[1:-1].astype(np.float32)
    slow = np.convolve(np.pad(np.maximum(opening, 0), reach, mode="edge"), kernel / kernel.sum(), "valid")
    return (0.055 * slow).astype(np.float32)


def _blink_times(duration_s: float, chance: random.Random) -> list[float]:
    times, at_s = [], chance.uniform(0.6, _GAP_S[1])
    while at_s < duration_s - _BLINK_S:
        times.append(at_s)
        # One blink in eight is a double one.
        at_s += _BLINK_S + 0.08 if chance.random() < 0.125 else chance.uniform(*_GAP_S)
    return times


def _smooth(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
