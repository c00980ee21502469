"""PPTX → Markdown: a heading per slide, its points as a list, the speaker's notes under `### Notes`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coursewright_document_markitdown.convert import Converted
from coursewright_document_markitdown.pictures import Pictures

_MAX_DEPTH = 8
"""Groups within groups; people make two or three."""


def read_pptx(path: Path) -> Converted:
    """Slides in their order; hidden ones are left out."""
    import pptx

    deck: Any = pptx.Presentation(str(path))
    pictures = Pictures()
    parts: list[str] = []
    hidden, heading_before = 0, ""
    for number, slide in enumerate(deck.slides):
        if slide._element.get("show") == "0":
            hidden += 1
            continue
        heading = _line(slide.shapes.title.text_frame.text) if slide.shapes.title is not None else ""
        if heading and heading != heading_before:  # the next slide of the same subject goes on under its heading
            parts.append(f"{'#' if number == 0 else '##'} {heading}")
        heading_before = heading or heading_before
        parts += _content(slide, pictures)
        parts += _notes(slide)
    notices = pictures.notices()
    if hidden:
        notices.append(f"left out {hidden} hidden slide(s)")
    return Converted("\n\n".join(parts), _line(deck.core_properties.title or ""), pictures.found, notices)


def _content(slide: Any, pictures: Pictures) -> Iterator[str]:
    shapes = [shape for shape in _flat(slide.shapes, 0) if shape.shape_id != _title_id(slide)]
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if getattr(shape, "has_table", False):
            yield _table(shape.table)
        elif getattr(shape, "has_text_frame", False):
            if text := _text(shape):
                yield text
        elif (name := _picture(shape, pictures)) is not None:
            yield f"![{_described(shape)}]({name})"


def _title_id(slide: Any) -> int | None:
    title = slide.shapes.title
    return None if title is None else int(title.shape_id)


def _flat(shapes: Any, depth: int) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < _MAX_DEPTH:
                yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape


def _text(shape: Any) -> str:
    """Several paragraphs in a placeholder are points; one alone, or a box beside, is text."""
    if shape.is_placeholder and _kind(shape) in {"DATE", "FOOTER", "SLIDE_NUMBER", "HEADER"}:
        return ""
    lines = [(paragraph.level, _line(paragraph.text)) for paragraph in shape.text_frame.paragraphs]
    lines = [(level, line) for level, line in lines if line]
    if shape.is_placeholder and len(lines) > 1 and _kind(shape) != "SUBTITLE":
        return "\n".join(f"{'  ' * level}- {line}" for level, line in lines)
    return "\n\n".join(line for _, line in lines)


def _kind(shape: Any) -> str:
    kind = shape.placeholder_format.type
    return "" if kind is None else str(kind.name)


def _picture(shape: Any, pictures: Pictures) -> str | None:
    try:
        data: bytes = shape.image.blob
    except (AttributeError, ValueError, KeyError):  # no picture, a linked one, or a missing part
        return None
    return pictures.add(data) or None


def _described(shape: Any) -> str:
    """The alternative text; PowerPoint and other programs put the file's name where nobody wrote one."""
    text = _line(shape._element._nvXxPr.cNvPr.get("descr") or "")
    return "" if re.fullmatch(r"\S+\.\w{3,4}", text) else re.sub(r"[\[\]]", " ", text)


def _table(table: Any) -> str:
    rows = [[_line(cell.text).replace("|", "\\|") for cell in row.cells] for row in table.rows]
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _notes(slide: Any) -> list[str]:
    if not slide.has_notes_slide or slide.notes_slide.notes_text_frame is None:
        return []
    lines = [_line(line) for line in slide.notes_slide.notes_text_frame.text.splitlines()]
    lines = [line for line in lines if line]
    return ["### Notes", *lines] if lines else []


def _line(text: str) -> str:
    return " ".join(text.split())
