"""A photo cut and scaled to the panel, and continued where it does not reach."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from coursewright_video_portrait.framing import Framing
from coursewright_video_portrait.planes import Picture, to_bytes
from coursewright_video_portrait.stage import mixed, smooth


def on_panel(picture: Picture, framing: Framing, width: int, height: int) -> Picture:
    """The part of the picture that shows, on a blurred enlargement of itself where it does not reach."""
    rows, columns = picture.shape[:2]
    scale = framing.scale
    x0, x1 = max(0, int(-framing.x / scale)), min(columns, int(np.ceil((width - framing.x) / scale)))
    y0, y1 = max(0, int(-framing.y / scale)), min(rows, int(np.ceil((height - framing.y) / scale)))
    cut = picture[y0:y1, x0:x1]
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    scaled = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, upper = round(x0 * scale + framing.x), round(y0 * scale + framing.y)
    gaps = (upper, height - upper - size[1], left, width - left - size[0])
    if max(gaps) <= 1:
        return np.asarray(_placed(scaled, gaps, (height, width)), np.uint8)
    sigma = 0.06 * max(width, height)
    behind = cv2.GaussianBlur(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA), (0, 0), sigma)
    weight = np.ones(scaled.shape[:2], np.float32)
    fade = 0.08 * width
    ys, xs = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    for gap, distance in zip(gaps, (ys, size[1] - 1 - ys, xs, size[0] - 1 - xs), strict=True):
        if gap > 1:
            weight *= smooth(distance / fade)
    weight = _placed(weight, gaps, (height, width), border=cv2.BORDER_CONSTANT)
    front = _placed(scaled, gaps, (height, width)).astype(np.float32)
    return to_bytes(mixed(behind.astype(np.float32), front, weight))


def _placed(
    scaled: npt.NDArray[Any],
    gaps: tuple[int, int, int, int],
    shape: tuple[int, int],
    *,
    border: int = cv2.BORDER_REPLICATE,
) -> npt.NDArray[Any]:
    """Extend by the gaps (above, below, left, right), cut where a gap is negative."""
    above, below, left, right = (max(0, gap) for gap in gaps)
    extended = cv2.copyMakeBorder(scaled, above, below, left, right, border)
    y, x = max(0, -gaps[0]), max(0, -gaps[2])
    return extended[y : y + shape[0], x : x + shape[1]]
