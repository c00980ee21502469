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
    """A slide's size in pixels, whether a presenter stands on it, and on which side."""

    width_px: int
    height_px: int
    presenter: bool
    side: str = "right"

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
        return Area(0 if self.side == "left" else self.width - width, 0, width, self.height)

    @property
    def text(self) -> Area:
        """Where title, points and picture go."""
        beside: float = SIDE
        bottom: float = BOTTOM
        if panel := self.panel:
            beside = beside if self.upright else panel.width + GAP
            bottom = panel.height + GAP / 2 if self.upright else bottom
        start = beside if self.side == "left" else SIDE
        return Area(start, TOP, self.width - SIDE - beside, self.height - TOP - bottom)

    @property
    def footer_x(self) -> float:
        """Where a footer begins: as the text, or beside a presenter who stands below it on the left."""
        below = self.presenter and self.upright and self.side == "left"
        return self.width - SIDE - self.footer_width if below else self.text.x

    @property
    def footer_width(self) -> float:
        """How far a footer may run: as the text, or as far as a presenter who stands below it lets it."""
        beside_box = self.width - SIDE - PRESENTER_WIDTH - 2 * PANEL_MARGIN
        return beside_box if self.presenter and self.upright else self.text.width

    def presenter_box(self) -> Box | None:
        """352 × 440 units in even pixels, smaller on a square slide; beside the text or below it."""
        if not self.presenter:
            return None
        height = self._presenter_height
        width = height * PRESENTER_WIDTH / PRESENTER_HEIGHT
        below = PANEL_MARGIN if self.upright else (self.height - height) / 2
        x = PANEL_MARGIN if self.side == "left" else self.width - PANEL_MARGIN - width
        y = self.height - below - height
        return Box(x_px=self._even(x), y_px=self._even(y), width_px=self._even(width), height_px=self._even(height))

    @property
    def _presenter_height(self) -> float:
        return min(PRESENTER_HEIGHT, 0.4 * self.height) if self.upright else PRESENTER_HEIGHT

    def _even(self, units: float) -> int:
        return round(units * self.pixels_per_unit / 2) * 2
