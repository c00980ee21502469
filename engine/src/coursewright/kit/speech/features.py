"""What a voice says, as numbers that depend little on whose voice it is. For worker processes only."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from coursewright.kit.speech.sound import Samples, resampled

Features = npt.NDArray[np.float32]

RATE_HZ = 16_000
HOP_S = 0.015
_HOP, _WINDOW, _FFT = 240, 400, 512
_BANDS, _CEPSTRA = 28, 13
_LOWEST_HZ, HIGHEST_HZ = 90.0, 7000.0
_RANGE_DB = 45.0
_LOUDNESS = 3.0
VOICED = 0.4 * _LOUDNESS
"""The first of a row's numbers, from here on, is that of speech."""


def features(samples: Samples, rate_hz: int, highest_hz: float = HIGHEST_HZ) -> Features:
    """One row every 15 ms: loudness (0 silent, 1 loud), cepstra 1 to 12, and the slopes of all of them.

    What is compared must have the same `highest_hz`, below half of either's rate.

    Cepstra have zero mean and unit variance over the loud frames, so that timbre, microphone and level fall out.
    In silence they fade to zero: there is nothing to compare but that it is silent.
    """
    mel = _log_mel(resampled(samples, rate_hz, RATE_HZ), highest_hz)
    level = np.log(np.exp(mel).mean(axis=1)) * (10 / np.log(10))
    top = np.percentile(level, 95)
    loudness = np.clip((level - top) / _RANGE_DB + 1, 0, 1.1)
    cepstra = mel @ _cosines().T
    speech = loudness > 0.35
    if speech.sum() > 10:
        cepstra = (cepstra - cepstra[speech].mean(axis=0)) / (cepstra[speech].std(axis=0) + 1e-3)
    cepstra = cepstra * np.clip((loudness - 0.15) / 0.3, 0, 1)[:, None]
    still = np.column_stack([loudness * _LOUDNESS, cepstra])
    return np.asarray(np.column_stack([still, 1.5 * _slopes(still)]), np.float32)


def _log_mel(samples: Samples, highest_hz: float) -> npt.NDArray[np.float64]:
    emphasised = np.append(samples[:1], samples[1:] - np.float32(0.97) * samples[:-1]).astype(np.float32)
    # Frame n is centred on n hops from the start.
    padded = np.pad(emphasised, (_WINDOW // 2, _WINDOW))
    count = len(samples) // _HOP + 1
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: count * _HOP : _HOP][:count]
    window = np.hamming(_WINDOW).astype(np.float32)
    rows = []
    for start in range(0, len(frames), 2048):  # half a minute at a time
        power = np.abs(np.fft.rfft(frames[start : start + 2048] * window, _FFT)) ** 2
        rows.append(np.log(power @ _mel_bands(highest_hz).T + 1e-8))
    return np.concatenate(rows)


@functools.cache
def _mel_bands(highest_hz: float) -> npt.NDArray[np.float64]:
    """Overlapping triangles, evenly spaced in mel (2595 log10(1 + f / 700))."""
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOWEST_HZ, highest_hz))
    edges = 700 * (10 ** (np.linspace(lowest, highest, _BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / RATE_HZ)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rising, falling), 0, None)


@functools.cache
def _cosines() -> npt.NDArray[np.float64]:
    order = np.arange(1, _CEPSTRA)[:, None]
    return np.cos(np.pi * order * (np.arange(_BANDS) + 0.5) / _BANDS)


def _slopes(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    padded = np.pad(rows, ((2, 2), (0, 0)), mode="edge")
    return np.asarray((2 * (padded[4:] - padded[:-4]) + (padded[3:-1] - padded[1:-3])) / 10, np.float64)
