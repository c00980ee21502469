"""All answers become one clip: without seams, framed, in time with the original sound. In a worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from coursewright.errors import BadInput
from coursewright.kit.clips.answers import open_answer
from coursewright.kit.clips.fading import faded
from coursewright.kit.clips.jobs import GRID_HZ, OVERLAP, Joined, JoinJob, Piece
from coursewright.kit.clips.placing import SURE, PastedBack, face_place
from coursewright.kit.clips.planes import Planes, Scaler
from coursewright.kit.clips.sound import blocks, open_sound
from coursewright.kit.clips.writing import SOUND_HZ, ClipFile

_FADE_S = 2 * OVERLAP / GRID_HZ


def join(job: JoinJob) -> Joined:
    """Write `job.clip`: pictures for every moment of the sound, in whole frames. Holds some pictures at a time."""
    cv2.setNumThreads(1)  # there is a worker for every core
    shape = job.shape
    first = _first_picture(job.answers[0])
    notices = list(job.portrait.notices)
    back: PastedBack | None = None
    if shape.framing == "portrait":
        back = PastedBack(first, job.portrait, shape)
        if back.sure < SURE:
            notices.append("the animated face does not fit into the portrait any more and is shown alone")
            back = None
    place = back.place if back else face_place(first, shape)
    frames = max(1, ceil(round(job.duration_s * shape.fps, 6)))
    channels = _channels(job.sound, job.sound_field)
    sound = blocks(job.sound, SOUND_HZ, "stereo" if channels == 2 else "mono", job.sound_field)
    with ClipFile(job.clip, (shape.width_px, shape.height_px), shape.fps, sound, channels) as file:
        if back:
            for plane, still in zip(file.planes, back.still, strict=True):
                plane[:] = still
        reels = [Reel(path, Scaler(place, shape.sharpen)) for path in job.answers]
        for picture in pictures(job.pieces, reels, frames, shape.fps):
            if back:
                back.draw(picture, file.planes)
            else:
                for plane, source in zip(file.planes, picture, strict=True):
                    plane[:] = source
            file.write_picture()
    return Joined(frames, notices)


def pictures(pieces: Sequence[Piece], reels: Sequence[Reel], frames: int, fps: int) -> Iterator[Planes]:
    """One picture for each frame of the clip: of the piece whose time it is, faded where two overlap."""
    current = 0
    for frame in range(frames):
        at_s = frame / fps
        while current + 1 < len(pieces) and at_s >= pieces[current].start_s + pieces[current].duration_s:
            reels[current].close()
            current += 1
        picture = reels[current].at(at_s - pieces[current].start_s)
        if current + 1 < len(pieces) and at_s >= pieces[current + 1].start_s:
            into_s = at_s - pieces[current + 1].start_s
            share = min(1.0, (into_s + 0.5 / fps) / _FADE_S)
            picture = faded(picture, reels[current + 1].at(into_s), share * share * (3 - 2 * share))
        yield picture
    reels[current].close()


class Reel:
    """The pictures of one answer by time, forward only; opened when first looked at, and one is kept."""

    def __init__(self, path: Path, scaler: Scaler) -> None:
        self._path = path
        self._scaler = scaler
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._rate = 0.0
        self._index = -1
        self._frame: Any = None
        self._planes: Planes | None = None

    def at(self, time_s: float) -> Planes:
        """The picture nearest to that time; the last one when the answer is a picture short."""
        if self._container is None:
            self._container = open_answer(self._path)
            self._rate = float(self._container.streams.video[0].average_rate or GRID_HZ)
            self._frames = self._container.decode(video=0)
        wanted = int(max(0.0, time_s) * self._rate + 0.5 - 1e-6)
        while self._index < wanted and (frame := next(self._frames, None)) is not None:
            self._index += 1
            self._frame, self._planes = frame, None
        if self._planes is None:
            self._planes = self._scaler.planes(self._frame)
        return self._planes

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
        self._frames, self._frame, self._planes = iter(()), None, None


def _first_picture(path: Path) -> Any:
    with open_answer(path) as container:
        frame = next(container.decode(video=0))
        return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _channels(source: Path, field: str) -> int:
    with open_sound(source, field) as container:
        channels = container.streams.audio[0].codec_context.channels
    if channels < 1:
        raise BadInput("the recording holds no sound", field=field, remedy="give a recording with speech in it")
    return 2 if channels >= 2 else 1
