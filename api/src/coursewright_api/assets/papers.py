"""Documents, scripts and slide themes: opened as far as it takes to know that they are what they seem. In a worker."""

from __future__ import annotations

import codecs
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import msgspec
import pypdfium2
from coursewright.capabilities.llm import Script
from coursewright.errors import InputError
from defusedxml import DefusedXmlException
from defusedxml import ElementTree as DefusedTree

from coursewright_api.assets.inspection import Found, Task, refused
from coursewright_api.assets.pictures import PREVIEW_PX

MAX_PAGES = 2_000
MAX_ENTRIES = 20_000
MAX_UNPACKED_BYTES = 500_000_000
MAX_XML_BYTES = 100_000_000
MAX_RATIO = 200
"""The XML of documents shrinks to a tenth or twentieth; only zeros shrink more than this."""
_RATIO_FROM_BYTES = 5_000_000
_CHUNK_BYTES = 1 << 20
_OFFICE = {
    "word/document.xml": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
    "ppt/presentation.xml": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx"),
}
_TEXTS = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".toml": "application/toml",
    ".json": "application/json",
}
_ACCEPTED = "give text, Markdown, PDF, Word (.docx) or PowerPoint (.pptx)"
_THEME = 'give a .toml file, with a line such as accent = "#2a6f97"'
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def inspect_document(task: Task) -> Found:
    """Notes. Raises InputError."""
    with task.source.open("rb") as file:
        head = file.read(8192)
    if head.startswith(b"%PDF-"):
        return _pdf(task)
    if head.startswith(b"PK\x03\x04"):
        media_type, suffix = _office(task.source)
        return Found(path=task.source, media_type=media_type, suffix=suffix)
    _text(task.source, _ACCEPTED)
    return _as_text(task, ".txt")


def inspect_script(task: Task) -> Found:
    """A script: JSON as a step with `returns: script` gives it, or text. Raises InputError."""
    text = _text(task.source, "give the script as text, Markdown or JSON")
    if PurePosixPath(task.name).suffix.lower() != ".json" and not text.lstrip().startswith("{"):
        return _as_text(task, ".md")
    try:
        msgspec.json.decode(text, type=Script)
    except (msgspec.DecodeError, RecursionError) as error:
        raise refused(f"the JSON is no script: {error}", "give it as a pipeline's script step returns it") from None
    return Found(path=task.source, media_type="application/json", suffix=".json")


def inspect_theme(task: Task) -> Found:
    """Settings in TOML; what they mean is the slides' business. Raises InputError."""
    text = _text(task.source, _THEME)
    if PurePosixPath(task.name).suffix.lower() != ".toml":
        raise refused("the file is no slide theme", _THEME)
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise refused(f"the file is no TOML: {error}", "correct it") from None
    return _as_text(task, ".toml")


def _as_text(task: Task, otherwise: str) -> Found:
    suffix = PurePosixPath(task.name).suffix.lower()
    suffix = suffix if suffix in _TEXTS else otherwise
    return Found(path=task.source, media_type=_TEXTS[suffix], suffix=suffix)


def _text(path: Path, remedy: str) -> str:
    """The whole text. UTF-8, or UTF-16 with its mark."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data.startswith(_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        raise refused("the file is neither text nor a document that is known", remedy) from None
    if any(char in text for char in "\0\x01\x02\x03\x04\x05\x06\x08\x0e\x0f"):
        raise refused("the file is neither text nor a document that is known", remedy)
    return text


def _pdf(task: Task) -> Found:
    try:
        with pypdfium2.PdfDocument(task.source) as document:
            pages = len(document)
            if not 1 <= pages <= MAX_PAGES:
                raise refused(f"the PDF has {pages:,} pages; at most {MAX_PAGES:,} are read", "split it")
            page = document[0]
            width, height = page.get_size()
            scale = PREVIEW_PX / max(width, height, 1.0)
            picture = page.render(scale=scale).to_pil().convert("RGB")
            page.close()
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise refused(
            "the PDF is protected by a password" if locked else "the PDF is damaged",
            "remove the password and save it again" if locked else "save it anew where it was made",
        ) from None
    preview = task.folder / "preview.webp"
    picture.thumbnail((PREVIEW_PX, PREVIEW_PX))
    picture.save(preview, "WEBP", quality=80)
    return Found(
        path=task.source,
        media_type="application/pdf",
        suffix=".pdf",
        preview=preview,
        preview_type="image/webp",
    )


def _office(path: Path) -> tuple[str, str]:
    names = _archive(path)
    name = next((each for each in _OFFICE if each in names), None)
    if name is None:
        raise refused("this is a ZIP archive, not a document", f"unpack it and give one document; {_ACCEPTED}")
    with zipfile.ZipFile(path) as archive:
        for part in ("[Content_Types].xml", name):
            try:
                with archive.open(part) as file:
                    for _, element in DefusedTree.iterparse(file, forbid_dtd=True):
                        element.clear()
            except (KeyError, DefusedTree.ParseError, DefusedXmlException, ValueError, zipfile.BadZipFile):
                raise refused("the document is damaged", "open it in Office and save it anew") from None
    return _OFFICE[name]


def _archive(path: Path) -> set[str]:
    """The names in a ZIP archive, once all of it has been unpacked within bounds."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(entries, path.stat().st_size)
            for entry in entries:
                with archive.open(entry) as file:  # never more than the entry says, and its checksum is checked
                    while file.read(_CHUNK_BYTES):
                        pass
    except InputError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError, LookupError):
        raise refused(
            "the file is damaged or protected: its parts cannot be unpacked", "save it anew, without a password"
        ) from None
    except Exception:  # the decompressors have errors of their own
        raise refused("the file is damaged: its parts cannot be unpacked", "save it anew") from None
    return {entry.filename for entry in entries}


def _check_entries(entries: list[zipfile.ZipInfo], size_bytes: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    xml = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    too_dense = unpacked > _RATIO_FROM_BYTES and unpacked > MAX_RATIO * size_bytes
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED_BYTES or xml > MAX_XML_BYTES or too_dense:
        raise refused(
            f"the file unpacks to {unpacked / 1e6:,.0f} MB in {len(entries):,} parts, far more than it could need",
            "split it, or copy what is needed into a new one",
        )
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in (parts[0] if parts else ""):
            raise refused("a name in the archive leads out of it", "pack it anew")
