"""Where a portrait stands on the panel: the head at a pleasant size, the picture never distorted."""

from __future__ import annotations

import msgspec


class Head(msgspec.Struct, frozen=True):
    """The points all motion hangs on, in pixels of whatever picture they belong to.

    `left` and `right` are the eyes as seen by the viewer; `mouth` is the middle of the lips.
    """

    left: tuple[float, float]
    right: tuple[float, float]
    mouth: tuple[float, float]

    @property
    def eyes(self) -> tuple[float, float]:
        """The point between the eyes."""
        return (self.left[0] + self.right[0]) / 2, (self.left[1] + self.right[1]) / 2

    @property
    def unit(self) -> float:
        """The distance between the eyes: every other length is a multiple of it."""
        return float(((self.right[0] - self.left[0]) ** 2 + (self.right[1] - self.left[1]) ** 2) ** 0.5)


class Framing(msgspec.Struct, frozen=True):
    """Panel point = picture point * `scale` + (`x`, `y`)."""

    scale: float
    x: float
    y: float

    def point(self, point: tuple[float, float]) -> tuple[float, float]:
        return point[0] * self.scale + self.x, point[1] * self.scale + self.y

    def head(self, head: Head) -> Head:
        return Head(self.point(head.left), self.point(head.right), self.point(head.mouth))


# Shares of the panel: eyes on the upper golden line; between them 0.14 (a half-length portrait) to 0.19
# (head and shoulders) of the height, or of 1.25 widths when the panel is narrow.
_EYES_AT = 0.42
_LEAST, _MOST = 0.14, 0.19


def framed(head: Head, picture: tuple[int, int], panel: tuple[int, int]) -> Framing:
    """Frame a head for a panel (width, height). The picture fills it where that leaves the head a good size."""
    extent = min(panel[1], 1.25 * panel[0])
    fill = max(panel[0] / picture[0], panel[1] / picture[1])
    scale = min(max(fill, _LEAST * extent / head.unit), _MOST * extent / head.unit)
    eyes = head.eyes
    x = _placed(panel[0] / 2 - eyes[0] * scale, panel[0], picture[0] * scale)
    y = _placed(_EYES_AT * panel[1] - eyes[1] * scale, panel[1], picture[1] * scale)
    if picture[1] * scale < panel[1]:
        y = panel[1] - picture[1] * scale  # shoulders end at the lower edge, never in mid-air
    return Framing(scale, x, y)


def _placed(wanted: float, panel: float, length: float) -> float:
    """An offset that leaves no gap where the picture is long enough; else the wanted one."""
    return min(0.0, max(wanted, panel - length)) if length >= panel else wanted
