"""The finished clip's file: H.264 tagged BT.709, and the original sound as AAC. In a worker."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from coursewright.kit.clips.planes import BT709, Planes, planes_of
from coursewright.kit.clips.sound import Samples

SOUND_HZ = 48_000
_AAC_FRAME = 1024
"""Samples in a packet of AAC-LC (ISO/IEC 14496-3)."""

_X264 = {"preset": "veryfast", "crf": "17", "tune": "fastdecode", "threads": "1"}
"""The film's composer decodes the clip and encodes it again: hardly any loss, quick to decode. One thread gives the
same bytes every time."""


class ClipFile:
    """Writes the pictures drawn into `planes`, and sound of `channels` up to the same time."""

    def __init__(self, path: Path, size: tuple[int, int], fps: int, sound: Iterator[Samples], channels: int) -> None:
        width, height = size
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._video = self._container.add_stream("libx264", rate=fps, options=_X264)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        codec = self._video.codec_context
        codec.time_base = Fraction(1, fps)
        codec.colorspace = codec.color_primaries = codec.color_trc = codec.color_range = BT709
        self._layout = "stereo" if channels == 2 else "mono"
        self._audio = self._container.add_stream("aac", rate=SOUND_HZ, layout=self._layout)
        self._audio.bit_rate = 96_000 * channels
        self._frame = av.VideoFrame(width, height, "yuv420p")
        self._frame.time_base = Fraction(1, fps)
        self.planes: Planes = planes_of(self._frame)
        self._sound, self._channels, self._fps = sound, channels, fps
        self._pending = np.zeros(0, np.int16)
        self._heard = 0
        self._shown = 0

    def __enter__(self) -> ClipFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write_sound(round(self._shown * SOUND_HZ / self._fps), last=True)
                self._container.mux(self._video.encode(None))
                self._container.mux(self._audio.encode(None))
        finally:
            self._container.close()

    def write_picture(self) -> None:
        """Encode what stands in `planes`."""
        self._frame.pts = self._shown
        self._container.mux(self._video.encode(self._frame))
        self._shown += 1
        if self._shown % self._fps == 0:
            self._write_sound(self._shown * SOUND_HZ // self._fps)

    def _write_sound(self, until: int, *, last: bool = False) -> None:
        """Encode up to sample `until`, with silence where the recording has ended."""
        wanted = (until - self._heard) * self._channels
        parts, held = [self._pending], len(self._pending)
        while held < wanted:
            block = next(self._sound, None)
            parts.append(np.zeros(wanted - held, np.int16) if block is None else block)
            held += len(parts[-1])
        pending = np.concatenate(parts)
        while (size := min(_AAC_FRAME, until - self._heard)) == _AAC_FRAME or (last and size > 0):
            count = size * self._channels
            frame = av.AudioFrame.from_ndarray(pending[None, :count], format="s16", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = SOUND_HZ, self._heard, Fraction(1, SOUND_HZ)
            self._container.mux(self._audio.encode(frame))
            pending = pending[count:]
            self._heard += size
        self._pending = pending
