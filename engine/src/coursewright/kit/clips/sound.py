"""Any recording as 16 kHz mono, cut at its pauses into pieces with room to fade over. In a worker."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from coursewright.errors import BadInput
from coursewright.kit.clips.jobs import GRID_HZ, OVERLAP, RATE_HZ, Piece, Sound

Samples = npt.NDArray[np.int16]

MAX_S = 4 * 3600.0
LEAST_PIECE = GRID_HZ
"""Frames in the shortest piece: models need some tenths of a second of sound, and a GPU's start costs the same."""

_HOP = RATE_HZ // GRID_HZ
_PIECE_COST = 0.4
"""What one more piece may cost against a seam in loud speech, which costs 1: a pause is worth a piece."""


_FADE = np.hanning(2 * OVERLAP + 2)[1:-1].astype(np.float32)
_FADE /= _FADE.sum()


def cut_sound(source: Path, folder: Path, field: str, piece_s: float) -> Sound:
    """Write pieces of at most `piece_s` seconds, overlaps included, into `folder` as 16-bit WAV.

    Each is a whole number of 40 ms frames (the last padded with silence), and at least 1 s. Raises
    BadInput(field) for what holds no sound or cannot be decoded.
    """
    whole = folder / "sound.s16"
    with whole.open("wb") as file:
        for block in blocks(source, RATE_HZ, "mono", field):
            file.write(block.tobytes())
    length = whole.stat().st_size // 2
    if length == 0:
        raise BadInput("the recording is empty", field=field, remedy="give a recording with speech in it")
    samples = np.memmap(whole, np.int16, "r")
    frames = max(-(-length // _HOP), LEAST_PIECE)
    cuts = [0, *seams(_loudness(samples, frames), round(piece_s * GRID_HZ)), frames]
    pieces = []
    for number, (begin, end) in enumerate(pairwise(cuts), 1):
        first = max(0, begin - OVERLAP)
        count = min(frames, end + OVERLAP) - first
        part = np.zeros(count * _HOP, np.int16)
        heard = samples[first * _HOP : (first + count) * _HOP]
        part[: len(heard)] = heard
        path = folder / f"piece{number:03}.wav"
        _write_wav(path, part)
        pieces.append(Piece(path, first, count, hashlib.sha256(part.tobytes()).hexdigest()))
    del samples
    whole.unlink()
    return Sound(length / RATE_HZ, pieces)


def seams(loudness: npt.NDArray[np.float32], most: int) -> list[int]:
    """The frames at which to cut, so that no piece is longer than `most` frames with its overlaps.

    The cheapest set of cuts, where a cut costs the loudness (0…1) of the frames that are faded over, the middle most.
    """
    frames = len(loudness)
    if frames <= most:
        return []
    window = np.lib.stride_tricks.sliding_window_view(np.pad(loudness, OVERLAP, mode="edge"), 2 * OVERLAP)
    costs = window[:frames] @ _FADE + _PIECE_COST
    inner = most - 2 * OVERLAP
    best = np.full(frames + 1, np.inf)
    before = np.zeros(frames + 1, np.intp)
    best[0] = 0.0
    for end in range(LEAST_PIECE, frames + 1):
        # The first and the last piece have one overlap only; the difference is not worth a special case.
        start = max(0, end - inner)
        begin = start + int(np.argmin(best[start : end - LEAST_PIECE + 1]))
        best[end] = best[begin] + (costs[end] if end < frames else 0.0)
        before[end] = begin
    cuts = []
    at = int(before[frames])
    while at > 0:
        cuts.append(at)
        at = int(before[at])
    return cuts[::-1]


def blocks(source: Path, rate_hz: int, layout: str, field: str) -> Iterator[Samples]:
    """The recording block by block, as interleaved 16-bit samples. Raises BadInput(field) when it is none."""
    with open_sound(source, field) as container:
        resampler = av.AudioResampler("s16", layout, rate_hz)
        count = 0
        try:
            for frame in container.decode(container.streams.audio[0]):
                frame.pts = None  # a recording's clock may jump; its sound does not
                for block in resampler.resample(frame):
                    count += block.samples
                    if count > MAX_S * rate_hz:
                        raise BadInput(
                            f"the recording is longer than {MAX_S / 3600:g} hours",
                            field=field,
                            remedy="cut it in parts",
                        )
                    yield np.asarray(block.to_ndarray(), np.int16).reshape(-1)
            for block in resampler.resample(None):
                yield np.asarray(block.to_ndarray(), np.int16).reshape(-1)
        except (av.FFmpegError, UnicodeDecodeError) as error:
            raise _unreadable(field, str(error)) from None


def open_sound(source: Path, field: str) -> Any:
    """The recording as a PyAV container with at least one sound track. Raises BadInput(field)."""
    try:
        # Only formats that hold their sound themselves: a playlist would have further files opened.
        kinds = {"format_whitelist": "wav,w64,mp3,aac,flac,ogg,mov,mp4,matroska,webm,aiff,caf"}
        container = av.open(str(source), options=kinds)
    except (av.FFmpegError, UnicodeDecodeError, ValueError) as error:
        raise _unreadable(field, str(error)) from None
    if not container.streams.audio:
        container.close()
        raise _unreadable(field, "it holds no sound")
    return container


def _loudness(samples: Samples, frames: int) -> npt.NDArray[np.float32]:
    """0 in silence, 1 at the level of loud speech, by frame: linear in decibels over the upper 40 dB."""
    levels = np.full(frames, -120.0)
    for first in range(0, frames, 4096):  # some minutes at a time
        part = np.asarray(samples[first * _HOP : (first + 4096) * _HOP], np.float32) / 32768
        rows = np.pad(part, (0, -len(part) % _HOP)).reshape(-1, _HOP)
        levels[first : first + len(rows)] = 10 * np.log10(np.mean(rows**2, axis=1) + 1e-12)
    loud = float(np.percentile(levels, 95))
    return np.asarray(np.clip((levels - (loud - 40)) / 40, 0, 1), np.float32)


def _write_wav(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


def _unreadable(field: str, detail: str) -> BadInput:
    return BadInput(
        "the recording cannot be decoded",
        field=field,
        remedy="use a WAV, MP3, M4A, FLAC, Ogg or WebM file that plays in a player",
        detail=detail,
    )
