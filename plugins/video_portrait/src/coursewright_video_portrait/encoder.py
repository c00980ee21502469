"""The clip's file: H.264 made for being decoded again, and the speech as AAC."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from coursewright_video_portrait.planes import Planes, frame_planes
from coursewright_video_portrait.sound import Samples

AUDIO_RATE_HZ = 48_000
_AAC_FRAME = 1024

# The composer decodes this clip once more and encodes it again: nearly no loss here (crf 17), and nothing
# that costs a decoder (fastdecode: no CABAC, no loop filter). At 352 x 440 superfast made 354 frames per
# CPU-second that decoded at 3,900, veryfast 341 that decoded at 7,300 and had a third of the size.
# One thread: the same bytes every time.
_X264 = {"preset": "veryfast", "crf": "17", "tune": "fastdecode", "threads": "1"}
_BT709 = 1
_LIMITED = 1


class ClipWriter:
    """Writes frames drawn into `planes`, with sound drawn from `sound` up to the same time."""

    def __init__(self, path: Path, width: int, height: int, fps: int, sound: Iterator[Samples]) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._video = self._container.add_stream("libx264", rate=fps, options=_X264)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        context = self._video.codec_context
        context.time_base = Fraction(1, fps)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        self._audio = self._container.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono")
        self._audio.bit_rate = 96_000
        self._audio.options = {"aac_coder": "fast"}
        self._frame = av.VideoFrame(width, height, "yuv420p")
        self.planes: Planes = frame_planes(self._frame)
        self._sound = sound
        self._pending = np.zeros(0, np.int16)
        self._heard = 0
        self._fps = fps
        self._frames = 0

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._container.close()

    def write_frame(self) -> None:
        """Encode what stands in `planes`."""
        self._frame.pts = self._frames
        self._frame.time_base = Fraction(1, self._fps)
        self._container.mux(self._video.encode(self._frame))
        self._frames += 1
        if self._frames % self._fps == 0:
            self._write_sound(self._frames * AUDIO_RATE_HZ // self._fps)

    def _finish(self) -> None:
        self._write_sound(round(self._frames * AUDIO_RATE_HZ / self._fps), last=True)
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))

    def _write_sound(self, until: int, *, last: bool = False) -> None:
        """Encode sound up to sample `until`; silence where the source has ended."""
        while self._heard + len(self._pending) < until:
            block = next(self._sound, None)
            if block is None:
                block = np.zeros(until - self._heard - len(self._pending), np.int16)
            self._pending = np.concatenate([self._pending, block])
        while (size := min(_AAC_FRAME, until - self._heard)) == _AAC_FRAME or (last and size > 0):
            frame = av.AudioFrame.from_ndarray(self._pending[None, :size], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, self._heard, Fraction(1, AUDIO_RATE_HZ)
            self._container.mux(self._audio.encode(frame))
            self._pending = self._pending[size:]
            self._heard += size
