"""Finding the one face of a portrait, and the eyes and mouth in it, with OpenCV's Haar cascades."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from coursewright.errors import BadInput

from coursewright_video_portrait.framing import Head
from coursewright_video_portrait.planes import Picture

Gray = npt.NDArray[np.uint8]

_SEARCH_PX = 800
"""The longer side of the picture that is searched: a face of a twelfth of it still has 80 pixels."""
_LEAST_FACE_PX = 64
"""Below this width, eyes and lips are a few pixels each and the warp shows."""
_DOMINANT = 3.0
_FINE_PX = 400
"""Width to which a face is scaled for placing its eyes; half of that is enough to see whether there are any."""
_SURE = 4.0
"""A weight of the default cascade that false finds stayed below on a set of 32 photos of people, animals and
things, where both cascades agree; a face without eyes that were found has at least this."""


class Face(msgspec.Struct, frozen=True):
    """A face's square, and the head's points; all in pixels of the picture."""

    x: float
    y: float
    size: float
    head: Head


def find_face(picture: Picture) -> tuple[Face, list[str]]:
    """The face to animate, and notices. Raises BadInput(field="portrait") for none, several, or too small."""
    gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    scale = min(1.0, _SEARCH_PX / max(gray.shape))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    squares = [(x / scale, y / scale, size / scale) for x, y, size in _squares(np.asarray(small, np.uint8))]
    if not squares:
        raise BadInput(
            f"no face was found in the portrait ({picture.shape[1]} × {picture.shape[0]} pixels)",
            field="portrait",
            remedy="use an upright photo of one person looking at the camera, with both eyes and the mouth "
            "visible and evenly lit; or give the option landmarks; or use a drawing as the README describes",
        )
    squares.sort(key=lambda square: -square[2])
    notices = []
    if len(squares) > 1:
        if (squares[0][2] / squares[1][2]) ** 2 < _DOMINANT:
            raise BadInput(
                f"{len(squares)} faces were found in the portrait",
                field="portrait",
                remedy="use a picture of one person, or cut this one to the person who speaks",
            )
        notices.append(f"{len(squares)} faces were found in the portrait; the largest one speaks")
    x, y, size = squares[0]
    if size < _LEAST_FACE_PX:
        raise BadInput(
            f"the face in the portrait is only {size:.0f} pixels wide",
            field="portrait",
            remedy=f"use a larger picture: the face needs {_LEAST_FACE_PX} pixels at least, 200 look good",
        )
    return Face(x, y, size, _head(gray, x, y, size)), notices


_Square = tuple[float, float, float]


def _squares(gray: Gray) -> list[_Square]:
    """Squares around faces, each once. A face is what two cascades agree on, or one sees clearly with both eyes."""
    least = max(24, min(gray.shape) // 14)
    alternatives = _hits("haarcascade_frontalface_alt2.xml", gray, least)
    defaults = _hits("haarcascade_frontalface_default.xml", gray, least)
    found = []
    for x, y, size, weight in defaults:
        twins = [hit for hit in alternatives if _overlap((x, y, size), hit[:3]) > 0.5]
        eyes = len(_eyes(gray, x, y, size))
        if twins and (eyes == 2 or weight >= _SURE):
            found.append(twins[0][:3])
        elif not twins and eyes == 2 and weight >= _SURE + 1:
            found.append((x, y, size))
    found += [hit[:3] for hit in alternatives if len(_eyes(gray, *hit[:3])) == 2]
    return _distinct(found)


def _hits(cascade: str, gray: Gray, least: int) -> list[tuple[float, float, float, float]]:
    """(x, y, size, weight), the largest first."""
    found, _, weights = _cascade(cascade).detectMultiScale3(
        gray, scaleFactor=1.08, minNeighbors=3, minSize=(least, least), outputRejectLevels=True
    )
    hits = [(float(x), float(y), float(w), float(k)) for (x, y, w, _), k in zip(found, np.ravel(weights), strict=True)]
    return sorted(hits, key=lambda hit: -hit[2])


def _distinct(squares: list[_Square]) -> list[_Square]:
    """Larger squares first; one whose middle lies in a larger one is a nose or a mouth taken for a face."""
    kept: list[_Square] = []
    for x, y, size in sorted(squares, key=lambda square: -square[2]):
        middle = x + size / 2, y + size / 2
        if not any(ox <= middle[0] <= ox + other and oy <= middle[1] <= oy + other for ox, oy, other in kept):
            kept.append((x, y, size))
    return kept


def _overlap(one: _Square, other: _Square) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[2], other[1] + other[2]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one[2] ** 2 + other[2] ** 2 - shared)


def _eyes(gray: Gray, x: float, y: float, size: float, roi_px: int = 200) -> dict[int, tuple[float, float]]:
    """The eyes found in a face, 0 for the left and 1 for the right, as shares of the face's square."""
    part = gray[int(y) : int(y + 0.62 * size), int(x) : int(x + size)]
    roi = cv2.resize(part, (roi_px, round(0.62 * roi_px)), interpolation=cv2.INTER_CUBIC)
    found: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
    for name in ("haarcascade_eye.xml", "haarcascade_eye_tree_eyeglasses.xml"):
        hits = _cascade(name).detectMultiScale(roi, 1.05, 4, minSize=(roi_px // 8,) * 2, maxSize=(roi_px // 2,) * 2)
        for ex, ey, width, height in hits:
            point = (ex + width / 2) / roi_px, (ey + height / 2) / roi_px
            # Eyes stand at 0.30 and 0.70 of the square's width and at 0.38 of its height.
            side = int(point[0] > 0.5)
            if abs(point[0] - (0.3, 0.7)[side]) < 0.14 and abs(point[1] - 0.38) < 0.12:
                found[side].append(point)
    middles = {side: np.median(points, axis=0) for side, points in found.items() if points}
    return {side: (float(middle[0]), float(middle[1])) for side, middle in middles.items()}


def _head(gray: Gray, x: float, y: float, size: float) -> Head:
    """The head's points in a face; an eye that was not found is put where its twin's mirror image is."""
    eyes = _eyes(gray, x, y, size, _FINE_PX)
    if 0 not in eyes:
        eyes[0] = (1 - eyes[1][0], eyes[1][1]) if 1 in eyes else (0.3, 0.38)
    if 1 not in eyes:
        eyes[1] = (1 - eyes[0][0], eyes[0][1])
    left, right = ((x + eyes[side][0] * size, y + eyes[side][1] * size) for side in (0, 1))
    # The mouth is about as far below the eyes as they are apart; `lips.py` finds it more closely.
    middle = (left[0] + right[0]) / 2, (left[1] + right[1]) / 2
    apart = math.dist(left, right)
    down = -(right[1] - left[1]) / apart, (right[0] - left[0]) / apart
    return Head(left, right, (middle[0] + 1.06 * apart * down[0], middle[1] + 1.06 * apart * down[1]))


@functools.cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))
