"""Reading a backup: all of it is checked before any of it is used."""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import msgspec
from coursewright.disk import explained

from coursewright_api.backup.form import (
    ARTIFACTS,
    CHUNK_BYTES,
    FORMAT,
    HEADER,
    PART_BYTES,
    BackupDamaged,
    Header,
    Manifest,
    RestoreRefused,
    checked_name,
    damaged,
    manifest_digest,
)

_LARGEST_BYTES = 512 << 20
"""A manifest or a part larger than this is none; a part may pass its usual size by one row."""


class Backup:
    """A backup that was checked."""

    def __init__(self, path: Path) -> None:
        """Read all of the file. Raises BackupDamaged, or RestoreRefused for what a newer version wrote."""
        self.path = path
        self.manifest = _checked(path)

    def members(self, prefix: str) -> Generator[tuple[str, BinaryIO]]:
        """The members whose names begin so, each readable until the next. They stand side by side."""
        if prefix != ARTIFACTS and not any(name.startswith(prefix) for name in self.manifest.members):
            return
        found = False
        with contextlib.closing(_members(self.path)) as members:
            for name, _, file in members:
                if name.startswith(prefix):
                    found = True
                    yield name, file
                elif found:
                    return

    def parts(self, prefix: str) -> Generator[bytes]:
        """The contents of the members whose names begin so."""
        for _, file in self.members(prefix):
            yield file.read()


def _members(path: Path) -> Generator[tuple[str, int, BinaryIO]]:
    """Name, size and content of each member."""
    with tarfile.open(path, "r:") as tar:
        while (member := tar.next()) is not None:
            file = tar.extractfile(member) if member.isreg() else None
            if file is None:
                raise damaged(f"'{member.name[:200]}' is no file")
            yield checked_name(member.name), member.size, file  # type: ignore[misc]  # a reader of bytes
            tar.members.clear()  # type: ignore[attr-defined]  # it remembers every member, for a use that is not ours


def _checked(path: Path) -> Manifest:
    with explained(f"the file {path}", elsewhere="name another file", kind=BackupDamaged):
        try:
            return _read_whole(path)
        except tarfile.TarError as error:
            raise damaged(str(error)) from None


def _read_whole(path: Path) -> Manifest:
    seen: dict[str, str] = {}
    artifacts = artifact_bytes = 0
    manifest: Manifest | None = None
    first = True
    for name, size_bytes, file in _members(path):
        if first:
            if name != HEADER:
                raise damaged("it does not begin as one")
            _understood(file.read(PART_BYTES))
            file.seek(0)
            first = False
        if manifest is not None:
            raise damaged("something follows its end")
        if (expected := manifest_digest(name)) is not None:
            manifest = _manifest(file, size_bytes, expected)
            continue
        if not name.startswith(ARTIFACTS):
            if size_bytes > _LARGEST_BYTES and name.endswith(".jsonl"):
                raise damaged(f"'{name}' is too large")
            seen[name] = _digest(file)
        elif _digest(file) != name.removeprefix(ARTIFACTS):
            raise damaged(f"'{name}' was altered")
        else:
            artifacts += 1
            artifact_bytes += size_bytes
    if first:
        raise damaged("it is empty")
    if manifest is None:
        raise damaged("its end is missing")
    for name in sorted(seen.keys() | manifest.members.keys()):
        if seen.get(name) != manifest.members.get(name):
            raise damaged(f"'{name}' is missing" if name not in seen else f"'{name}' was altered")
    if (artifacts, artifact_bytes) != (manifest.artifacts, manifest.artifact_bytes):
        raise damaged(f"it holds {artifacts} of {manifest.artifacts} artifacts")
    return manifest


def _understood(header: bytes) -> None:
    try:
        found = msgspec.json.decode(header, type=Header)
    except msgspec.DecodeError:
        raise damaged("its beginning cannot be read") from None
    if found.format > FORMAT:
        raise RestoreRefused(
            f"the backup was made by a newer Coursewright ({found.version})",
            remedy="install that version, and restore with it",
        )


def _manifest(file: BinaryIO, size_bytes: int, expected: str) -> Manifest:
    content = file.read(min(size_bytes, _LARGEST_BYTES))
    if hashlib.sha256(content).hexdigest() != expected:
        raise damaged("its list of contents was altered")
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError:
        raise damaged("its list of contents cannot be read") from None


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
