"""Mouths and eyes of drawings that follow the convention in `svg.py`, in every position.

All lengths are in the drawing's own units; y grows downwards.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Colour = Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")]


class Mouth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a drawing's mouth is, and its colours. `width` is that of the relaxed mouth."""

    x: float
    y: float
    width: Annotated[float, Meta(gt=0)]
    lip: Colour = "#b5524e"
    inside: Colour = "#4a1519"
    tongue: Colour = "#cf6468"
    teeth: Colour = "#fdfaf4"


class Eyes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a drawing's eyes are (as seen, left before right), and their colours."""

    left_x: float
    left_y: float
    right_x: float
    right_y: float
    width: Annotated[float, Meta(gt=0)]
    height: Annotated[float, Meta(gt=0)]
    iris: Colour = "#5a3d2b"
    lash: Colour = "#2b1d1a"
    white: Colour = "#ffffff"


def mouth_shapes(mouth: Mouth, opening: float, spread: float) -> str:
    """SVG shapes of a mouth. `opening` is 0…1, below 0 pressed shut; `spread` is -1 (round) … 1 (wide)."""
    unit = mouth.width / 72
    opened = max(opening, 0.0)
    half = mouth.width / 2 * (1 + (0.16 if spread > 0 else 0.30) * spread) * (1 - 0.05 * opened)
    full = 0.55 if opening < 0 else 1 + 0.35 * max(-spread, 0)  # lips press thin, and pout when rounded
    smile = 4.5 * unit * (1 + 0.5 * spread) * (1 - 0.5 * opened)
    gap = 42 * unit * opened * (1 - 0.18 * abs(spread))
    corner = mouth.y - smile
    upper = mouth.y + 0.6 * smile - 0.12 * gap
    lower = upper + gap
    inner = _lens(mouth.x, half - 1.5 * unit, corner, upper, lower)
    shapes = [_lips(mouth, half, corner, upper - 6.5 * unit * full, lower + 8.5 * unit * full)]
    if gap > 1.6 * unit:
        shapes.append(_inside(mouth, inner, half, upper, lower, unit))
    else:
        shapes.append(
            f'<path d="{_curve(mouth.x, half - 2 * unit, corner + 0.5 * unit, upper)}" fill="none" '
            f'stroke="{_shade(mouth.lip, 0.62)}" stroke-width="{1.9 * unit:.2f}" stroke-linecap="round"/>'
        )
    shine = lower + 4.6 * unit * full
    shapes.append(
        f'<path d="M{mouth.x - 0.3 * half:.2f},{shine:.2f} Q{mouth.x:.2f},{shine + 2 * unit:.2f} '
        f'{mouth.x + 0.3 * half:.2f},{shine:.2f}" fill="none" stroke="#ffffff" stroke-opacity="0.28" '
        f'stroke-width="{1.8 * unit:.2f}" stroke-linecap="round"/>'
    )
    return "".join(shapes)


def eyes_shapes(eyes: Eyes, lid: float) -> str:
    """SVG shapes of both eyes; `lid` is 0 (open) … 1 (shut)."""
    return _eye(eyes, "left", eyes.left_x, eyes.left_y, -1, lid) + _eye(
        eyes, "right", eyes.right_x, eyes.right_y, 1, lid
    )


def _lens(x: float, half: float, corner: float, upper: float, lower: float) -> str:
    """The opening between the lips: two curves that meet in the corners and pass `upper` and `lower`."""
    top, bottom = _control(corner, upper), _control(corner, lower)
    return (
        f"M{x - half:.2f},{corner:.2f} C{x - 0.5 * half:.2f},{top:.2f} {x + 0.5 * half:.2f},{top:.2f} "
        f"{x + half:.2f},{corner:.2f} C{x + 0.62 * half:.2f},{bottom:.2f} {x - 0.62 * half:.2f},{bottom:.2f} "
        f"{x - half:.2f},{corner:.2f} Z"
    )


def _curve(x: float, half: float, corner: float, middle: float) -> str:
    control = _control(corner, middle)
    return (
        f"M{x - half:.2f},{corner:.2f} C{x - 0.5 * half:.2f},{control:.2f} {x + 0.5 * half:.2f},{control:.2f} "
        f"{x + half:.2f},{corner:.2f}"
    )


def _control(corner: float, middle: float) -> float:
    """Height of both control points of a cubic that starts and ends at `corner` and passes `middle`."""
    return corner + (middle - corner) * 4 / 3


def _lips(mouth: Mouth, half: float, corner: float, top: float, bottom: float) -> str:
    """One shape for both lips, with the bow of the upper lip."""
    x, bow = mouth.x, 0.2 * half
    dip = top + 0.045 * mouth.width
    under = _control(corner, bottom)
    path = (
        f"M{x - half:.2f},{corner:.2f} C{x - 0.6 * half:.2f},{(corner + top) / 2:.2f} {x - 2 * bow:.2f},{top:.2f} "
        f"{x - bow:.2f},{top:.2f} Q{x - 0.4 * bow:.2f},{top:.2f} {x:.2f},{dip:.2f} "
        f"Q{x + 0.4 * bow:.2f},{top:.2f} {x + bow:.2f},{top:.2f} C{x + 2 * bow:.2f},{top:.2f} "
        f"{x + 0.6 * half:.2f},{(corner + top) / 2:.2f} {x + half:.2f},{corner:.2f} "
        f"C{x + 0.66 * half:.2f},{under:.2f} {x - 0.66 * half:.2f},{under:.2f} {x - half:.2f},{corner:.2f} Z"
    )
    return f'<path d="{path}" fill="{mouth.lip}"/>'


def _inside(mouth: Mouth, inner: str, half: float, upper: float, lower: float, unit: float) -> str:
    gap = lower - upper
    teeth = upper + min(9 * unit, 2 * unit + 0.36 * gap)
    tongue = lower + 3 * unit - 0.1 * gap
    return (
        f'<clipPath id="mouth-opening"><path d="{inner}"/></clipPath><g clip-path="url(#mouth-opening)">'
        f'<path d="{inner}" fill="{mouth.inside}"/>'
        f'<ellipse cx="{mouth.x:.2f}" cy="{tongue:.2f}" rx="{0.58 * half:.2f}" ry="{0.34 * gap:.2f}" '
        f'fill="{mouth.tongue}"/>'
        f'<path d="M{mouth.x - half:.2f},{upper - 14 * unit:.2f} H{mouth.x + half:.2f} V{teeth - 2 * unit:.2f} '
        f'Q{mouth.x:.2f},{teeth + 2 * unit:.2f} {mouth.x - half:.2f},{teeth - 2 * unit:.2f} Z" fill="{mouth.teeth}"/>'
        "</g>"
    )


def _eye(eyes: Eyes, name: str, x: float, y: float, outward: int, lid: float) -> str:
    """One eye. The upper lid comes down most of the way, the lower one up a little."""
    half, height = eyes.width / 2, eyes.height / 2
    top, bottom = y - height * (1 - 1.75 * lid), y + height * (1 - 0.25 * lid)
    inner_y, outer_y = y + 0.12 * height + 0.45 * lid * height, y - 0.08 * height + 0.6 * lid * height
    left_y, right_y = (outer_y, inner_y) if outward < 0 else (inner_y, outer_y)
    upper = (
        f"C{x - 0.55 * half:.2f},{_control(left_y, top):.2f} {x + 0.55 * half:.2f},{_control(right_y, top):.2f} "
        f"{x + half:.2f},{right_y:.2f}"
    )
    start = f"M{x - half:.2f},{left_y:.2f}"
    lower = (
        f"C{x + 0.55 * half:.2f},{_control(right_y, bottom):.2f} {x - 0.55 * half:.2f},"
        f"{_control(left_y, bottom):.2f} {x - half:.2f},{left_y:.2f} Z"
    )
    iris = 0.98 * height
    shapes = ""
    if lid < 0.95:
        shapes = (
            f'<clipPath id="eye-{name}"><path d="{start} {upper} {lower}"/></clipPath>'
            f'<g clip-path="url(#eye-{name})"><path d="{start} {upper} {lower}" fill="{eyes.white}"/>'
            f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{iris:.2f}" fill="{eyes.iris}"/>'
            f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{0.55 * iris:.2f}" fill="{_shade(eyes.iris, 0.25)}"/>'
            f'<circle cx="{x + 0.34 * iris:.2f}" cy="{y - 0.36 * iris:.2f}" r="{0.26 * iris:.2f}" fill="#ffffff"/>'
            f'<path d="{start} {upper}" fill="none" stroke="#000000" stroke-opacity="0.16" '
            f'stroke-width="{0.7 * height:.2f}"/></g>'
        )
    tip = x + outward * 1.16 * half
    return shapes + (
        f'<path d="{start} {upper}" fill="none" stroke="{eyes.lash}" stroke-width="{0.27 * height:.2f}" '
        f'stroke-linecap="round"/><path d="M{x + outward * half:.2f},{outer_y:.2f} L{tip:.2f},'
        f'{outer_y - 0.3 * height * (1 - 1.6 * lid):.2f}" stroke="{eyes.lash}" stroke-width="{0.22 * height:.2f}" '
        'stroke-linecap="round"/>'
    )


def _shade(colour: str, factor: float) -> str:
    return "#" + "".join(f"{round(int(colour[i : i + 2], 16) * factor):02x}" for i in (1, 3, 5))
