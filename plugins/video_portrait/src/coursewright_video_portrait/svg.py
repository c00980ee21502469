"""Drawn portraits: which SVG files can be animated, and how a stranger's SVG is made harmless.

The convention. Directly under `<svg>` stand a `<g id="mouth" data-x data-y data-width>` and a
`<g id="eyes" data-left-x data-left-y data-right-x data-right-y data-width data-height>` with numbers in
the drawing's own units; colours (`data-lip`, `data-inside`, `data-tongue`, `data-teeth`; `data-iris`,
`data-lash`, `data-white`) are `#rrggbb` and may be left out. What stands inside those groups is redrawn;
everything else stays, in its order. An SVG without them is rendered and treated as a photo.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TypeVar
from xml.parsers import expat

import msgspec
from coursewright.errors import BadInput

from coursewright_video_portrait.drawing import Eyes, Mouth
from coursewright_video_portrait.framing import Head

MAX_BYTES = 1_000_000
"""A drawn portrait has a few kilobytes; this leaves room for embedded pictures and wasteful editors."""
_MAX_ELEMENTS, _MAX_DEPTH = 20_000, 100

_SVG = "http://www.w3.org/2000/svg"
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_DROPPED = {"script", "foreignObject", "animate", "animateTransform", "animateMotion", "set", "filter", "metadata"}
_OUTSIDE = re.compile(r"@import|url\(\s*['\"]?(?!['\"#\s])", re.IGNORECASE)
_MOUTH, _EYES = "\ue000mouth\ue000", "\ue000eyes\ue000"

Style = TypeVar("Style", Mouth, Eyes)


class Drawing(msgspec.Struct, frozen=True):
    """A harmless SVG. `mouth` and `eyes` are None in one that does not follow the convention."""

    content: str
    """What stands between `<svg …>` and `</svg>`, with places kept for mouth and eyes."""
    x: float
    y: float
    width: float
    height: float
    mouth: Mouth | None
    eyes: Eyes | None

    @property
    def head(self) -> Head | None:
        if self.mouth is None or self.eyes is None:
            return None
        eyes = self.eyes
        return Head(
            (eyes.left_x - self.x, eyes.left_y - self.y),
            (eyes.right_x - self.x, eyes.right_y - self.y),
            (self.mouth.x - self.x, self.mouth.y - self.y),
        )

    def svg(self, *, mouth: str = "", eyes: str = "", box: tuple[float, float, float, float] | None = None) -> str:
        """The picture with these shapes in the places of mouth and eyes, cut to `box` (x, y, width, height)."""
        x, y, width, height = box or (0.0, 0.0, self.width, self.height)
        return (
            f'<svg xmlns="{_SVG}" viewBox="{self.x + x:.4f} {self.y + y:.4f} {width:.4f} {height:.4f}" '
            f'width="{width:.4f}" height="{height:.4f}">'
            + self.content.replace(_MOUTH, mouth).replace(_EYES, eyes)
            + "</svg>"
        )


def read_svg(data: bytes) -> Drawing:
    """Parse and clean an SVG. Raises BadInput(field="portrait") with what is wrong with it."""
    root = _parsed(data)
    if root.tag != f"{{{_SVG}}}svg":
        raise _bad("the portrait is XML but no SVG picture", "choose a photo, or an SVG drawing")
    _clean(root)
    x, y, width, height = _view(root)
    groups = {group.get("id"): group for group in root if group.tag == f"{{{_SVG}}}g"}
    mouth, eyes = _style(groups.get("mouth"), Mouth), _style(groups.get("eyes"), Eyes)
    if mouth and eyes:
        for group, place in ((groups["mouth"], _MOUTH), (groups["eyes"], _EYES)):
            group.clear()
            group.text = place
    else:
        mouth = eyes = None
    ET.register_namespace("", _SVG)
    # Serialised as a group, not as <svg>: the outer element is written anew for every cut.
    root.tag, kept = f"{{{_SVG}}}g", {name: value for name, value in root.attrib.items() if name in _INHERITED}
    root.attrib.clear()
    root.attrib.update(kept)
    return Drawing(ET.tostring(root, encoding="unicode"), x, y, width, height, mouth, eyes)


_INHERITED = {"fill", "stroke", "stroke-width", "font-family", "font-size", "fill-rule", "opacity", "color"}


def looks_like_svg(data: bytes) -> bool:
    """Does XML with an `<svg` element begin here?"""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and re.search(rb"<(?:\w+:)?svg[\s>]", data[:65536]) is not None


def _parsed(data: bytes) -> ET.Element:
    if len(data) > MAX_BYTES:
        raise _bad(
            f"the SVG portrait has {len(data) / 1e6:.1f} MB, the limit is {MAX_BYTES / 1e6:g} MB",
            "simplify the drawing, or export it as PNG",
        )
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = elements = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > _MAX_DEPTH or elements > _MAX_ELEMENTS:
            raise _bad("the SVG portrait is too complex", f"use fewer than {_MAX_ELEMENTS:,} shapes")
        builder.start(_qualified(name), {_qualified(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_qualified(name))

    def entity(*_: object) -> None:
        raise _bad("the SVG portrait declares XML entities", "save it as plain SVG, without a DOCTYPE")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, ValueError) as error:
        raise _bad(f"the SVG portrait is not well-formed: {error}", "save it again as plain SVG") from None


def _qualified(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def _clean(root: ET.Element) -> None:
    """Remove what could run, reach outside or grow without bound; only plain shapes are left."""
    for parent in list(root.iter()):
        for child in list(parent):
            name = child.tag.rpartition("}")[2]
            if name == "image":
                raise _bad("the SVG portrait holds a bitmap", "export the whole portrait as PNG or JPEG")
            foreign = not child.tag.startswith(f"{{{_SVG}}}")
            if foreign or name in _DROPPED or (name == "style" and _OUTSIDE.search(child.text or "")):
                parent.remove(child)
        for name in list(parent.attrib):
            value = parent.attrib[name]
            outside = not value.startswith("#") if name in _HREFS else _OUTSIDE.search(value)
            if outside or name == "filter" or name.startswith("on"):
                del parent.attrib[name]
        if "style" in parent.attrib:
            parent.set("style", re.sub(r"\bfilter\s*:[^;]*;?", "", parent.get("style", "")))
    _refuse_use_bomb(root)


def _refuse_use_bomb(root: ET.Element) -> None:
    """`<use>` of groups that use groups doubles with every level: count what would be drawn."""
    by_id = {element.get("id", ""): element for element in root.iter()}
    sizes: dict[int, int] = {}
    open_: set[int] = set()

    def size(element: ET.Element) -> int:
        key = id(element)
        if key in open_:
            raise _bad("the SVG portrait refers to itself in a circle", "remove the circular <use>")
        if key not in sizes:
            if len(open_) > 2 * _MAX_DEPTH:
                raise _bad("the SVG portrait is nested too deeply", f"nest fewer than {_MAX_DEPTH} levels")
            open_.add(key)
            total = 1 + sum(size(child) for child in element)
            if element.tag.endswith("}use"):
                target = next((element.get(name, "") for name in _HREFS if element.get(name)), "")
                if (used := by_id.get(target.removeprefix("#"))) is not None:
                    total += size(used)
            open_.discard(key)
            sizes[key] = total
        if sizes[key] > _MAX_ELEMENTS:
            raise _bad("the SVG portrait repeats shapes too often", f"draw fewer than {_MAX_ELEMENTS:,} shapes")
        return sizes[key]

    size(root)


def _view(root: ET.Element) -> tuple[float, float, float, float]:
    numbers = [_number(part) for part in re.split(r"[\s,]+", root.get("viewBox", "").strip())]
    if len(numbers) != 4 or None in numbers:
        numbers = [0.0, 0.0, _number(root.get("width", "")), _number(root.get("height", ""))]
    x, y, width, height = (number if number is not None else 0.0 for number in numbers)
    if not (0 < width <= 1e5 and 0 < height <= 1e5 and 0.1 <= width / height <= 10 and abs(x) + abs(y) < 1e6):
        raise _bad(
            f"the SVG portrait has no usable size ({width:g} × {height:g})", "give <svg> a viewBox such as 0 0 480 600"
        )
    return x, y, width, height


def _number(text: str) -> float | None:
    found = re.fullmatch(r"\s*([-+]?\d{0,9}(?:\.\d{1,9})?)(?:px|pt|mm)?\s*", text)
    return float(found[1]) if found and found[1].strip("+-.") else None


def _style(group: ET.Element | None, kind: type[Style]) -> Style | None:
    if group is None or not any(name.startswith("data-") for name in group.attrib):
        return None
    values = {
        name.removeprefix("data-").replace("-", "_"): value
        for name, value in group.attrib.items()
        if name.startswith("data-")
    }
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _bad(
            f"the group '{group.get('id')}' of the SVG portrait is not as agreed: {error}",
            "correct its data- attributes; the plugin's README lists them",
        ) from None


def _bad(message: str, remedy: str) -> BadInput:
    return BadInput(message, field="portrait", remedy=remedy)
