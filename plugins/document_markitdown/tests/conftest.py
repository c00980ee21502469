from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coursewright.capabilities.document import DocumentRequest, DocumentText
from coursewright.testing import Bench, bench
from coursewright_document_markitdown import MarkitdownDocument

Read = Callable[..., DocumentText]

_WORD = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_STYLES = {"Title": "Title", "Heading1": "heading 1", "Heading2": "heading 2"}


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("document")) as made:
        yield made


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def read(desk: Bench, notices: list[str]) -> Read:
    """Read bytes as the file of that name; what the author is told is in `notices`."""

    def serve(data: bytes, name: str = "notes") -> DocumentText:
        provider = MarkitdownDocument()
        context = desk.context(provider)
        artifact = desk.store.put_bytes(data, name=name, media_type="application/octet-stream")
        try:
            return provider.run(DocumentRequest(file=artifact), context)
        finally:
            notices.extend(context.notices)

    return serve


@pytest.fixture
def png() -> Callable[[int, int], bytes]:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def draw(width: int, height: int) -> bytes:
        rows = b"".join(b"\0" + b"\xc0\x40\x40" * width for _ in range(height))
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + parts

    return draw


def _relations(*rows: tuple[str, str, str]) -> str:
    inside = "".join(f'<Relationship Id="{name}" Type="{_KINDS}/{kind}" {target}/>' for name, kind, target in rows)
    return f'<Relationships xmlns="{_RELATIONS}">{inside}</Relationships>'


def _package(body: str, image: bytes, external: str, title: str) -> dict[str, str | bytes]:
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in _STYLES.items()
    )
    core = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
    return {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="png" ContentType="image/png"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_MAIN}"/></Types>',
        "_rels/.rels": _relations(("r1", "officeDocument", 'Target="word/document.xml"')),
        "word/document.xml": f"<w:document {_WORD}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f"<w:styles {_WORD}>{styles}</w:styles>",
        "word/numbering.xml": f'<w:numbering {_WORD}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0">'
        '<w:numFmt w:val="bullet"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
        "</w:numbering>",
        "word/_rels/document.xml.rels": _relations(
            ("s", "styles", 'Target="styles.xml"'),
            ("n", "numbering", 'Target="numbering.xml"'),
            ("inside", "image", 'Target="media/one.png"'),
            ("outside", "image", f'Target="{external}" TargetMode="External"'),
        ),
        "word/media/one.png": image,
        "docProps/core.xml": f'<cp:coreProperties xmlns:cp="{core}" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title></cp:coreProperties>",
    }


class Word:
    """Builds Word documents; relationship `inside` is a picture in the file, `outside` a linked one."""

    def paragraph(self, text: str, style: str = "") -> str:
        properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"

    def item(self, text: str) -> str:
        properties = '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
        return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"

    def drawing(self, source: str, described: str) -> str:
        return (
            f'<w:p><w:r><w:drawing><wp:inline><wp:docPr id="1" name="P" descr="{described}"/><a:graphic>'
            '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:blipFill>'
            f"<a:blip {source}/></pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
            "</w:p>"
        )

    def make(self, body: str, *, image: bytes = b"", external: str = "http://127.0.0.1:9/x", title: str = "") -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in _package(body, image, external, title).items():
                archive.writestr(name, content)
        return made.getvalue()


@pytest.fixture
def word() -> Word:
    return Word()


@pytest.fixture
def pdf(tmp_path: Path) -> Callable[[str], bytes]:
    """A PDF typeset from Typst markup."""
    import typst

    def make(markup: str) -> bytes:
        source = tmp_path / "notes.typ"
        source.write_text(markup, "utf-8")
        return bytes(typst.compile(source, format="pdf"))

    return make
