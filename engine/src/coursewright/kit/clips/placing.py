"""Where the animated face stands in the clip: alone, or back in the portrait it was cut from. In a worker."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from coursewright.kit.clips.faces import find_faces
from coursewright.kit.clips.jobs import Box, Portrait, Shape
from coursewright.kit.clips.planes import Place, Planes, Weights, from_bgr

Picture = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.uint8]

SURE = 0.55
"""A correlation that a face's own picture keeps when it turns a little, and a wrong place does not reach."""
_FEATHER = 0.16
"""How far from its edge the animated face fades into the portrait, against its shorter side."""


def covering(picture: tuple[int, int], middle: tuple[float, float], canvas: tuple[int, int]) -> Place:
    """The place at which a picture of that size covers the canvas, undistorted, with `middle` as central as can be."""
    scale = max(canvas[0] / picture[0], canvas[1] / picture[1])
    corner, size = [], []
    for side, centre, whole in zip(picture, middle, canvas, strict=True):
        scaled = max(whole, 2 * round(side * scale / 2))
        wanted = whole / 2 - centre * scale
        corner.append(2 * round(min(0, max(whole - scaled, wanted)) / 2))
        size.append(scaled)
    return Place(corner[0], corner[1], size[0], size[1], canvas)


def face_place(first: Picture, shape: Shape) -> Place:
    """The animated picture alone covers the clip, its face in the middle."""
    height, width = first.shape[:2]
    faces = find_faces(first)
    face = faces[0] if faces else Box(0, 0, width, height)
    middle = face.x + face.width / 2, face.y + face.height / 2
    return covering((width, height), middle, (shape.width_px, shape.height_px))


_TONE = 10
"""The largest such shift; more is no cast of the colours but another picture."""


class PastedBack:
    """The full portrait as a still, and where in it the animated face is laid.

    `sure` tells how well the first animated picture was found in the portrait, from -1 to 1.
    """

    def __init__(self, first: Picture, portrait: Portrait, shape: Shape) -> None:
        whole = np.asarray(cv2.imread(str(portrait.whole), cv2.IMREAD_COLOR), np.uint8)
        sent = np.asarray(cv2.imread(str(portrait.sent), cv2.IMREAD_COLOR), np.uint8)
        found, self.sure = found_in(first, sent)
        # From the picture that was sent to the whole portrait.
        by = portrait.box.width / sent.shape[1]
        cut = Box(portrait.box.x + found.x * by, portrait.box.y + found.y * by, found.width * by, found.height * by)
        canvas = shape.width_px, shape.height_px
        height, width = whole.shape[:2]
        middle = portrait.face.x + portrait.face.width / 2, portrait.face.y + portrait.face.height / 2
        cover = covering((width, height), middle, canvas)
        scale = cover.width / width
        self.place = Place(
            _even(cover.x + cut.x * scale),
            _even(cover.y + cut.y * scale),
            max(16, _even(cut.width * scale)),
            max(16, _even(cut.height * scale)),
            canvas,
        )
        # The face stands on even pixels; the still is moved and scaled by that fraction, so that both agree exactly.
        to_x, to_y = self.place.width / cut.width, self.place.height / cut.height
        move = np.array([[to_x, 0, self.place.x - cut.x * to_x], [0, to_y, self.place.y - cut.y * to_y]])
        blurred = cv2.GaussianBlur(whole, (0, 0), 0.4 / scale) if scale < 0.7 else whole
        move[:, 2] += 0.5 * np.array([to_x, to_y]) - 0.5  # pixels have their middles half a pixel inside
        still = cv2.warpAffine(blurred, move, canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self.still = from_bgr(np.asarray(still, np.uint8))
        self._weights = _feathered(self.place)
        self._ground = _seen(self.still, self.place)
        self._under: Weights = [
            ground * (256 - weight) + np.uint16(128) for ground, weight in zip(self._ground, self._weights, strict=True)
        ]
        self._tones: list[npt.NDArray[np.uint8]] = []

    def draw(self, picture: Planes, canvas: Planes) -> None:
        """Lay what is seen of the animated picture over the still, fading toward its edges."""
        if not self._tones:
            self._tones = [_toned(*planes) for planes in zip(picture, self._ground, self._weights, strict=True)]
        parts = zip(_seen(canvas, self.place), picture, self._tones, self._weights, self._under, strict=True)
        for target, source, tone, weight, under in parts:
            target[:] = (np.asarray(cv2.LUT(source, tone), np.uint8) * weight + under) >> 8


def found_in(picture: Picture, sent: Picture) -> tuple[Box, float]:
    """Where in the picture that was sent the service cut out what it animates, and the correlation there.

    The cut is a rectangle of unknown place and size, upright and undistorted, as KDTalker and SadTalker make it.
    """
    template, ground = (np.asarray(cv2.cvtColor(each, cv2.COLOR_BGR2GRAY), np.uint8) for each in (picture, sent))
    best = _matched(template, ground, 144, np.linspace(0.35, 1.0, 40))
    best = _matched(template, ground, 480, best[2] * np.linspace(0.97, 1.03, 13))
    x, y, share, sure = best
    width = share * ground.shape[1]
    return Box(x, y, width, width * template.shape[0] / template.shape[1]), sure


def _matched(
    template: Grey, ground: Grey, ground_px: int, shares: npt.NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """(x, y, width against the ground's, correlation) of the best match, looked for at a width of `ground_px`."""
    scale = min(1.0, ground_px / ground.shape[1])
    small = cv2.resize(ground, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    best = (0.0, 0.0, 1.0, -1.0)
    for share in shares:
        width = round(share * small.shape[1])
        height = round(width * template.shape[0] / template.shape[1])
        if width > small.shape[1] or height > small.shape[0] or min(width, height) < 8:
            continue
        scaled = cv2.resize(template, (width, height), interpolation=cv2.INTER_AREA)
        _, sure, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(small, scaled, cv2.TM_CCOEFF_NORMED))
        if sure > best[3]:
            best = (x / scale, y / scale, width / small.shape[1], float(sure))
    return best


def _toned(source: Grey, ground: Grey, weight: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """A table that brings the animated picture to the still's tone where they meet: models shift colours a little."""
    rim = (weight > 0) & (weight < 192)
    shift = float(ground[rim].mean()) - float(source[rim].mean()) if rim.any() else 0.0
    return np.asarray(np.clip(np.rint(np.arange(256) + np.clip(shift, -_TONE, _TONE)), 0, 255), np.uint8)


def _even(value: float) -> int:
    return 2 * round(value / 2)


def _seen(planes: Planes, place: Place) -> Planes:
    left, top, right, bottom = place.seen
    return [
        plane[top // sub : bottom // sub, left // sub : right // sub]
        for plane, sub in zip(planes, (1, 2, 2), strict=True)
    ]


def _feathered(place: Place) -> Weights:
    """1 in the middle of the place and 0 at its edges, for what is seen of it."""
    left, top, right, bottom = place.seen
    feather = _FEATHER * min(place.width, place.height)

    def ramp(first: int, last: int, begin: int, length: int) -> npt.NDArray[np.float32]:
        at = np.arange(first, last) + 0.5 - begin
        share = np.clip(np.minimum(at, length - at) / feather, 0, 1)
        return np.asarray(share * share * (3 - 2 * share), np.float32)

    luma = np.outer(ramp(top, bottom, place.y, place.height), ramp(left, right, place.x, place.width))
    half = cv2.resize(luma, ((right - left) // 2, (bottom - top) // 2), interpolation=cv2.INTER_AREA)
    return [np.rint(256 * weight).astype(np.uint16) for weight in (luma, half, half)]
