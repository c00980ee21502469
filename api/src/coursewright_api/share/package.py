"""The files inside a package, sent straight from the zip: nothing is unpacked, and no name is ever a path."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Generator
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import BinaryIO
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import ParseError

import anyio.to_thread
import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.store.contract import Store
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

ENTRY = "index.html"
MANIFEST = "imsmanifest.xml"
PIECE_BYTES = 256 * 1024
_MAX_ENTRIES = 10_000
_MAX_MANIFEST_BYTES = 2_000_000
_KEPT = 16
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""What stands before a file's name: signature, and the lengths of name and extra field."""
_ENCRYPTED = 0x1

_TYPES = {
    **{"html": "text/html", "htm": "text/html", "css": "text/css", "js": "text/javascript", "mjs": "text/javascript"},
    **{"json": "application/json", "xml": "application/xml", "xsd": "application/xml", "txt": "text/plain"},
    **{"vtt": "text/vtt", "md": "text/markdown", "pdf": "application/pdf", "wasm": "application/wasm"},
    **{"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"},
    **{"svg": "image/svg+xml", "avif": "image/avif", "ico": "image/x-icon"},
    **{"mp4": "video/mp4", "webm": "video/webm", "m4a": "audio/mp4", "mp3": "audio/mpeg", "wav": "audio/wav"},
    **{"ogg": "audio/ogg", "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf"},
}
_TEXT = ("text/", "application/json", "application/xml", "image/svg+xml")


class NotPlayable(Exception):
    """It is no package that can be played."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file in the zip. `start` is where its bytes begin, for one that is stored as it is."""

    name: str
    size_bytes: int
    checksum: int
    start: int | None

    @property
    def media_type(self) -> str:
        """By the name's ending; the browser is told not to guess."""
        found = _TYPES.get(PurePosixPath(self.name).suffix.lower().lstrip("."), "application/octet-stream")
        return found if found.startswith("text/") or not found.startswith(_TEXT) else f"{found}; charset=utf-8"


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A zip with its directory."""

    path: Path
    entry: str
    members: dict[str, Member]


class Packages:
    """Reads directories of packages once, and remembers the last few."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, Package] = OrderedDict()
        self._lock = Lock()

    def open(self, artifact: Artifact) -> Package:
        """The package. Raises NotPlayable, or ArtifactDamaged. Reads files: call it in a thread."""
        path = self._store.fetch(artifact)
        with self._lock:
            if (known := self._kept.get(artifact.digest)) is not None:
                self._kept.move_to_end(artifact.digest)
                return known
        package = _read(path)
        with self._lock:
            self._kept[artifact.digest] = package
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return package


def _read(path: Path) -> Package:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            if len(infos) > _MAX_ENTRIES:
                raise NotPlayable
            size_bytes = path.stat().st_size
            members = {info.filename: _member(info, file, size_bytes) for info in infos if _usable(info)}
            return Package(path=path, entry=_entry(archive, members), members=members)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error, EOFError):
        raise NotPlayable from None


def _usable(info: zipfile.ZipInfo) -> bool:
    known = info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    return known and not info.is_dir() and not info.flag_bits & _ENCRYPTED


def _member(info: zipfile.ZipInfo, file: BinaryIO, size_bytes: int) -> Member:
    start = None
    if info.compress_type == zipfile.ZIP_STORED:
        file.seek(info.header_offset)
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        if magic != b"PK\3\4" or info.file_size != info.compress_size or start + info.file_size > size_bytes:
            raise NotPlayable
    return Member(name=info.filename, size_bytes=info.file_size, checksum=info.CRC, start=start)


def _entry(archive: zipfile.ZipFile, members: dict[str, Member]) -> str:
    """The page to begin with: `index.html`, or what the manifest names first."""
    if ENTRY in members:
        return ENTRY
    manifest = members.get(MANIFEST)
    if manifest is None or manifest.size_bytes > _MAX_MANIFEST_BYTES:
        raise NotPlayable
    try:
        root = fromstring(archive.read(MANIFEST))
    except (ParseError, DefusedXmlException, zlib.error):
        raise NotPlayable from None
    for resource in root.iterfind(".//{*}resource[@href]"):
        name = unquote(urlsplit(resource.get("href", "")).path)
        if name in members:
            return name
    raise NotPlayable


async def pieces(package: Package, member: Member, start: int, end: int) -> AsyncIterator[bytes]:
    """The bytes from `start` up to `end`; of a compressed file always all of them."""
    reader = _stored(package, member, start, end) if member.start is not None else _inflated(package, member)
    try:
        while piece := await anyio.to_thread.run_sync(next, reader, b""):
            yield piece
    finally:
        reader.close()


def _stored(package: Package, member: Member, start: int, end: int) -> Generator[bytes, None, None]:
    with package.path.open("rb", buffering=0) as file:
        file.seek((member.start or 0) + start)
        while start < end and (piece := file.read(min(PIECE_BYTES, end - start))):
            start += len(piece)
            yield piece


def _inflated(package: Package, member: Member) -> Generator[bytes, None, None]:
    with zipfile.ZipFile(package.path) as archive, archive.open(member.name) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
