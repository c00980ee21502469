"""Where things stand on a slide.

Slides are designed on a canvas of 1280 × 720 units (landscape) or 800 × 800 units (upright), and more in one
direction where the aspect ratio is another one, so text keeps its proportion to the slide at every size.
"""

from __future__ import annotations

import msgspec
from coursewright.capabilities.slides import Box

PRESENTER_WIDTH, PRESENTER_HEIGHT = 352, 440
PANEL_MARGIN = 40
SIDE, TOP, BOTTOM = 72, 66, 62
GAP = 44


class Area(msgspec.Struct, frozen=True):
    """A rectangle in units, from the top left corner of the slide."""

    x: float
    y: float
    width: float
    height: float


class Canvas(msgspec.Struct, frozen=True):
    """A slide's size in pixels, and whether a presenter stands on it."""

    width_px: int
    height_px: int
    presenter: bool

    @property
    def upright(self) -> bool:
        """Too narrow for a presenter beside the text: the presenter then stands below it."""
        return self.width_px < 1.25 * self.height_px

    @property
    def pixels_per_unit(self) -> float:
        if self.upright:
            return min(self.width_px, self.height_px) / 800
        return min(self.width_px / 1280, self.height_px / 720)

    @property
    def width(self) -> float:
        """In units."""
        return self.width_px / self.pixels_per_unit

    @property
    def height(self) -> float:
        """In units."""
        return self.height_px / self.pixels_per_unit

    @property
    def panel(self) -> Area | None:
        """The tinted ground that the presenter stands on."""
        if not self.presenter:
            return None
        if self.upright:
            height = self._presenter_height + 2 * PANEL_MARGIN
            return Area(0, self.height - height, self.width, height)
        width = PRESENTER_WIDTH + 2 * PANEL_MARGIN
        return Area(self.width - width, 0, width, self.height)

    @property
    def text(self) -> Area:
        """Where title, points and picture go."""
        right: float = SIDE
        bottom: float = BOTTOM
        if panel := self.panel:
            right = right if self.upright else panel.width + GAP
            bottom = panel.height + GAP / 2 if self.upright else bottom
        return Area(SIDE, TOP, self.width - SIDE - right, self.height - TOP - bottom)

    @property
    def footer_width(self) -> float:
        """How far a footer may run from the left margin: as the text, or up to a presenter who stands below it."""
        beside_box = self.width - SIDE - PRESENTER_WIDTH - 2 * PANEL_MARGIN
        return beside_box if self.presenter and self.upright else self.text.width

    def presenter_box(self) -> Box | None:
        """352 × 440 units in even pixels, smaller on a square slide; right of the text or below it."""
        if not self.presenter:
            return None
        height = self._presenter_height
        width = height * PRESENTER_WIDTH / PRESENTER_HEIGHT
        below = PANEL_MARGIN if self.upright else (self.height - height) / 2
        x, y = self.width - PANEL_MARGIN - width, self.height - below - height
        return Box(x_px=self._even(x), y_px=self._even(y), width_px=self._even(width), height_px=self._even(height))

    @property
    def _presenter_height(self) -> float:
        return min(PRESENTER_HEIGHT, 0.4 * self.height) if self.upright else PRESENTER_HEIGHT

    def _even(self, units: float) -> int:
        return round(units * self.pixels_per_unit / 2) * 2
