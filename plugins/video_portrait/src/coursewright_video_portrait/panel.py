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
    """The part of the picture that shows; where it does not reach, its edges go on, more and more blurred."""
    rows, columns = picture.shape[:2]
    scale = framing.scale
    x0, x1 = max(0, int(-framing.x / scale)), min(columns, int(np.ceil((width - framing.x) / scale)))
    y0, y1 = max(0, int(-framing.y / scale)), min(rows, int(np.ceil((height - framing.y) / scale)))
    cut = picture[y0:y1, x0:x1]
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    scaled = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, upper = round(x0 * scale + framing.x), round(y0 * scale + framing.y)
    gaps = (upper, height - upper - size[1], left, width - left - size[0])
    panel = np.asarray(_placed(scaled, gaps, (height, width)), np.uint8)
    if max(gaps) <= 1:
        return panel
    # Blurred along the edges only a little near them, and into one soft colour far from them.
    behind = panel.astype(np.float32)
    distance = _distance(gaps, (height, width)) / (0.5 * max(width, height))
    for sigma, start in ((0.012, 0.0), (0.05, 0.06), (0.12, 0.25)):
        blurred = _blurred(panel, sigma * max(width, height))
        behind = mixed(behind, blurred, smooth((distance - start) / 0.15))
    return to_bytes(behind)


def _blurred(panel: Picture, sigma_px: float) -> npt.NDArray[np.float32]:
    """A Gaussian blur, done on a picture so small that it is quick however wide the blur."""
    smaller = max(1, int(sigma_px / 3))
    size = max(1, panel.shape[1] // smaller), max(1, panel.shape[0] // smaller)
    small = cv2.resize(panel.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), sigma_px / smaller)
    return np.asarray(cv2.resize(soft, (panel.shape[1], panel.shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def _distance(gaps: tuple[int, int, int, int], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """How far each pixel of the panel lies outside the picture, in pixels; 0 inside."""
    above, below, left, right = gaps
    ys, xs = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    vertical = np.maximum(above - ys, ys - (shape[0] - 1 - below))
    horizontal = np.maximum(left - xs, xs - (shape[1] - 1 - right))
    return np.maximum(np.maximum(vertical, horizontal), 0).astype(np.float32)


def _placed(scaled: npt.NDArray[Any], gaps: tuple[int, int, int, int], shape: tuple[int, int]) -> npt.NDArray[Any]:
    """Extend by the gaps (above, below, left, right), cut where a gap is negative."""
    above, below, left, right = (max(0, gap) for gap in gaps)
    extended = cv2.copyMakeBorder(scaled, above, below, left, right, cv2.BORDER_REPLICATE)
    y, x = max(0, -gaps[0]), max(0, -gaps[2])
    return extended[y : y + shape[0], x : x + shape[1]]
