"""Drawn portraits (SVG): parsed with bounds and written anew without what runs or leads elsewhere. In a worker."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # for writing; defusedxml reads
from collections.abc import Iterator

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from coursewright_api.assets.inspection import Found, Task, refused

MAX_BYTES = 1_000_000
_MAX_ELEMENTS, _MAX_DEPTH = 20_000, 100
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_DROPPED = {
    "script", "foreignObject", "iframe", "embed", "object", "audio", "video", "canvas", "handler", "listener",
    "animate", "animateTransform", "animateMotion", "animateColor", "set", "discard", "metadata", "filter",
}  # fmt: skip
_OUTSIDE = re.compile(r"@import|expression\s*\(|javascript:|\\|url\(\s*['\"]?(?!['\"#\s])", re.IGNORECASE)
_EMBEDDED = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/=\s]*")
_LENGTH = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*(?:px)?\s*")
_ANEW = "export it anew from the drawing program, or as PNG"


def looks_like(head: bytes) -> bool:
    """Does XML with an `<svg` element begin here?"""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") and re.search(rb"<(?:\w+:)?svg[\s>]", start) is not None


def inspect(task: Task) -> Found:
    """A drawing. Raises InputError."""
    if task.source.stat().st_size > MAX_BYTES:
        raise refused(f"the drawing is larger than {MAX_BYTES / 1e6:g} MB", "simplify it, or export it as PNG")
    root = _parsed(task.source.read_bytes())
    if root.tag != f"{{{_SVG}}}svg":
        raise refused("the file is XML but no SVG picture", "choose a photo, or an SVG drawing")
    _clean(root)
    width, height = _size(root)
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    path = task.folder / "portrait.svg"
    path.write_bytes(ET.tostring(root, encoding="utf-8"))
    return Found(
        path=path,
        media_type="image/svg+xml",
        suffix=".svg",
        width_px=width,
        height_px=height,
        preview=path,
        preview_type="image/svg+xml",
    )


class _Bounded(ET.TreeBuilder):
    """A tree of bounded size and depth."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        self._depth += 1
        self._elements += 1
        if self._depth > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise refused("the drawing is too complex", f"use fewer than {_MAX_ELEMENTS:,} shapes, not nested deeply")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)


def _parsed(data: bytes) -> ET.Element:
    parser = XMLParser(target=_Bounded(), forbid_dtd=False, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(data)
        root: ET.Element = parser.close()
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError):
        raise refused("the drawing is damaged, or declares entities", _ANEW) from None
    return root


def _clean(root: ET.Element) -> None:
    waiting = [root]
    while waiting:
        element = waiting.pop()
        for name, value in list(element.attrib.items()):
            if not _harmless(name, value):
                del element.attrib[name]
        if _local(element.tag) == "style" and _OUTSIDE.search(element.text or ""):
            element.text = ""
        for child in list(element):
            if child.tag.startswith(f"{{{_SVG}}}") and _local(child.tag) not in _DROPPED:
                waiting.append(child)
            else:
                element.remove(child)


def _harmless(name: str, value: str) -> bool:
    local = _local(name)
    if local.lower().startswith("on") or local == "base":
        return False
    if name in {"href", _XLINK}:
        return value.startswith("#") or _EMBEDDED.fullmatch(value) is not None
    return _OUTSIDE.search(value) is None


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _size(root: ET.Element) -> tuple[int | None, int | None]:
    given = [_LENGTH.fullmatch(root.get(name, "")) for name in ("width", "height")]
    if all(given):
        numbers: Iterator[float] = (float(found[1]) for found in given if found)
    else:
        box = (root.get("viewBox") or "").replace(",", " ").split()
        if len(box) != 4 or not all(_LENGTH.fullmatch(side) for side in box[2:]):
            raise refused("the drawing does not say how large it is", "give it a viewBox, or width and height")
        numbers = (float(side) for side in box[2:])
    width, height = (round(number) for number in numbers)
    return width, height
