"""The mouth from sound alone, for voices that tell no phonemes: how loud which part of the spectrum is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from coursewright_video_portrait.sound import Samples
from coursewright_video_portrait.visemes import RATE_HZ as STEPS_HZ
from coursewright_video_portrait.visemes import Track, sampled, smoothed

RATE_HZ = 16_000
_HOP = RATE_HZ // STEPS_HZ
_WINDOW = 400  # 25 ms, the usual window of speech analysis
_CHUNK_HOPS = 8 * STEPS_HZ  # memory stays flat: the spectrum of 8 s at a time

# The first formant is high for open vowels and low for closed ones; the second is high for spread lips and
# low for round ones; noise above 3.8 kHz is a fricative, made with nearly closed teeth.
_BANDS_HZ = {"closed": (250, 450), "open": (450, 1100), "spread": (1600, 2800), "noise": (3800, 8000)}
_VOICE_HZ = (150, 3000)


_SILENCE = 1e7
"""Energy in the voice's band of a tone at -60 dB of full scale: what stays below it is no speech."""


class Heard(msgspec.Struct, frozen=True):
    """Energy per 5 ms: columns closed, open, spread, noise, voice."""

    energy: npt.NDArray[np.float32]


def listen(sound: Iterable[Samples]) -> tuple[float, Heard]:
    """Length in seconds, and the energies. The sound is read once, in pieces."""
    samples = 0
    rows: list[npt.NDArray[np.float32]] = []
    for chunk, fresh in _chunks(sound):
        samples += fresh
        if len(chunk) >= _WINDOW:
            rows.append(_energies(chunk))
    energy = np.concatenate(rows) if rows else np.zeros((0, len(_BANDS_HZ) + 1), np.float32)
    return samples / RATE_HZ, Heard(energy)


def track(heard: Heard, lead_s: float, frames: int, fps: int) -> Track:
    """Mouth positions of `frames` frames; the sound begins after `lead_s`."""
    steps = np.zeros((int(np.ceil(frames / fps * STEPS_HZ)) + 1, 2), np.float32)
    if len(heard.energy):
        position = _positions(heard.energy)
        first = round(lead_s * STEPS_HZ) + _WINDOW // _HOP // 2
        room = max(0, min(len(position), len(steps) - first))
        steps[first : first + room] = position[:room]
    smooth = np.stack([smoothed(steps[:, 0], 0.022), smoothed(steps[:, 1], 0.05)], axis=1)
    return sampled(smooth, frames, fps)


def _positions(energy: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    closed, opened, spread, noise, voice = (energy[:, column] + 1e-9 for column in range(5))
    loud = max(float(np.percentile(voice, 95)), _SILENCE)
    # The loudest vowels open fully; 32 dB below them is a pause.
    level = np.clip((10 * np.log10(voice / loud) + 32) / 32, 0, 1)
    opening = level**1.6 * np.clip(0.35 + 0.9 * opened / (opened + closed), 0, 1)
    opening *= np.clip(1 - 0.8 * noise / (noise + voice), 0, 1)
    width = np.clip(0.55 * np.log10(spread / (opened + closed)) + 0.55, -1, 1) * level
    return np.stack([np.where(opening < 0.05, 0, opening), width], axis=1).astype(np.float32)


def _energies(chunk: Samples) -> npt.NDArray[np.float32]:
    windows = np.lib.stride_tricks.sliding_window_view(chunk, _WINDOW)[::_HOP].astype(np.float32)
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW).astype(np.float32), axis=1)) ** 2
    pitch = np.fft.rfftfreq(_WINDOW, 1 / RATE_HZ)
    bands = [*_BANDS_HZ.values(), _VOICE_HZ]
    return np.stack([power[:, (pitch >= low) & (pitch < high)].sum(axis=1) for low, high in bands], axis=1).astype(
        np.float32
    )


def _chunks(sound: Iterable[Samples]) -> Iterator[tuple[Samples, int]]:
    """(samples that start on a hop and overlap by a window, how many of them are new)."""
    size = _CHUNK_HOPS * _HOP
    overlap = _WINDOW - _HOP
    kept = np.zeros(0, np.int16)
    new = 0
    for block in sound:
        kept = np.concatenate([kept, block])
        new += len(block)
        while len(kept) >= size + overlap:
            yield kept[: size + overlap], 0
            kept = kept[size:]
    yield kept, new
