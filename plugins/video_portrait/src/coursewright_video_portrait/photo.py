"""A photo on its panel: lips and lids moved by warping what is there, and drawing only the inside of the mouth.

Lengths are in eye distances unless they end in `_px`; `across` runs along the line of the eyes, `down` to the chin.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from coursewright_video_portrait.framing import Head, framed
from coursewright_video_portrait.lips import Lips
from coursewright_video_portrait.panel import on_panel
from coursewright_video_portrait.planes import Box, Picture, Planes, to_bytes, to_planes
from coursewright_video_portrait.stage import NO_SECOND_MAP, Floats, MouthState, mixed, smooth
from coursewright_video_portrait.visemes import PRESSED

# Proportions of an adult face: the nose ends 0.40 above the middle of the mouth, the chin 0.78 below it, and
# the skin of the neck is at rest 1.30 below it.
_NOSE, _CHIN, _NECK, _CHEEK = -0.40, 0.78, 1.30, 0.92
_GAP, _JAW = 0.27, 0.13
"""How far lips and chin go at the widest opening."""
_EYE_HALF, _EYE_TOP, _EYE_BOTTOM = 0.255, -0.092, 0.082
_LEAST_LID, _MOST_LID = 0.045, 0.17
"""An eye's opening, and how much skin above it a lid is made of: as far as the eyebrow leaves."""


_KEPT_PX = 100_000_000
"""Mouths that are kept, in pixels: all 133 of any usual panel, some of an enormous one (1.5 bytes each)."""


class PhotoFigure:
    """See `stage.Figure`. Mouth patches are made when first needed and kept."""

    def __init__(self, picture: Picture, head: Head, lips: Lips, width: int, height: int) -> None:
        framing = framed(head, (picture.shape[1], picture.shape[0]), (width, height))
        panel = on_panel(picture, framing, width, height)
        self.planes = to_planes(panel)
        self.head = framing.head(Head(head.left, head.right, lips.middle))
        self._panel = panel.astype(np.float32)
        self._lips = lips
        self._tone = _Tone(self._skin())
        unit = self.head.unit
        x, y = self.head.mouth
        self.mouth_box = Box(x - unit, y - 0.6 * unit, x + unit, y + 1.4 * unit, width, height)
        self.eye_boxes = [
            Box(ex - 0.38 * unit, ey - 0.40 * unit, ex + 0.38 * unit, ey + 0.30 * unit, width, height)
            for ex, ey in (self.head.left, self.head.right)
        ]
        self._mouths: dict[MouthState, Planes] = {}
        self._eyes: dict[float, Sequence[Planes]] = {}

    def mouth(self, state: MouthState) -> Planes:
        if state not in self._mouths:
            if len(self._mouths) * self.mouth_box.width * self.mouth_box.height > _KEPT_PX:
                self._mouths.clear()
            self._mouths[state] = to_planes(to_bytes(self._spoken(state.opening, state.spread)))
        return self._mouths[state]

    def eyes(self, lid: float) -> Sequence[Planes]:
        if lid not in self._eyes:
            places = zip(self.eye_boxes, (self.head.left, self.head.right), strict=True)
            self._eyes[lid] = [to_planes(to_bytes(self._blinking(box, eye, lid))) for box, eye in places]
        return self._eyes[lid]

    def _spoken(self, opening: float, spread: float) -> Floats:
        """The mouth's box with the mouth opened and spread so far."""
        box, lips = self.mouth_box, self._lips
        across, down = self._axes(box, self.head.mouth)
        half = lips.half * (1 + (0.12 if spread > 0 else 0.18) * spread)
        # Toward rounded or spread lips the whole neighbourhood follows, less with the distance.
        near = np.clip(1.4 * np.exp(-((across / (1.5 * lips.half)) ** 2) - (down / 0.42) ** 2), 0, 1)
        source_across = across * (1 - (1 - lips.half / half) * near)
        # Teeth fill a smile nearly to its corners; lips that rest on each other taper off.
        lens = np.clip(1 - (source_across / lips.half) ** 2, 0, 1) ** (0.62 if lips.teeth else 1.0)
        upper = lips.corner + (lips.upper - lips.corner) * lens
        lower = lips.corner + (lips.lower - lips.corner) * lens
        rise, drop = self._parted(opening)
        shape = lens if opening < 0 else np.clip(1 - (source_across / (0.94 * lips.half)) ** 2, 0, 1) ** 1.1
        top = upper + rise * shape
        bottom = np.maximum(lower + drop * shape, top)
        jaw = _JAW * max(opening, 0) ** 1.2 * smooth(1 - np.abs(across) / _CHEEK)
        source_down = _stretched(down, (upper, lower), (top, bottom), jaw)
        warped = self._sampled(self.head.mouth, source_across, source_down)
        warped = self._with_inside(warped, source_across, down, (upper, lower), (top, bottom))
        return self._feathered(warped, box)

    def _parted(self, opening: float) -> tuple[float, float]:
        """How far the upper and the lower lip move from where they are in the photo."""
        shown = self._lips.lower - self._lips.upper
        if opening < 0:  # pressed: the lips meet over the teeth that a smile shows
            pressed = opening / PRESSED
            return 0.30 * shown * pressed, -0.72 * shown * pressed
        gap = _GAP * opening
        return (-0.07 * gap, 0.80 * gap) if self._lips.teeth else (-0.13 * gap, 0.87 * gap)

    def _with_inside(
        self, warped: Floats, across: Floats, down: Floats, old: tuple[Floats, Floats], new: tuple[Floats, Floats]
    ) -> Floats:
        """Draw between the lips: the photo's own teeth stay with the upper jaw, below them it is dark."""
        (upper, lower), (top, bottom) = old, new
        unit = self.head.unit
        gap = bottom - top
        depth = np.clip((down - top) / np.maximum(gap, 1e-3), 0, 1)
        side = np.abs(across) / self._lips.half
        inside = self._tone.cavity(depth, side)
        tongue = smooth((depth - 0.55) / 0.4) * smooth((1 - side / 0.75) * 1.6) * smooth(gap / 0.16 - 0.4)
        inside = mixed(inside, self._tone.tongue, 0.8 * tongue)
        if self._lips.teeth:
            height = lower - upper
            teeth = smooth((height - (down - top)) * unit / 1.6 + 0.5) * (height > 0.01)
            inside = mixed(inside, warped, teeth)
        else:
            height = np.minimum(0.34 * gap, 0.062) * smooth((1 - side) / 0.5)
            teeth = (
                smooth((height - (down - top)) * unit / 2 + 0.5) * smooth(gap / 0.05 - 0.6) * smooth((1 - side) / 0.4)
            )
            inside = mixed(inside, self._tone.teeth(side), 0.9 * teeth)
        # Under the upper lip lies a shadow.
        inside *= (1 - 0.35 * np.exp(-((down - top) / 0.022)))[..., None]
        edge = np.minimum(down - top, bottom - down) * unit
        return mixed(warped, inside, smooth((edge + 0.6) / 1.6) * smooth((1 - side) / 0.10) * (gap > 0.004))

    def _blinking(self, box: Box, eye: tuple[float, float], lid: float) -> Floats:
        """An eye's box with its upper lid drawn down over the eye, and a line of lashes."""
        across, down = self._axes(box, eye)
        lens = np.clip(1 - (across / _EYE_HALF) ** 2, 0, 1)
        top, bottom = _EYE_TOP * lens, _EYE_BOTTOM * lens
        edge = top + (bottom - top) * 0.94 * lid
        skin = self._lid_skin(eye)
        fold = top - skin
        stretch = (0.95 * skin) / np.maximum(edge - fold, 1e-3)
        source_down = np.where((down > fold) & (down < edge), fold + (down - fold) * stretch, down)
        closed = self._sampled(eye, across, source_down)
        # The crease it is stretched from lies in shadow, a shut lid does not.
        dark = 1 - closed.mean(axis=2) / float(self._tone.lid.mean())
        lit = np.clip(2.2 * dark - 0.15, 0, 0.75) * smooth((down - fold) / (0.8 * skin)) * (down < edge)
        closed = mixed(closed, self._tone.lid, lid * lit)
        lashes = np.exp(-(((down - edge) / 0.020) ** 2)) * np.clip(lens * 4, 0, 1) * min(1.0, 2 * lid) * 0.62
        closed = mixed(closed, 0.22 * closed, lashes)
        inside = smooth(lens * 5) * smooth((down - fold) / (0.3 * skin)) * smooth((0.20 - down) / 0.06)
        return mixed(box.of(self._panel), closed, inside * (lid > 0))

    def _lid_skin(self, eye: tuple[float, float]) -> float:
        """How far above an eye there is skin, before the darker eyebrow begins."""
        heights = np.arange(0.02, 0.32, 0.01)
        across, down = np.meshgrid(np.linspace(-0.16, 0.16, 17), _EYE_TOP - heights)
        light = np.median(self._sampled(eye, across, down).mean(axis=2), axis=1)
        brightest = int(np.argmax(light[: len(light) // 2]))
        dark = np.nonzero(light[brightest:] < (light[brightest] + light[brightest:].min()) / 2)[0]
        free = float(heights[brightest + dark[0]]) if len(dark) else _MOST_LID
        return min(_MOST_LID, max(_LEAST_LID, free - 0.03))

    def _skin(self) -> Floats:
        """The colour of the cheeks, beside the nose where neither hair nor beard nor background is."""
        across, down = np.meshgrid(np.linspace(-0.1, 0.1, 9), np.linspace(-0.52, -0.38, 7))
        cheeks = [self._sampled(self.head.mouth, across + side, down).reshape(-1, 3) for side in (-0.36, 0.36)]
        return np.asarray(np.percentile(np.concatenate(cheeks), 65, axis=0), np.float32)

    def _axes(self, box: Box, origin: tuple[float, float]) -> tuple[Floats, Floats]:
        """`across` and `down` of every pixel of a box, seen from `origin`."""
        along_x, along_y = self._along()
        ys, xs = np.mgrid[box.y0 : box.y1, box.x0 : box.x1].astype(np.float32)
        dx, dy = (xs - origin[0]) / self.head.unit, (ys - origin[1]) / self.head.unit
        return dx * along_x + dy * along_y, dy * along_x - dx * along_y

    def _sampled(self, origin: tuple[float, float], across: Floats, down: Floats) -> Floats:
        """The panel at places given by `across` and `down`."""
        along_x, along_y = self._along()
        xs = origin[0] + (across * along_x - down * along_y) * self.head.unit
        ys = origin[1] + (across * along_y + down * along_x) * self.head.unit
        places = np.stack([xs, ys], axis=-1).astype(np.float32)
        return np.asarray(
            cv2.remap(self._panel, places, NO_SECOND_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def _along(self) -> tuple[float, float]:
        left, right, unit = self.head.left, self.head.right, self.head.unit
        return (right[0] - left[0]) / unit, (right[1] - left[1]) / unit

    def _feathered(self, patch: Floats, box: Box) -> Floats:
        """`patch`, running into the panel at its own edges."""
        ys, xs = np.mgrid[0 : box.height, 0 : box.width].astype(np.float32)
        edge = np.minimum(np.minimum(xs, box.width - 1 - xs), np.minimum(ys, box.height - 1 - ys))
        return mixed(box.of(self._panel), patch, smooth(edge / (0.10 * self.head.unit)))


class _Tone:
    """Colours for the inside of a mouth, in the light of the photo. Blue first."""

    def __init__(self, skin: Floats) -> None:
        light = float(skin.mean()) / 165
        self._light = min(1.1, max(0.45, light))
        colour = float(skin.max() - skin.min()) / max(1.0, float(skin.max()))
        self._colour = min(1.0, colour / 0.15)  # a grey photo gets a grey mouth
        self.lid = 0.9 * skin
        self.tongue = self._coloured(88, 84, 165)

    def cavity(self, depth: Floats, side: Floats) -> Floats:
        shade = (0.62 + 0.6 * depth) * (1 - 0.3 * np.clip(side, 0, 1))
        return shade[..., None] * self._coloured(27, 21, 56)

    def teeth(self, side: Floats) -> Floats:
        shade = 1 - 0.6 * np.clip(side, 0, 1) ** 2
        return shade[..., None] * self._coloured(176, 190, 200)

    def _coloured(self, blue: float, green: float, red: float) -> Floats:
        colour = np.array([blue, green, red], np.float32)
        grey = 0.07 * blue + 0.72 * green + 0.21 * red
        return (grey + (colour - grey) * self._colour) * self._light


def _stretched(down: Floats, old: tuple[Floats, Floats], new: tuple[Floats, Floats], jaw: Floats) -> Floats:
    """Where each place came from, down the face, when the lips' inner edges moved from `old` to `new`."""
    (upper, lower), (top, bottom) = old, new
    above = _NOSE + (down - _NOSE) * (upper - _NOSE) / np.maximum(top - _NOSE, 1e-3)
    above = np.where(down < _NOSE, down, above)
    # The lower lip moves as one; toward the chin its movement becomes the jaw's, and the neck stays.
    share = smooth((down - bottom) / (0.55 * _CHIN))
    moved = (bottom - lower) * (1 - share) + jaw * share
    chin = _CHIN + jaw
    moved = np.where(down > chin, jaw * (1 - smooth((down - chin) / (_NECK - _CHIN))), moved)
    inside = upper + (down - top)
    return np.where(down < top, above, np.where(down > bottom, down - moved, inside))
