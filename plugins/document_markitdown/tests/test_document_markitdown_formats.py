from __future__ import annotations

import base64
import io
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from coursewright.capabilities.document import DocumentText
from coursewright.testing import Bench

Read = Callable[..., DocumentText]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server nobody may call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/picture.png"


def assert_not_called(listener: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_web_page_gives_its_main_content(read: Read, png: Any, listener: socket.socket, desk: Bench) -> None:
    embedded = base64.b64encode(png(80, 70)).decode()
    page = f"""<!DOCTYPE html><html><head><title>Site – Tides</title><style>p {{}}</style></head><body>
    <nav><a href="/">Home</a></nav><main><h1>Tides</h1><p>The <b>sea</b> rises.</p><ul><li>twice</li><li>daily</li></ul>
    <img alt="remote" src="{address(listener)}"><img alt="A chart" src="data:image/png;base64,{embedded}">
    <script>alert("x")</script></main><aside>Buy now</aside></body></html>"""

    found = read(page.encode("utf-8"))

    assert found.title == "Tides"
    assert "The **sea** rises." in found.markdown
    assert re.search(r"^\* twice\n\* daily$", found.markdown, re.M)
    assert "![A chart](picture-1.png)" in found.markdown
    assert not re.search("Home|alert|Buy now|base64", found.markdown)
    assert [image.name for image in found.images] == ["picture-1.png"]
    with desk.store.open(found.images[0]) as picture:
        assert picture.read() == png(80, 70)
    assert_not_called(listener)


def test_a_word_document(read: Read, word: Any, png: Any, listener: socket.socket) -> None:
    body = (
        word.paragraph("Soil", "Title")
        + word.paragraph("What is it?", "Heading1")
        + word.paragraph("Soil is alive.")
        + word.item("sand")
        + word.item("silt")
        + word.drawing('r:embed="inside"', "A red field")
        + word.drawing('r:link="outside"', "Elsewhere")
        + word.paragraph("Layers", "Heading2")
        + word.paragraph("Topsoil lies above.")
    )

    found = read(word.make(body, image=png(120, 90), external=address(listener)))

    lines = [line for line in found.markdown.splitlines() if line]
    assert lines == [
        "# Soil", "# What is it?", "Soil is alive.", "* sand", "* silt", "![A red field](picture-1.png)", "## Layers",
        "Topsoil lies above.",
    ]  # fmt: skip
    assert found.title == "Soil"
    assert [image.media_type for image in found.images] == ["image/png"]
    assert_not_called(listener)


def test_the_title_of_a_word_document_without_headings_is_its_property(read: Read, word: Any) -> None:
    assert read(word.make(word.paragraph("Words."), title="On soil"), "x.docx").title == "On soil"


def presentation(png: Any) -> bytes:
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    cover = deck.slides.add_slide(deck.slide_layouts[0])
    cover.shapes.title.text, cover.placeholders[1].text = "How bridges stand", "For year 8"
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Two forces"
    frame = slide.placeholders[1].text_frame
    frame.text = "Push"
    for text, level in (("called compression", 1), ("Pull", 0)):
        added = frame.add_paragraph()
        added.text, added.level = text, level
    slide.notes_slide.notes_text_frame.text = "Every bridge deals with two forces."
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Pictures"
    for size in ((100, 80), (100, 80), (10, 10)):
        slide.shapes.add_picture(io.BytesIO(png(*size)), Inches(1), Inches(2))
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(4), Inches(4), Inches(1)).table
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        table.cell(row, column).text = f"{row}|{column}"
    hidden = deck.slides.add_slide(deck.slide_layouts[1])
    hidden.shapes.title.text = "Secret"
    hidden._element.set("show", "0")
    made = io.BytesIO()
    deck.save(made)
    return made.getvalue()


def test_a_presentation(read: Read, png: Any, notices: list[str]) -> None:
    found = read(presentation(png), "deck.pptx")

    lines = [line for line in found.markdown.splitlines() if line]
    assert lines == [
        "# How bridges stand", "For year 8", "## Two forces", "- Push", "  - called compression", "- Pull", "### Notes",
        "Every bridge deals with two forces.", "## Pictures", "![](picture-1.png)", "![](picture-1.png)",
        r"| 0\|0 | 0\|1 |", "| --- | --- |", r"| 1\|0 | 1\|1 |",
    ]  # fmt: skip
    assert found.title == "How bridges stand"
    assert len(found.images) == 1
    assert notices == ["left out 1 hidden slide(s)"]


PAPER = """
#set page(width: 12cm, height: 14cm, header: [Course notes by Ada], numbering: "1 of 1")
#set text(hyphenate: true, lang: "en")
#set par(justify: true)
#align(center)[#text(size: 20pt, weight: "bold")[Why the sea rises \\ and falls]]
= The pull of the Moon
The gravitational attraction of the Moon is strongest on the side of the Earth that faces it, and weakest on the other.

A well-known rule says that differences of attraction, and not the attraction itself, make the tides.
- first point about gravitation
- second point that is a rather long one and wraps over more than a single line of this narrow page
+ one
+ two
That was a list.
#pagebreak()
== Sun and Moon
Both work together. #lorem(150)
"""


def test_a_pdf_gets_headings_by_size_and_loses_headers_page_numbers_and_hyphens(read: Read, pdf: Any) -> None:
    found = read(pdf(PAPER))

    assert found.title == "Why the sea rises and falls"
    blocks = [block for block in found.markdown.split("\n\n") if block]
    assert blocks[:7] == [
        "# Why the sea rises and falls",
        "## The pull of the Moon",
        "The gravitational attraction of the Moon is strongest on the side of the Earth that faces it, and weakest on "
        "the other.",
        "A well-known rule says that differences of attraction, and not the attraction itself, make the tides.",
        "- first point about gravitation\n- second point that is a rather long one and wraps over more than a single "
        "line of this narrow page",
        "1. one\n2. two",
        "That was a list.",
    ]
    assert blocks[7] == "### Sun and Moon"
    assert "\ufffe" not in found.markdown
    assert not re.search(r"Course notes by Ada|\d of \d", found.markdown)


def test_a_bold_line_of_a_pdf_is_a_heading(read: Read, pdf: Any) -> None:
    found = read(
        pdf("*Sand and silt*\n\nSand is coarse, and water runs through it quickly.\n\n*Clay*\n\nClay is fine.")
    )

    assert re.findall(r"^#+ (.*)$", found.markdown, re.M) == ["Sand and silt", "Clay"]


def test_two_columns_are_read_one_after_the_other(read: Read, pdf: Any) -> None:
    left, right = "The left column is about sand. " * 12, "The right column is about clay. " * 12

    found = read(pdf(f"#set page(columns: 2)\n{left}\n#colbreak()\n{right}"))

    assert found.markdown.split("\n\n") == [left.strip(), right.strip() + "\n"]
