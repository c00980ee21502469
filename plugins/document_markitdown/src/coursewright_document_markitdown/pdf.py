"""PDF → Markdown: lines with their place and size by PDFium, put together to headings, paragraphs and lists.

markitdown gives a PDF's text without headings, and the headings are what a course is divided by.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from coursewright_document_markitdown.convert import Converted
from coursewright_document_markitdown.kinds import refused
from coursewright_document_markitdown.paragraphs import HEADING_SCALE, body_size, markdown_of

_MAX_PAGES = 2000
_PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD of fpdfview.h."""
_MIN_LETTERS_PER_PAGE = 20
"""Fewer, on average, is the text of stamps and page numbers over scanned pages."""
_BOLD_WEIGHT = 600
_HYPHENATED = "\ufffe"
"""PDFium puts it where a word was divided at the end of a line."""


class Line(msgspec.Struct):
    """One line of a page. Lengths in points, `top` grows downwards over all pages' own heights."""

    page: int
    text: str
    size: float
    bold: bool
    left: float
    right: float
    top: float
    bottom: float
    """The baseline of its last character, which is lower than `top` when a divided word was joined."""
    page_height: float


def read_pdf(path: Path) -> Converted:
    """The text of a PDF. Raises BadInput when it is encrypted, has only pictures of pages, or is too long."""
    import pypdfium2 as pdfium

    try:
        document: Any = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR:
            raise refused(
                "the PDF is protected by a password", "open it, save or print it to a PDF without the password"
            ) from error
        raise
    try:
        pages = len(document)
        if pages > _MAX_PAGES:
            raise refused(f"the PDF has {pages:,} pages, the limit is {_MAX_PAGES:,}", "give the chapter you need")
        lines = [line for number in range(pages) for line in _lines(document, number)]
        letters = sum(character.isalnum() for line in lines for character in line.text)
        if letters < _MIN_LETTERS_PER_PAGE * pages and _has_pictures(document):
            raise refused(
                "the PDF has pictures of pages but no text",
                "run text recognition (OCR) on it, for example in your scanner's program, and give the result",
            )
        title = str(document.get_metadata_dict().get("Title") or "").strip()
    finally:
        document.close()
    return Converted(markdown_of(_without_running_lines(lines, pages)), _real_title(title))


def _has_pictures(document: Any) -> bool:
    import pypdfium2.raw as raw

    return any(
        True for number in range(min(len(document), 5)) for _ in document[number].get_objects([raw.FPDF_PAGEOBJ_IMAGE])
    )


def _real_title(title: str) -> str:
    """Office writes the file's name where nobody gave a title."""
    return "" if re.search(r"\.(docx?|pptx?|odt|tex|indd|html?)$|^Microsoft |^untitled", title, re.I) else title


def _lines(document: Any, number: int) -> Iterator[Line]:
    import pypdfium2.raw as raw

    page = document[number]
    text_page = page.get_textpage()
    height = float(page.get_height())
    try:
        codes = [raw.FPDFText_GetUnicode(text_page, index) for index in range(text_page.count_chars())]
        start = 0
        for end, code in enumerate([*codes, 10]):
            if code == 10:
                inked = [i for i in range(start, end) if codes[i] > 32 and codes[i] not in (0x85, 0xA0)]
                if inked:
                    yield _line(text_page, number, height, codes[start:end], inked)
                start = end + 1
    finally:
        text_page.close()
        page.close()


def _line(text_page: Any, number: int, height: float, codes: list[int], inked: list[int]) -> Line:
    import pypdfium2.raw as raw

    probes = inked[:: max(1, len(inked) // 5)]  # five characters tell a line's size and weight
    sizes = Counter(_size(text_page, index) for index in probes)
    heavy = sum(raw.FPDFText_GetFontWeight(text_page, index) >= _BOLD_WEIGHT for index in probes)
    left, top = _origin(text_page, inked[0])
    right, bottom = _origin(text_page, inked[-1])
    return Line(
        page=number,
        text=" ".join("".join(map(_character, codes)).split()),
        size=sizes.most_common(1)[0][0],
        bold=heavy == len(probes),
        left=left,
        right=right,
        top=height - top,
        bottom=height - bottom,
        page_height=height,
    )


def _character(code: int) -> str:
    if code == 2:  # older versions of PDFium wrote this for a divided word
        return _HYPHENATED
    if code < 32 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return " "
    return "•" if 0xF000 <= code <= 0xF0FF else chr(code)  # bullets of the Symbol and Wingdings fonts


def _size(text_page: Any, index: int) -> float:
    """The size in which a character appears, to half a point: its font's size times its scale."""
    import pypdfium2.raw as raw

    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(text_page, index, matrix)
    return round(2 * float(raw.FPDFText_GetFontSize(text_page, index)) * math.hypot(matrix.c, matrix.d)) / 2


def _origin(text_page: Any, index: int) -> tuple[float, float]:
    import pypdfium2.raw as raw

    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text_page, index, x, y)
    return x.value, y.value


_PAGE_NUMBER = re.compile(
    r"[\W_]*(?:(?:page|seite|p\.|s\.|página|pagina|стр\.?|第)\s*)?[0-9ivxlc]{1,5}"
    r"\s*(?:(?:of|von|de|sur|di|/|из|\|)\s*\d{1,5})?\s*[页頁]?[\W_]*",
    re.I,
)
_EDGE_LINES = 2
_MARGIN = 0.15
"""Running headers and footers stand in the outer seventh of the page's height."""


def _without_running_lines(lines: list[Line], pages: int) -> list[Line]:
    """Drop page numbers, and what repeats at the edge of at least two pages and of a third of all.

    A heading at the top of a page is larger than the text; running lines are not.
    """
    largest = HEADING_SCALE * body_size(lines)
    edges = {id(line) for line in _edge_lines(lines) if line.size < largest}
    repeats = Counter(_shape(line) for line in lines if id(line) in edges)
    often = max(2, pages // 3)
    return [
        line
        for line in lines
        if id(line) not in edges or not (repeats[_shape(line)] >= often or _PAGE_NUMBER.fullmatch(line.text))
    ]


def _edge_lines(lines: list[Line]) -> Iterator[Line]:
    by_page: dict[int, list[Line]] = {}
    for line in lines:
        by_page.setdefault(line.page, []).append(line)
    for of_page in by_page.values():
        by_height = sorted(of_page, key=lambda line: line.top)
        for line in by_height[:_EDGE_LINES]:
            if line.top < _MARGIN * line.page_height:
                yield line
        for line in by_height[-_EDGE_LINES:]:
            if line.top > (1 - _MARGIN) * line.page_height:
                yield line


def _shape(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)
