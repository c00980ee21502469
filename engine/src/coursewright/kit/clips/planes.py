"""Pictures as the encoder wants them: planes of Y, Cb and Cr in BT.709, limited range, 4:2:0. In a worker."""

from __future__ import annotations

from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

Plane = npt.NDArray[np.uint8]
Planes = list[Plane]
Weights = list[npt.NDArray[np.uint16]]
"""A share in 256ths for each pixel of each plane."""

BT709 = 1
"""BT.709 in FFmpeg's and H.264's numbering, for matrix, primaries and transfer; for range, 1 is limited."""
_FULL = 2


class Place(msgspec.Struct, frozen=True):
    """Where a whole picture stands on the canvas, in even pixels; may reach beyond it. `canvas` is its size."""

    x: int
    y: int
    width: int
    height: int
    canvas: tuple[int, int]

    @property
    def seen(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what lies on the canvas."""
        width, height = self.canvas
        return max(0, self.x), max(0, self.y), min(width, self.x + self.width), min(height, self.y + self.height)


def planes_of(frame: Any) -> Planes:
    """The frame's planes as arrays without the padding of their lines; writing to them writes to the frame."""
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    ]


class Scaler:
    """Decoded pictures of any size as planes of what is seen at a place."""

    def __init__(self, place: Place, sharpen: float) -> None:
        self._place = place
        self._sharpen = sharpen
        self._reformatter = VideoReformatter()

    def planes(self, frame: Any) -> Planes:
        place = self._place
        scaled = self._reformatter.reformat(
            frame,
            width=place.width,
            height=place.height,
            format="yuv420p",
            # Without a tag it was written by a tool that told FFmpeg nothing, and FFmpeg then writes BT.601.
            src_colorspace=Colorspace.ITU709 if frame.colorspace == BT709 else Colorspace.ITU601,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG if frame.color_range == _FULL else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation="BICUBIC" if place.width > frame.width else "AREA",
        )
        left, top, right, bottom = place.seen
        seen = [
            plane[
                (top - place.y) // sub : (bottom - place.y) // sub, (left - place.x) // sub : (right - place.x) // sub
            ]
            for plane, sub in zip(planes_of(scaled), (1, 2, 2), strict=True)
        ]
        return [_sharpened(seen[0], self._sharpen), *seen[1:]] if self._sharpen else seen


def _sharpened(luma: Plane, share: float) -> Plane:
    soft = cv2.GaussianBlur(luma, (0, 0), 1.2)
    return np.asarray(cv2.addWeighted(luma, 1 + share, soft, -share, 0), np.uint8)


def mixed(one: Planes, other: Planes, share: float) -> Planes:
    """`other` laid over `one` to a share of 0…1."""
    weight = round(256 * share)
    return [_mixed(first, second, weight) for first, second in zip(one, other, strict=True)]


def _mixed(one: Plane, other: Plane, weight: int) -> Plane:
    sum_ = one.astype(np.uint16) * np.uint16(256 - weight) + other * np.uint16(weight) + np.uint16(128)
    return (sum_ >> 8).astype(np.uint8)


def from_bgr(picture: npt.NDArray[np.uint8]) -> Planes:
    """A still of even size. ITU-R BT.709-6, section 3; chroma averaged over 2 × 2 pixels."""
    blue, green, red = (picture[..., channel].astype(np.float32) for channel in range(3))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    half = (luma.shape[1] // 2, luma.shape[0] // 2)

    def chroma(difference: npt.NDArray[np.float32], span: float) -> Plane:
        small = cv2.resize(difference, half, interpolation=cv2.INTER_AREA)
        return np.asarray(np.rint(128 + small * (224 / 255 / span)), np.uint8)

    return [
        np.asarray(np.rint(16 + luma * (219 / 255)), np.uint8),
        chroma(blue - luma, 1.8556),
        chroma(red - luma, 1.5748),
    ]
