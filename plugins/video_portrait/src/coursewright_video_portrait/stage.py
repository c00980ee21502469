"""One frame of a speaking portrait: mouth and eyes patched in, then the head moved, all within YUV planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from coursewright_video_portrait.framing import Head
from coursewright_video_portrait.motion import Sway
from coursewright_video_portrait.planes import Box, Planes, paste
from coursewright_video_portrait.visemes import PRESSED

OPENINGS, SPREADS, LIDS = 18, 7, 5
"""How many positions each movement has. More are not seen at 25 frames a second."""


class MouthState(tuple[int, int]):
    """(opening, spread) as numbers of positions; opening -1 is pressed shut."""

    __slots__ = ()

    @classmethod
    def nearest(cls, opening: float, spread: float) -> MouthState:
        """The position nearest to a place on the track."""
        level = -1 if opening < PRESSED / 3 else round(min(1.0, max(0.0, opening)) * (OPENINGS - 1))
        return cls((level, round((min(1.0, max(-1.0, spread)) + 1) / 2 * (SPREADS - 1))))

    @property
    def opening(self) -> float:
        return PRESSED if self[0] < 0 else self[0] / (OPENINGS - 1)

    @property
    def spread(self) -> float:
        return self[1] / (SPREADS - 1) * 2 - 1


REST = MouthState((0, (SPREADS - 1) // 2))


class Figure(Protocol):
    """A portrait on its panel, taken apart for movement."""

    planes: Planes
    """The whole panel at rest."""
    head: Head
    mouth_box: Box
    eye_boxes: Sequence[Box]

    def mouth(self, state: MouthState) -> Planes:
        """The patch for `mouth_box`."""

    def eyes(self, lid: float) -> Sequence[Planes]:
        """The patches for `eye_boxes` with the eyes shut by 0…1."""


class Stage:
    """Draws a figure into the planes of one frame that is used again and again."""

    def __init__(self, figure: Figure, target: Planes) -> None:
        self._figure = figure
        self._target = target
        self._still: Planes = (figure.planes[0].copy(), figure.planes[1].copy(), figure.planes[2].copy())
        self._shown: tuple[MouthState, int] | None = None
        for plane, source in zip(target, self._still, strict=True):
            plane[:] = source
        self._box, luma = _head_basis(figure.head, figure.planes[0].shape)
        chroma = np.ascontiguousarray(luma[:, 0::2, 0::2]) * np.float32(0.5)
        self._maps = [_Map(luma), _Map(chroma)]

    def show(self, opening: float, spread: float, lid: float, sway: Sway, nod: float) -> None:
        """Draw one frame."""
        self._pose(MouthState.nearest(opening, spread), round(lid * (LIDS - 1)))
        unit = self._figure.head.unit
        moved = np.array(
            [[1, 0, -sway.x * unit, -sway.zoom, sway.turn], [0, 1, -(sway.y + nod) * unit, -sway.turn, -sway.zoom]],
            np.float32,
        )
        luma, chroma = (basis.places(moved) for basis in self._maps)
        for source, target, places, step in zip(
            self._still, self._target, (luma, chroma, chroma), (1, 2, 2), strict=True
        ):
            cv2.remap(
                source,
                places[0],
                places[1],
                cv2.INTER_LINEAR,
                dst=self._box.of(target, step),
                borderMode=cv2.BORDER_REPLICATE,
            )

    def _pose(self, mouth: MouthState, lid: int) -> None:
        if self._shown == (mouth, lid):
            return
        if self._shown is None or self._shown[0] != mouth:
            paste(self._still, self._figure.mouth_box, self._figure.mouth(mouth))
        if self._shown is None or self._shown[1] != lid:
            for box, patch in zip(self._figure.eye_boxes, self._figure.eyes(lid / (LIDS - 1)), strict=True):
                paste(self._still, box, patch)
        self._shown = (mouth, lid)


class _Map:
    """Where each pixel of the head's box comes from, as a product with five numbers of the movement."""

    def __init__(self, basis: npt.NDArray[np.float32]) -> None:
        self._shape = basis.shape[1:]
        self._basis = np.ascontiguousarray(basis.reshape(5, -1))
        self._places = np.empty((2, self._basis.shape[1]), np.float32)

    def places(self, moved: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        np.dot(moved, self._basis, out=self._places)
        return self._places.reshape(2, *self._shape)


# In eye distances: the head moves as one up to 0.58 of 2.7 around its middle (hair and chin of most people),
# and what is farther follows less and less; it turns about the neck.
_REACH, _WHOLE, _NECK = 2.7, 0.58, 0.9


def _head_basis(head: Head, shape: tuple[int, ...]) -> tuple[Box, npt.NDArray[np.float32]]:
    """The box in which anything moves, and for its pixels: x, y, weight, weight·(x and y from the neck)."""
    height, width = shape[:2]
    unit = head.unit
    x = (head.eyes[0] + head.mouth[0]) / 2
    y = (head.eyes[1] + head.mouth[1]) / 2
    box = Box(x - _REACH * unit, y - _REACH * unit, x + _REACH * unit, y + _REACH * unit, width, height)
    ys, xs = np.mgrid[box.y0 : box.y1, box.x0 : box.x1].astype(np.float32)
    weight = smooth((1 - np.hypot(xs - x, ys - y) / (_REACH * unit)) / (1 - _WHOLE))
    edge = np.minimum(np.minimum(xs, width - 1 - xs), np.minimum(ys, height - 1 - ys))
    weight *= smooth(edge / (0.2 * unit))
    down = head.mouth[1] + _NECK * unit
    # The maps index into the whole still picture, whose planes are not cut to the box.
    return box, np.stack([xs, ys, weight, weight * (xs - x), weight * (ys - down)]).astype(np.float32)


def smooth(share: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The S-curve from 0 to 1, flat at both ends and beyond."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)
