"""Lines of a PDF → headings, paragraphs and lists of Markdown."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursewright_document_markitdown.pdf import Line

HEADING_SCALE = 1.12
"""Typesetters set the smallest heading a sixth larger than the text; half a point is rounding."""
_MAX_HEADING_LENGTH = 160
_MAX_BOLD_HEADING_LENGTH = 80
_LEVELS = 4
_GAP = 1.35
"""A distance over so many usual ones begins a new paragraph."""
_INDENT_POINTS = 6.0
_LETTER_WIDTH = 0.55
"""Of a text's letters, in sizes of its font; a little wide, so that ragged lines are not taken for ends."""
_BULLET = re.compile(r"^[•▪◦‣●○■□–—·∙*-]\s+(?=\S)")
_NUMBERED = re.compile(r"^(\d{1,2})[.)]\s+(?=\S)")
_STOP = re.compile(r"[.!?:;。！？…؟।][\"'”’»)\]]*$")
_HYPHENATED = re.compile("(\\w+)\ufffe\\s*(\\w+)")
_MARKUP = re.compile(r"^([#>+|=]|[-_*]{3,}$|~~~|```)")


def markdown_of(lines: Sequence[Line]) -> str:
    """Put lines together. Sizes above the commonest one are headings, largest first."""
    if not lines:
        return ""
    body = body_size(lines)
    levels = _heading_levels(lines, body)
    usual_step = _usual_step(lines, body)
    edges = _right_edges(lines, body)
    blocks: list[tuple[str, str]] = []
    previous: Line | None = None
    for line in lines:
        level = _level(line, previous, body, levels, usual_step)
        kind = "#" * level if level else _list_mark(line.text)
        text = _BULLET.sub("", line.text) if kind == "-" else line.text
        ended = previous is not None and _ended_early(previous, line, edges[previous.page])
        if previous is not None and blocks and _continues(kind, blocks[-1], line, previous, usual_step, ended):
            blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]} {text}")
        else:
            blocks.append((kind, text))
        previous = line
    return _rejoined("\n".join(_rendered(blocks)))


def body_size(lines: Sequence[Line]) -> float:
    """The size in which most letters are set."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _heading_levels(lines: Sequence[Line], body: float) -> dict[float, int]:
    """Level by size: the largest is 1."""
    sizes = sorted({line.size for line in lines if line.size >= HEADING_SCALE * body}, reverse=True)
    return {size: min(rank, _LEVELS) for rank, size in enumerate(sizes, 1)}


def _usual_step(lines: Sequence[Line], body: float) -> float:
    steps = Counter(
        round(line.top - before.bottom, 1)
        for before, line in itertools.pairwise(lines)
        if line.page == before.page and line.size == before.size == body and 0 < line.top - before.bottom < 4 * body
    )
    return steps.most_common(1)[0][0] if steps else 1.3 * body


def _right_edges(lines: Sequence[Line], body: float) -> dict[int, list[tuple[float, float]]]:
    """(left, right) of the lines of each page's text."""
    edges: dict[int, list[tuple[float, float]]] = {line.page: [] for line in lines}
    for line in lines:
        if line.size == body:
            edges[line.page].append((line.left, line.right))
    return edges


def _ended_early(previous: Line, line: Line, edges: Sequence[tuple[float, float]]) -> bool:
    """Would the next line's first word have fitted, so that a paragraph must have ended?"""
    column = [right for left, right in edges if left <= previous.right and right >= previous.left]
    word = _LETTER_WIDTH * line.size * (len(line.text.partition(" ")[0]) + 1)
    return previous.right + word < max(column, default=0.0)


def _level(line: Line, previous: Line | None, body: float, levels: dict[float, int], usual_step: float) -> int:
    if line.size in levels:
        return levels[line.size] if len(line.text) <= _MAX_HEADING_LENGTH else 0
    apart = (
        previous is None
        or line.page != previous.page
        or line.top - previous.bottom > _GAP * usual_step
        or bool(_STOP.search(previous.text))
    )
    alone = line.bold and line.size >= body and len(line.text) <= _MAX_BOLD_HEADING_LENGTH
    if alone and apart and not _STOP.search(line.text) and not _list_mark(line.text):
        return min(max(levels.values(), default=1) + 1, _LEVELS + 1)
    return 0


def _list_mark(text: str) -> str:
    return "-" if _BULLET.match(text) else "1" if _NUMBERED.match(text) else ""


def _continues(kind: str, block: tuple[str, str], line: Line, previous: Line, usual_step: float, ended: bool) -> bool:
    """Does this line go on with the block before it?"""
    block_kind, text = block
    if kind != block_kind and kind:
        return False
    if kind.startswith("#"):
        return line.page == previous.page and 0 < line.top - previous.bottom < 1.6 * line.size
    if block_kind.startswith("#") or kind:
        return False
    if line.page != previous.page or line.top < previous.top:  # the next page or column
        return not _STOP.search(text)
    if line.top - previous.bottom > _GAP * usual_step or ended:
        return False
    if block_kind:  # the further lines of a list item stand under its text
        return line.left > previous.left - _INDENT_POINTS or not _STOP.search(text)
    indented = _INDENT_POINTS < line.left - previous.left < 6 * _INDENT_POINTS
    return not (indented and _STOP.search(text))


def _rendered(blocks: Sequence[tuple[str, str]]) -> list[str]:
    rendered: list[str] = []
    before = ""
    for kind, text in blocks:
        if not (kind and kind == before and kind in "-1"):
            rendered.append("")
        mark = {"": "", "-": "- ", "1": ""}.get(kind, f"{kind} ")
        rendered.append(mark + (text if mark else _MARKUP.sub(r"\\\1", text)))
        before = kind
    return rendered


def _rejoined(text: str) -> str:
    """Put divided words together, with their hyphen where the document writes it within a line too."""
    whole = set(re.findall(r"\w+-\w+", text))
    return _HYPHENATED.sub(
        lambda match: f"{match[1]}-{match[2]}" if f"{match[1]}-{match[2]}" in whole else match[1] + match[2], text
    ).replace("\ufffe", "")
