"""One frame of a speaking portrait: mouth and eyes patched in, then the head moved, all within YUV planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from coursewright_video_portrait.framing import Head
from coursewright_video_portrait.motion import Sway
from coursewright_video_portrait.planes import Box, Planes, paste
from coursewright_video_portrait.visemes import PRESSED

Floats = npt.NDArray[np.floating[Any]]

NO_SECOND_MAP = np.empty(0, np.float32)
"""For `cv2.remap`, which takes both coordinates from a map of two channels."""

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

    @property
    def planes(self) -> Planes:
        """The whole panel at rest."""

    @property
    def head(self) -> Head: ...

    @property
    def mouth_box(self) -> Box: ...

    @property
    def eye_boxes(self) -> Sequence[Box]: ...

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
        self._field = _HeadField(figure.head, figure.planes[0].shape)

    def show(self, opening: float, spread: float, lid: float, sway: Sway, nod: float) -> None:
        """Draw one frame."""
        self._pose(MouthState.nearest(opening, spread), round(lid * (LIDS - 1)))
        luma, chroma = self._field.places(sway, nod)
        for source, target, places, step in zip(
            self._still, self._target, (luma, chroma, chroma), (1, 2, 2), strict=True
        ):
            part = self._field.box.of(target, step)
            cv2.remap(source, places, NO_SECOND_MAP, cv2.INTER_LINEAR, dst=part, borderMode=cv2.BORDER_REPLICATE)

    def _pose(self, mouth: MouthState, lid: int) -> None:
        if self._shown == (mouth, lid):
            return
        if self._shown is None or self._shown[0] != mouth:
            paste(self._still, self._figure.mouth_box, self._figure.mouth(mouth))
        if self._shown is None or self._shown[1] != lid:
            for box, patch in zip(self._figure.eye_boxes, self._figure.eyes(lid / (LIDS - 1)), strict=True):
                paste(self._still, box, patch)
        self._shown = (mouth, lid)


# In eye distances: the head moves as one up to 0.58 of 2.7 around its middle (hair and chin of most people),
# and what is farther follows less and less; it turns about the neck.
_REACH, _WHOLE, _NECK = 2.7, 0.58, 0.9
_COARSE = 8
"""The movement is so smooth that every eighth pixel of it is enough; between them it is interpolated."""


class _HeadField:
    """Where each pixel in the moving part of the panel comes from."""

    def __init__(self, head: Head, shape: tuple[int, ...]) -> None:
        height, width = shape[:2]
        self._unit = unit = head.unit
        x = (head.eyes[0] + head.mouth[0]) / 2
        y = (head.eyes[1] + head.mouth[1]) / 2
        reach = _REACH * unit
        self.box = box = Box(x - reach, y - reach, x + reach, y + reach, width, height)
        columns, rows = -(-box.width // _COARSE), -(-box.height // _COARSE)
        xs = box.x0 + (np.arange(columns, dtype=np.float32)[None, :] + 0.5) * (box.width / columns) - 0.5
        ys = box.y0 + (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * (box.height / rows) - 0.5
        weight = smooth((1 - np.hypot(xs - x, ys - y) / reach) / (1 - _WHOLE))
        edge = np.minimum(np.minimum(xs, width - 1 - xs), np.minimum(ys, height - 1 - ys))
        self._weight = weight * smooth(edge / (0.2 * unit))
        self._from_neck = xs - x, ys - (head.mouth[1] + _NECK * unit)
        self._luma, self._chroma = (self._grid(step) for step in (1, 2))
        self._luma_places, self._chroma_places = np.empty_like(self._luma), np.empty_like(self._chroma)

    def places(self, sway: Sway, nod: float) -> tuple[Floats, Floats]:
        """Maps for `cv2.remap`, for luma and for the half as large chroma planes."""
        right, down = self._from_neck
        moved = np.stack(
            [
                self._weight * (sway.turn * down - sway.zoom * right - sway.x * self._unit),
                self._weight * (-sway.turn * right - sway.zoom * down - (sway.y + nod) * self._unit),
            ],
            axis=-1,
        ).astype(np.float32)
        for grid, places, step in ((self._luma, self._luma_places, 1), (self._chroma, self._chroma_places, 2)):
            size = grid.shape[1], grid.shape[0]
            fine = cv2.resize(moved / np.float32(step), size, interpolation=cv2.INTER_LINEAR)
            cv2.add(fine, grid, dst=places)
        return self._luma_places, self._chroma_places

    def _grid(self, step: int) -> Floats:
        """The place of each pixel itself, in a plane `step` times smaller than the panel."""
        box = self.box
        ys, xs = np.mgrid[box.y0 // step : box.y1 // step, box.x0 // step : box.x1 // step].astype(np.float32)
        return np.stack([xs, ys], axis=-1)


def smooth(share: Floats) -> Floats:
    """The S-curve from 0 to 1, flat at both ends and beyond."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def mixed(under: Floats, over: Floats, share: Floats) -> Floats:
    """From `under` (share 0) to `over` (share 1); `share` has one value per pixel."""
    return under + (over - under) * share[..., None]
