"""The lips of a face in a photo: where they end, where they meet, and whether teeth show between them."""

from __future__ import annotations

import math

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from coursewright_video_portrait.framing import Head
from coursewright_video_portrait.planes import Picture

_UNIT_PX = 200
_WIDTH, _HEIGHT = 320, 240
"""The patch that is looked at: 1.6 × 1.2 eye distances around the expected mouth, at 200 pixels to one."""

Floats = npt.NDArray[np.float32]


class Lips(msgspec.Struct, frozen=True):
    """Lengths in eye distances, from `middle` (picture pixels), across the face and down it."""

    middle: tuple[float, float]
    half: float
    """Half the width of the mouth."""
    corner: float
    """Height of the corners below `middle`; less than 0 in a smile."""
    upper: float
    lower: float
    """Inner edges of the lips at the middle; the same where they meet."""

    @property
    def teeth(self) -> bool:
        return self.lower - self.upper > 0.02


def find_lips(picture: Picture, head: Head) -> Lips:
    """Look around `head.mouth`: for teeth, which are brighter and paler than skin, else for the dark seam."""
    across = (head.right[0] - head.left[0]) / head.unit, (head.right[1] - head.left[1]) / head.unit
    lab = cv2.cvtColor(_upright(picture, head, across), cv2.COLOR_BGR2LAB).astype(np.float32)
    light = cv2.GaussianBlur(lab[..., 0], (0, 0), 2)
    colour = cv2.GaussianBlur(np.hypot(lab[..., 1] - 128, lab[..., 2] - 128), (0, 0), 2)
    found = _teeth(np.asarray(light, np.float32), np.asarray(colour, np.float32))
    x, half, corner, upper, lower = found or _seam(np.asarray(light, np.float32))
    y = (upper + lower) / 2
    return Lips(
        _placed(head, across, x, y),
        half / _UNIT_PX,
        (corner - y) / _UNIT_PX,
        (upper - y) / _UNIT_PX,
        (lower - y) / _UNIT_PX,
    )


def _placed(head: Head, across: tuple[float, float], column: float, row: float) -> tuple[float, float]:
    """A place in the patch as a point of the picture."""
    dx, dy = ((column - _WIDTH / 2) / _UNIT_PX * head.unit, (row - _HEIGHT / 2) / _UNIT_PX * head.unit)
    return head.mouth[0] + dx * across[0] - dy * across[1], head.mouth[1] + dx * across[1] + dy * across[0]


def _upright(picture: Picture, head: Head, across: tuple[float, float]) -> Picture:
    scale = _UNIT_PX / head.unit
    turn = cv2.getRotationMatrix2D(head.mouth, math.degrees(math.atan2(across[1], across[0])), scale)
    turn[0, 2] += _WIDTH / 2 - head.mouth[0]
    turn[1, 2] += _HEIGHT / 2 - head.mouth[1]
    return np.asarray(
        cv2.warpAffine(picture, turn, (_WIDTH, _HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


_Found = tuple[float, float, float, float, float]
"""Middle column, half the width, row of the corners, rows of the inner edges at the middle; in the patch."""


def _teeth(light: Floats, colour: Floats) -> _Found | None:
    """Where teeth show, if they do."""
    skin = float(np.percentile(light, 60))
    skin_colour = float(np.median(colour[np.abs(light - skin) < 20]))
    if skin_colour > 8:
        mask = ((light > 0.80 * skin) & (colour < 0.60 * skin_colour)) | (
            (light > 1.02 * skin) & (colour < 0.74 * skin_colour)
        )
    else:
        mask = light > 1.18 * skin  # a grey picture: only light tells
    mask[:56], mask[-40:], mask[:, :50], mask[:, -50:] = False, False, False, False
    shape = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    shape = cv2.morphologyEx(shape, cv2.MORPH_CLOSE, np.ones((5, 25), np.uint8))
    count, labels, stats, centres = cv2.connectedComponentsWithStats(shape)
    for part in sorted(range(1, count), key=lambda part: -int(stats[part, cv2.CC_STAT_AREA])):
        x, _, width, height, area = (int(value) for value in stats[part])
        near = abs(centres[part][0] - _WIDTH / 2) < 45 and abs(centres[part][1] - _HEIGHT / 2) < 60
        if near and area > 450 and width > 56 and width > 1.6 * height:
            return _around(labels == part, x, width)
    return None


def _around(teeth: npt.NDArray[np.bool_], x: int, width: int) -> _Found:
    tops = np.argmax(teeth, axis=0)
    bottoms = teeth.shape[0] - np.argmax(teeth[::-1], axis=0)
    middle = slice(x + width * 2 // 5, x + width * 3 // 5)
    reach = max(3, width // 12)
    corner = float(np.mean([tops[x : x + reach].mean(), tops[x + width - reach : x + width].mean()]))
    upper, lower = float(np.median(tops[middle])), float(np.median(bottoms[middle]))
    # Lips close beyond the last tooth that is light enough to be seen, and a smile is never narrow.
    return x + width / 2, max(width / 2 + 12, 0.42 * _UNIT_PX), min(corner - 3, upper + 10), upper - 1, lower + 1


def _seam(light: Floats) -> _Found:
    """The curve across the mouth that is darker than what is above and below it."""
    reach = 9
    valley = np.zeros_like(light)
    valley[reach:-reach] = np.minimum(light[: -2 * reach], light[2 * reach :]) - light[reach:-reach]
    valley = np.clip(valley, 0, max(6.0, float(np.percentile(valley, 97))))
    along = np.linspace(-1.25, 1.25, 41)
    inside = np.abs(along) <= 1
    best, score = (_WIDTH / 2, 72.0, _HEIGHT / 2.0, _HEIGHT / 2.0, _HEIGHT / 2.0), -np.inf
    rows = np.arange(_HEIGHT // 2 - 44, _HEIGHT // 2 + 56, 2)
    for half in range(62, 100, 6):
        for x in range(_WIDTH // 2 - 24, _WIDTH // 2 + 25, 6):
            columns = np.clip(np.rint(x + along * half).astype(int), 0, _WIDTH - 1)
            for bow in range(-16, 17, 4):  # how much lower the middle is than the corners
                curve = bow * (1 - along**2)
                places = np.clip(np.rint(rows[:, None] + curve).astype(int), 0, _HEIGHT - 1)
                dark = valley[places, columns]
                # The ends tell the width: dark up to the corners, and not beyond them.
                scores = dark[:, inside].mean(axis=1) - 0.35 * dark[:, ~inside].mean(axis=1)
                scores -= 0.02 * np.abs(rows - _HEIGHT / 2) + 0.02 * abs(x - _WIDTH / 2) + 0.05 * abs(bow)
                scores += 0.012 * half
                at = int(np.argmax(scores))
                if scores[at] > score:
                    row = float(rows[at])
                    best, score = (float(x), float(half), row, row + bow, row + bow), float(scores[at])
    return best
