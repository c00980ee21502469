"""What kind of file it is, found from its bytes; refuses what cannot be read, with the way out."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Literal

from coursewright.errors import BadInput

from coursewright_document_markitdown.texts import is_text

Kind = Literal["text", "html", "pdf", "docx", "pptx"]

ACCEPTED = "text, Markdown, HTML, PDF, Word (.docx) or PowerPoint (.pptx)"

MAX_BYTES = 50_000_000
"""A book with pictures is below 30 MB; more than this is a film, a backup or a mistake."""
_MAX_UNPACKED_BYTES = 500_000_000
_MAX_XML_BYTES = 100_000_000
"""The XML of 400,000 words in DOCX is about 40 MB; parsing takes some ten times its size in memory."""
_MAX_ENTRIES = 20_000

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD_BYTES = 8192
_HTML_START = re.compile(r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_FRAGMENT = re.compile(r"\s*<(p|div|h[1-6]|article|section|main|table|ul|ol)\b.*</\1\s*>\s*\Z", re.I | re.S)


def refused(message: str, remedy: str) -> BadInput:
    """The error for a file that cannot be read."""
    return BadInput(message, field="file", remedy=remedy)


def kind_of(path: Path) -> Kind:
    """The kind of the file at `path`; HTML still counts as `text` here, see `is_html`.

    Raises BadInput for what is no document or cannot be opened, such as a password-protected one.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip(b"\0 \t\r\n"):
        raise refused("the file is empty", "choose the file that has your notes in it")
    if b"%PDF-" in head[:1024]:  # readers accept junk before the header, PDF 32000-1 annex H.3.4.1
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _kind_in_zip(path)
    if head.startswith(_OLE):
        raise _refused_ole(path.read_bytes())
    if head.startswith(b"{\\rtf"):
        raise refused("this is a rich-text (.rtf) document", "open it in your word processor and save it as .docx")
    if is_text(head):
        return "text"
    raise refused(f"this is {_name_of(head)}, not a document", f"give your notes as {ACCEPTED}")


def is_html(text: str) -> bool:
    """Is it a page or a fragment of HTML, rather than Markdown with some HTML in it?"""
    return bool(_HTML_START.match(text[:_HEAD_BYTES]) or _FRAGMENT.match(text))


def _name_of(head: bytes) -> str:
    import filetype

    found = filetype.guess(head)
    if found is None:
        return "data of an unknown kind"
    kind = found.mime.partition("/")[0]
    names = {"image": "a picture", "audio": "a sound recording", "video": "a video", "font": "a font"}
    if found.extension in ("exe", "elf", "wasm"):
        return "a program"
    return f"{names.get(kind, 'a file')} (.{found.extension})"


def _refused_ole(data: bytes) -> BadInput:
    """Before 2007 Office wrote OLE containers; today they hold only what is encrypted."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return refused(
            "the document is protected by a password", "open it in Office, remove the password and save it again"
        )
    if "WordDocument".encode("utf-16-le") in data:
        return refused("this is a Word document in the format before 2007 (.doc)", "open it in Word, save it as .docx")
    if "PowerPoint Document".encode("utf-16-le") in data:
        return refused(
            "this is a presentation in the format before 2007 (.ppt)", "open it in PowerPoint, save it as .pptx"
        )
    return refused("this is a file in an Office format before 2007", f"save your notes as {ACCEPTED}")


def _kind_in_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            mimetype = archive.read("mimetype")[:99] if "mimetype" in names else b""
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise refused(
            "the document is damaged: it is incomplete or its parts cannot be unpacked",
            "copy or download it again, or open it in Office and save it anew",
        ) from error
    if "word/document.xml" in names:
        kind: Kind = "docx"
    elif "ppt/presentation.xml" in names:
        kind = "pptx"
    else:
        raise _refused_zip(names, mimetype)
    xml_bytes = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    unpacked_bytes = sum(entry.file_size for entry in entries)
    if len(entries) > _MAX_ENTRIES or xml_bytes > _MAX_XML_BYTES or unpacked_bytes > _MAX_UNPACKED_BYTES:
        raise refused(
            f"the document unpacks to {unpacked_bytes / 1e6:,.0f} MB in {len(entries):,} parts, which is far more than"
            " notes need",
            "split it, or copy the text you need into a new document",
        )
    return kind


def _refused_zip(names: set[str], mimetype: bytes) -> BadInput:
    if mimetype.startswith(b"application/vnd.oasis.opendocument"):
        return refused("this is an OpenDocument file", "save it as .docx, .pptx or PDF")
    if mimetype.startswith(b"application/epub"):
        return refused("this is an e-book (.epub)", "copy the chapter you need into a text or Word document")
    if "xl/workbook.xml" in names:
        return refused("this is an Excel workbook", "copy what you want to teach into a text or Word document")
    if any(name.startswith("Index/") or name.endswith(".iwa") for name in names):
        return refused("this is an Apple Pages or Keynote file", "export it as Word, PowerPoint or PDF")
    return refused("this is a ZIP archive, not a document", "unpack it and give one document from it")
