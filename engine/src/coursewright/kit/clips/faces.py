"""Where the face is, by OpenCV's Haar cascades. In a worker."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from coursewright.errors import BadInput
from coursewright.kit.clips.jobs import Box

_SEARCHED_PX = 640
_LEAST = 1 / 12
"""The smallest face that is looked for, against the shorter side of the picture."""
_ROOM = 0.15
"""What is added around the picture, against its shorter side."""
_NOTABLE = 0.25
"""A second face of this area against the first is worth a word; smaller finds are bystanders or mistakes."""


def largest_face(picture: npt.NDArray[np.uint8]) -> tuple[Box, list[str]]:
    """The square of the largest frontal face, and notices. Raises BadInput(field="portrait") when there is none."""
    faces = find_faces(picture)
    if not faces:
        raise BadInput(
            "no face was found in the portrait",
            field="portrait",
            remedy="use an upright photo of one person who looks into the camera, evenly lit, eyes and mouth visible",
        )
    area = faces[0].width ** 2
    others = sum(1 for face in faces[1:] if face.width**2 >= _NOTABLE * area)
    notices = [f"{others + 1} faces were found in the portrait; the largest one speaks"] if others else []
    return faces[0], notices


def find_faces(picture: npt.NDArray[np.uint8]) -> list[Box]:
    """Squares around frontal faces, the largest first; each face once. A square may reach beyond the picture."""
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    scale = min(1.0, _SEARCHED_PX / max(gray.shape))
    reduced = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    # The cascades see whole squares only, and that of a face which fills the picture reaches beyond it.
    room = round(_ROOM * min(reduced.shape))
    small = np.asarray(cv2.copyMakeBorder(reduced, room, room, room, room, cv2.BORDER_REPLICATE), np.uint8)
    # The second cascade sees more faces and more that are none: what it finds alone must have an eye.
    found = _squares("haarcascade_frontalface_alt2.xml", small) or [
        square for square in _squares("haarcascade_frontalface_default.xml", small) if _has_eye(small, square)
    ]
    kept: list[tuple[int, int, int]] = []
    for square in sorted(found, key=lambda square: -square[2]):
        if not any(_holds(larger, square) for larger in kept):
            kept.append(square)
    return [Box((x - room) / scale, (y - room) / scale, size / scale, size / scale) for x, y, size in kept]


def _squares(cascade: str, gray: npt.NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    least = max(24, round(min(gray.shape) * _LEAST))
    found = _cascade(cascade).detectMultiScale(gray, scaleFactor=1.1, minNeighbors=4, minSize=(least, least))
    return [(int(x), int(y), int(width)) for x, y, width, _ in found]


def _has_eye(gray: npt.NDArray[np.uint8], square: tuple[int, int, int]) -> bool:
    x, y, size = square
    upper = cv2.resize(gray[y : y + size * 6 // 10, x : x + size], (200, 120), interpolation=cv2.INTER_CUBIC)
    eyes = _cascade("haarcascade_eye_tree_eyeglasses.xml")
    return len(eyes.detectMultiScale(upper, 1.05, 3, minSize=(25, 25), maxSize=(90, 90))) > 0


def _holds(larger: tuple[int, int, int], square: tuple[int, int, int]) -> bool:
    """Does the middle of `square` lie in `larger`? Then it is the same face, or its nose."""
    x, y = square[0] + square[2] / 2, square[1] + square[2] / 2
    return 0 <= x - larger[0] <= larger[2] and 0 <= y - larger[1] <= larger[2]


@functools.cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))
