"""YUV 4:2:0 planes: the form in which a picture is kept, patched and encoded, so nothing is converted per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av

Plane = npt.NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]
"""Y, U, V; limited range BT.709. U and V are half as wide and high."""
Picture = npt.NDArray[np.uint8]
"""Height × width × 3, blue first."""

# ITU-R BT.709-6, section 3: the weights of red and blue in luma.
_RED, _BLUE = 0.2126, 0.0722


class Box:
    """A rectangle with even edges: it cuts all three planes at the same places."""

    __slots__ = ("x0", "x1", "y0", "y1")

    def __init__(self, x0: float, y0: float, x1: float, y1: float, width: int, height: int) -> None:
        """The smallest even box around the given edges, kept inside a picture of that size."""
        self.x0, self.y0 = max(0, int(x0) & ~1), max(0, int(y0) & ~1)
        self.x1 = min(width, (int(np.ceil(x1)) + 1) & ~1)
        self.y1 = min(height, (int(np.ceil(y1)) + 1) & ~1)

    @property
    def width(self) -> int:
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        return max(0, self.y1 - self.y0)

    def of(self, picture: npt.NDArray[Any], step: int = 1) -> npt.NDArray[Any]:
        """The view of a plane, or picture, `step` times smaller than this box's units."""
        return picture[self.y0 // step : self.y1 // step, self.x0 // step : self.x1 // step]


def to_planes(picture: Picture) -> Planes:
    """Convert a picture of even width and height."""
    blue, green, red = (picture[..., i].astype(np.float32) for i in range(3))
    luma = _RED * red + (1 - _RED - _BLUE) * green + _BLUE * blue
    return (
        to_bytes(16 + luma * (219 / 255)),
        to_bytes(128 + _halved((blue - luma) / (2 * (1 - _BLUE))) * (224 / 255)),
        to_bytes(128 + _halved((red - luma) / (2 * (1 - _RED))) * (224 / 255)),
    )


def paste(target: Planes, box: Box, patch: Planes) -> None:
    """Copy a patch of the box's size into its place."""
    for plane, part, step in zip(target, patch, (1, 2, 2), strict=True):
        box.of(plane, step)[:] = part


def frame_planes(frame: av.VideoFrame) -> Planes:
    """The writable planes of a yuv420p frame."""
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    return y, u, v


def _halved(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    half = plane.shape[1] // 2, plane.shape[0] // 2
    return np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA), np.float32)


def to_bytes(plane: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Rounded and bounded to 0…255."""
    return np.ascontiguousarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8))
