"""The videos that the stand-ins of talking-head services make: of the very picture and sound that they were sent.

The picture sways a little, from another place in each video, so that a seam between two of them can be seen; a dark
bar where the mouth may be is as high as the sound is loud, so that a shift in time can be seen too.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

RATE_HZ = 16_000
FPS = 25
_ROOM_PX = 16
"""How far the picture can move without its edge being seen."""


def heard(sound: str) -> Any:
    """A sound file as 16 kHz mono, floats. Raises ValueError for what is none."""
    import av
    import numpy as np

    with av.open(sound) as container:
        if not container.streams.audio:
            raise ValueError("no audio stream")
        resampler = av.AudioResampler("s16", "mono", RATE_HZ)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        parts = [part.to_ndarray().ravel() for part in (*frames, *resampler.resample(None))]
    return np.concatenate(parts).astype(np.float32) / 32768 if parts else np.zeros(0, np.float32)


def write_video(path: Path, picture: Any, samples: Any, *, frames: int | None = None) -> None:
    """An MP4 of the picture (rows, blue first, even sides), `floor(seconds * 25)` frames unless told otherwise.

    H.264 without a colour tag and 16 kHz AAC, as imageio and ffmpeg write them. The sound decides where the head is.
    """
    import av
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    count = len(samples) * FPS // RATE_HZ if frames is None else frames
    if count < 1:
        raise ValueError("the audio is shorter than one frame")
    turn = zlib.crc32(samples.tobytes())
    wide = cv2.copyMakeBorder(picture, *(_ROOM_PX,) * 4, cv2.BORDER_REPLICATE)
    source = av.VideoFrame.from_ndarray(wide, format="bgr24").reformat(format="yuv420p")
    ground = [_plane(plane).copy() for plane in source.planes]
    frame = av.VideoFrame(width, height, "yuv420p")
    drawn = [_plane(plane) for plane in frame.planes]
    with av.open(str(path), "w", format="mp4") as container:
        video: Any = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "threads": "1"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio: Any = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for index in range(count):
            dx, dy = sway(index, turn)
            for plane, wide_plane, sub in zip(drawn, ground, (1, 2, 2), strict=True):
                left, top = (_ROOM_PX + dx) // sub, (_ROOM_PX + dy) // sub
                plane[:] = wide_plane[top : top + height // sub, left : left + width // sub]
            part = samples[index * RATE_HZ // FPS : (index + 1) * RATE_HZ // FPS]
            open_ = min(1.0, 3 * float(np.sqrt(np.mean(part**2)))) if len(part) else 0.0
            top, left = int(0.68 * height), int(0.42 * width)
            drawn[0][top : top + 1 + int(open_ * 0.1 * height), left : width - left] = 30
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        whole = np.asarray(np.clip(samples * 32767, -32768, 32767), np.int16)
        for begin in range(0, min(len(whole), count * RATE_HZ // FPS), 1024):
            block = av.AudioFrame.from_ndarray(whole[None, begin : begin + 1024], format="s16", layout="mono")
            block.sample_rate, block.pts = RATE_HZ, begin
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def sway(index: int, turn: int) -> tuple[int, int]:
    """Where the head is in picture `index`: its own place for each `turn`, 3 pixels or less from the middle."""
    away = turn % 49
    return (
        away % 7 - 3 + round(3 * math.sin(index / 11)),
        away // 7 - 3 + round(2 * math.sin(index / 17 + turn)),
    )


def _plane(plane: Any) -> Any:
    import numpy as np

    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
