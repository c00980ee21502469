"""The film's pictures: slide and presenter, composed in the encoder's own planes. Runs in worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import Any

import av
import msgspec
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from coursewright.capabilities.slides import Box
from numpy.typing import NDArray

from coursewright_compose_film.media import bad_media, open_media

Plane = NDArray[np.uint8]
Planes = list[Plane]

_BT709 = 1
"""BT.709 for matrix, primaries and transfer, in FFmpeg's and H.264's numbering; for range, 1 is limited."""
_CORNER = 18 / 352
"""The corners' radius against the presenter's width."""


class Coding(msgspec.Struct, frozen=True):
    """x264's settings; equal in all segments of a film, so that they can be joined without encoding again."""

    preset: str
    crf: int
    fps: int
    b_frames: int
    """Pictures that refer to later ones. With none, any beginning of a segment can be shown without its end."""

    @property
    def keyframe_every(self) -> int:
        """Five seconds: a player finds any moment by decoding no more than that."""
        return 5 * self.fps


class SlideJob(msgspec.Struct, frozen=True):
    """A slide to be shown for some frames."""

    path: str
    what: str
    width_px: int
    height_px: int
    frames: int


class ClipJob(msgspec.Struct, frozen=True):
    """A presenter's clip on the slide, held on its first picture for `delay` frames and on its last to the end.

    `first` frames of that are over when the segment begins.
    """

    path: str
    what: str
    box: Box
    delay: int
    first: int


class Counter(msgspec.Struct, frozen=True):
    """Where a worker tells how many frames it has encoded: a slot in a file of 64-bit integers."""

    path: str
    slot: int


def encode_segment(slide: SlideJob, clip: ClipJob | None, coding: Coding, out: str, counter: Counter) -> None:
    """Encode the slide, with the presenter on it if there is one, as H.264 in MP4.

    Raises BadInput for a slide of another size than it says, or a clip that cannot be decoded.
    """
    done = np.memmap(counter.path, np.int64, "r+")
    frame = av.VideoFrame(slide.width_px, slide.height_px, "yuv420p")
    frame.time_base = Fraction(1, coding.fps)
    canvas = planes(frame)
    for plane, ground in zip(canvas, slide_planes(slide), strict=True):
        plane[:] = ground
    steps: Iterator[None] = iter(())
    if clip:
        steps = composed(canvas, clip, coding.fps)
        deque(islice(steps, clip.first), 0)
    with av.open(out, "w", format="mp4") as container:
        stream = h264_stream(container, slide, coding)
        for index in range(slide.frames):
            next(steps, None)
            frame.pts = index
            container.mux(stream.encode(frame))
            done[counter.slot] = index + 1
        container.mux(stream.encode(None))


def thumbnail(segment: str, at: int, out: str) -> None:
    """Write picture number `at` of a segment as JPEG."""
    with open_media(segment, "the film", "slides") as container:
        picture = next(frame for index, frame in enumerate(container.decode(video=0)) if index == at)
    picture = VideoReformatter().reformat(
        picture,
        format="yuvj420p",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    with av.open(out, "w", format="mjpeg") as container:
        stream: Any = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuvj420p"
        stream.codec_context.qmin = stream.codec_context.qmax = 3
        picture.pts = 0
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def planes(frame: Any) -> Planes:
    """The frame's planes as writable arrays without the padding of their lines."""
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    ]


def slide_planes(slide: SlideJob) -> Planes:
    """The slide in BT.709, limited range, 4:2:0."""
    with open_media(slide.path, slide.what, "slides") as container:
        video = container.streams.video[0]
        if (video.width, video.height) != (slide.width_px, slide.height_px):
            raise bad_media(
                slide.what,
                "slides",
                f"it has {video.width} × {video.height} pixels and says {slide.width_px} × {slide.height_px}",
            )
        try:
            picture = next(container.decode(video))
        except (FFmpegError, StopIteration) as error:
            raise bad_media(slide.what, "slides", "it is damaged", str(error)) from None
    return bt709(picture.to_ndarray(format="rgb24"))


def bt709(rgb: Plane) -> Planes:
    """Full-range RGB as limited-range Y, Cb and Cr (ITU-R BT.709-6, section 3), chroma averaged over 2 × 2 pixels."""
    r, g, b = (rgb[..., channel].astype(np.float32) for channel in range(3))
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    height, width = luma.shape

    def chroma(difference: NDArray[np.float32], scale: float) -> Plane:
        small = difference.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
        return _rounded(128 + small * (224 / 255 / scale))

    return [_rounded(16 + luma * (219 / 255)), chroma(b - luma, 1.8556), chroma(r - luma, 1.5748)]


def _rounded(values: NDArray[np.float32]) -> Plane:
    return np.rint(values).astype(np.uint8)


def h264_stream(container: Any, slide: SlideJob, coding: Coding) -> Any:
    """A stream of the slide's size in `container`, encoded in the calling thread alone: the same bytes every time."""
    stream = container.add_stream("libx264", rate=coding.fps)
    stream.width, stream.height, stream.pix_fmt = slide.width_px, slide.height_px, "yuv420p"
    stream.options = {
        "preset": coding.preset,
        "crf": str(coding.crf),
        "g": str(coding.keyframe_every),
        "bf": str(coding.b_frames),
    }
    codec = stream.codec_context
    codec.thread_count = 1
    codec.time_base = Fraction(1, coding.fps)
    codec.colorspace = codec.color_primaries = codec.color_trc = codec.color_range = _BT709
    return stream


def composed(canvas: Planes, clip: ClipJob, fps: int) -> Iterator[None]:
    """Each step puts the presenter's next picture on the canvas; ends when the clip has no other one."""
    place = _Place(canvas, clip.box)
    shown = None
    for picture in _paced(_pictures(clip), clip.delay, fps):
        if picture is not shown:
            place.show(picture)
            shown = picture
        yield


def _pictures(clip: ClipJob) -> Iterator[tuple[float, Planes]]:
    """(seconds from the first picture, planes) of each picture, cropped and scaled to the place."""
    fit = _Fit(clip.box)
    first = None
    with open_media(clip.path, clip.what, "presenter") as container:
        if not container.streams.video:
            raise bad_media(clip.what, "presenter", "it holds no picture")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        try:
            for index, frame in enumerate(container.decode(stream)):
                time_s = index / float(stream.average_rate or 25) if frame.time is None else frame.time
                first = time_s if first is None else first
                yield time_s - first, fit.planes(frame)
        except (FFmpegError, ValueError) as error:
            raise bad_media(clip.what, "presenter", "it is damaged", str(error)) from None
    if first is None:
        raise bad_media(clip.what, "presenter", "it holds no picture")


def _paced(pictures: Iterator[tuple[float, Planes]], delay: int, fps: int) -> Iterator[Planes]:
    """One picture for each frame of the film: the latest whose time has come, whatever the clip's own rate."""
    _, current = next(pictures)
    for _ in range(delay):
        yield current
    index = 0
    for time_s, picture in pictures:
        # Half a frame of tolerance: timestamps in milliseconds must not make a picture late.
        while index < time_s * fps - 0.5:
            yield current
            index += 1
        current = picture
    yield current


class _Fit:
    """Scales and crops a clip's pictures so that they cover the place, undistorted."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._reformatter = VideoReformatter()

    def planes(self, frame: Any) -> Planes:
        box = self._box
        scale = max(box.width_px / frame.width, box.height_px / frame.height)
        width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
        width, height = max(width, box.width_px), max(height, box.height_px)
        ready = frame.format.name == "yuv420p" and frame.colorspace == _BT709 and scale == 1 and frame.color_range != 2
        if not ready:
            frame = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format="yuv420p",
                # Clips without a tag come from tools that write BT.601, as FFmpeg does when told nothing.
                src_colorspace=Colorspace.ITU709 if frame.colorspace == _BT709 else Colorspace.ITU601,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation="BICUBIC" if scale > 1 else "AREA",
            )
        left, top = (width - box.width_px) // 4 * 2, (height - box.height_px) // 4 * 2
        return [
            plane[top // sub : (top + box.height_px) // sub, left // sub : (left + box.width_px) // sub]
            for plane, sub in zip(planes(frame), (1, 2, 2), strict=True)
        ]


class _Place:
    """The presenter's place on the canvas: a copy, but for its round corners, which are blended."""

    def __init__(self, canvas: Planes, box: Box) -> None:
        self._targets: Planes = []
        self._corners: list[list[tuple[Any, NDArray[np.uint16], NDArray[np.uint16]]]] = []
        for plane, sub in zip(canvas, (1, 2, 2), strict=True):
            x, y, width, height = (side // sub for side in (box.x_px, box.y_px, box.width_px, box.height_px))
            target = plane[y : y + height, x : x + width]
            self._targets.append(target)
            self._corners.append(_corner_masks(target, round(_CORNER * box.width_px) // sub))

    def show(self, picture: Planes) -> None:
        for target, corners, source in zip(self._targets, self._corners, picture, strict=True):
            target[:] = source
            for where, mask, ground in corners:
                target[where] = (source[where] * mask + ground) >> 8


def _corner_masks(target: Plane, radius: int) -> list[tuple[Any, NDArray[np.uint16], NDArray[np.uint16]]]:
    """(where, weight of the picture in 256ths, the slide's share) of the four corners."""
    if radius < 1:
        return []
    # How much of each pixel lies inside the circle, from 8 × 8 points in it.
    points = (np.arange(radius * 8) + 0.5) / 8 - radius
    inside = np.hypot(*np.meshgrid(points, points)) <= radius
    weight = np.rint(inside.reshape(radius, 8, radius, 8).mean(axis=(1, 3)) * 256).astype(np.uint16)
    corners = []
    for rows, down in ((slice(None, radius), 1), (slice(-radius, None), -1)):
        for columns, right in ((slice(None, radius), 1), (slice(-radius, None), -1)):
            mask = weight[::down, ::right]
            corners.append(((rows, columns), mask, target[rows, columns] * (256 - mask) + 128))
    return corners
