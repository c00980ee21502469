"""What a service sent for one piece: is it the video that was asked for? In a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import msgspec
from av.error import FFmpegError

from coursewright.errors import Busy
from coursewright.kit.replies import words_of

SHORT_S = 0.04
"""Models floor the sound to whole pictures of 1/25 s, so an answer may lack one."""
LONG_S = 0.2
"""More than that too long is no rounding: it is the answer to another question."""

_AGAIN = "run again: the pieces that are done are kept, only this one is asked for anew"


class Answer(msgspec.Struct, frozen=True):
    """A video's pictures: how many, how many a second, and their size."""

    frames: int
    rate: float
    width_px: int
    height_px: int


def check_answer(path: Path, expected_s: float, what: str) -> Answer:
    """Decode all of an answer. Raises Busy with `what` in its words when it is not a video of that length.

    All of these are Busy: the services make such answers under load, and the next provider may be asked instead.
    """
    with path.open("rb") as file:
        head = file.read(200)
    if not head:
        raise Busy(f"{what} sent an empty file instead of a video", remedy=_AGAIN)
    if head[4:8] != b"ftyp":
        words = words_of(head, "text/html") if head.isascii() else f"it begins with the bytes {head[:8].hex(' ')}"
        raise Busy(f"{what} sent something that is not an MP4", remedy=_AGAIN, detail=words)
    try:
        with open_answer(path) as container:
            stream = container.streams.video[0]
            frames = sum(1 for _ in container.decode(stream))
            answer = Answer(frames, float(stream.average_rate or 25), stream.width, stream.height)
    except (FFmpegError, IndexError, ValueError) as error:
        raise Busy(f"{what} sent a video that cannot be decoded", remedy=_AGAIN, detail=str(error)) from None
    got_s = answer.frames / answer.rate
    # Half a picture is left to rates such as 29.97.
    if not expected_s - SHORT_S - 0.5 / answer.rate <= got_s <= expected_s + LONG_S:
        raise Busy(f"{what} sent {got_s:.2f} s of video for {expected_s:.2f} s of sound", remedy=_AGAIN)
    return answer


def open_answer(path: Path) -> Any:
    """An answer as a PyAV container that decodes in the calling thread alone."""
    container = av.open(str(path), format="mov")
    for stream in container.streams.video:
        stream.codec_context.thread_count = 1
    return container
