"""Any recording as mono 16-bit blocks, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from coursewright.errors import BadInput

Samples = npt.NDArray[np.int16]

MAX_S = 4 * 3600.0


def blocks(path: Path, rate_hz: int, field: str) -> Iterator[Samples]:
    """Decode and resample block by block. Raises BadInput(field) when it cannot be decoded."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise _bad("the file holds no sound", field)
            yield from _decoded(container, rate_hz, field)
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise _bad(f"the recording cannot be decoded: {error}", field) from None


def _decoded(container: av.container.InputContainer, rate_hz: int, field: str) -> Iterator[Samples]:
    resampler = av.AudioResampler("s16", "mono", rate_hz)
    total = 0
    for frame in container.decode(container.streams.audio[0]):
        frame.pts = None  # gaps and jumps in a recording's clock would shift the lips
        for resampled in resampler.resample(frame):
            total += resampled.samples
            if total > MAX_S * rate_hz:
                raise _bad(f"the recording is longer than {MAX_S / 3600:g} hours", field)
            yield np.asarray(resampled.to_ndarray(), np.int16).reshape(-1)
    for resampled in resampler.resample(None):
        yield np.asarray(resampled.to_ndarray(), np.int16).reshape(-1)


def _bad(message: str, field: str) -> BadInput:
    return BadInput(message, field=field, remedy="use a WAV, MP3, M4A, FLAC or Ogg file that plays in a player")
