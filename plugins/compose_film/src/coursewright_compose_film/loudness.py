"""Loudness after ITU-R BS.1770-4, for one channel at 48 kHz."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
HOP = RATE_HZ // 10
"""Samples in 100 ms: gating blocks are four hops long and overlap by three."""
_CHUNK = 50 * HOP
_WARM_UP = 3 * HOP
"""The filters' memory: the 38 Hz high-pass has died away after 0.3 s. With it a chunk just fills 2^18 samples."""
SILENT_LUFS = -70.0
"""BS.1770's absolute gate."""

# K-weighting at 48 kHz, the coefficients of BS.1770-4, tables 1 and 2: a high shelf, then a high-pass.
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))

Samples = NDArray[np.float32]


def hop_energies(chunks: Iterable[Samples]) -> list[float]:
    """Mean square of the K-weighted signal in each 100 ms; the last, incomplete hop is padded with silence.

    Memory is bounded by one chunk of 5 s, however long the signal is.
    """
    energies: list[float] = []
    history = np.zeros(_WARM_UP, np.float32)
    for block in _blocks(chunks):
        weighted = _k_weighted(np.concatenate((history, block)))[_WARM_UP:]
        energies += np.mean(np.square(weighted).reshape(-1, HOP), axis=1).tolist()
        history = np.concatenate((history, block))[-_WARM_UP:]
    return energies


def integrated_lufs(hops: Sequence[float]) -> float:
    """Gated loudness of the signal whose hop energies these are; `SILENT_LUFS` when nothing passes the gate."""
    padded = np.asarray([*hops, *[0.0] * max(0, 4 - len(hops))])
    blocks = np.convolve(padded, np.full(4, 0.25), "valid")
    loud = blocks[_lufs(blocks) > SILENT_LUFS]
    if not loud.size:
        return SILENT_LUFS
    relative_gate = _lufs(loud.mean()) - 10.0
    return float(_lufs(loud[_lufs(loud) > relative_gate].mean()))


def _lufs(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    return -0.691 + 10.0 * np.log10(np.maximum(energy, 1e-12))


def _blocks(chunks: Iterable[Samples]) -> Iterable[Samples]:
    held: list[Samples] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _CHUNK:
            joined = np.concatenate(held)
            whole = len(joined) // _CHUNK * _CHUNK
            yield from joined[:whole].reshape(-1, _CHUNK)
            held, size = [joined[whole:]], len(joined) - whole
    if size:
        rest = np.concatenate(held)
        yield np.pad(rest, (0, math.ceil(size / HOP) * HOP - size))


def _k_weighted(signal: Samples) -> Samples:
    """Filtered in the frequency domain, where what rings past the end falls on the warm-up, which nobody reads."""
    size = 1 << (len(signal) - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(signal, size) * _response(size), size)
    return filtered[: len(signal)].astype(np.float32)


@functools.cache
def _response(size: int) -> NDArray[np.complex64]:
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    response: NDArray[np.complex128] = np.ones_like(delay)
    for b, a in (_SHELF, _HIGH_PASS):
        response = response * np.polyval(b[::-1], delay) / np.polyval(a[::-1], delay)
    return response.astype(np.complex64)
