"""Writing a backup."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import io
import os
import sqlite3
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec
from coursewright.disk import explained
from coursewright.run.folders import PREFIX, temporary_folder
from coursewright.settings import Settings
from coursewright.store.files import sync_folder

from coursewright_api.auth.keys import FILE_NAME
from coursewright_api.backup.artifacts import Artifacts
from coursewright_api.backup.form import (
    ARTIFACTS,
    FOLDERS,
    HEADER,
    MODE,
    PREFECT,
    RECORDS,
    BackupFailed,
    Header,
    Manifest,
    TableRows,
    data_name,
    part_name,
)
from coursewright_api.backup.rows import Lines, named_in_row
from coursewright_api.backup.snapshots import Snapshot, snapshot
from coursewright_api.database.columns import now
from coursewright_api.settings import server_settings

_SUFFIX = ".tar"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was written."""

    path: Path
    size_bytes: int
    manifest: Manifest


async def make(settings: Settings, target: Path, *, with_files: bool = True, force: bool = False) -> Made:
    """Write everything into a new file: `target`, or one named by the time in the folder `target`.

    The service may go on. Raises BackupFailed; what is unfinished never has the file's name.
    """
    made_at = now()
    path = _path(target, made_at)
    with explained(f"the folder {path.parent}", elsewhere="give another folder", kind=BackupFailed):
        if path.exists() and not force:
            raise BackupFailed(f"{path} exists", remedy="give another name, or --force to replace it")
        with temporary_folder(path.parent) as scratch:
            unfinished = scratch / "backup"
            with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE), "w+b") as file:
                manifest = await _Writing(settings, file, scratch, made_at).everything(with_files)
                file.flush()
                os.fsync(file.fileno())
                size_bytes = file.tell()
            unfinished.replace(path)
        sync_folder(path.parent)
    return Made(path=path, size_bytes=size_bytes, manifest=manifest)


def _path(target: Path, made_at: datetime.datetime) -> Path:
    if target.suffix == _SUFFIX and not target.is_dir():
        return target
    return target / f"coursewright-{made_at:%Y-%m-%dT%H%M%SZ}{_SUFFIX}"


class _Hashing(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


class _Writing:
    """One backup in the making."""

    def __init__(self, settings: Settings, file: BinaryIO, scratch: Path, made_at: datetime.datetime) -> None:
        self._settings = settings
        self._scratch = scratch
        self._made_at = made_at
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed at the end
        self._members: dict[str, str] = {}

    async def everything(self, with_files: bool) -> Manifest:
        header = Header(made_at=self._made_at)
        self._bytes(HEADER, msgspec.json.encode(header))
        with Artifacts(self._settings, self._scratch) as artifacts:
            async with snapshot(self._settings, server_settings(self._settings)) as found:
                migrations = await found.migrations()
                if not migrations:
                    raise BackupFailed(
                        "the database is empty", remedy="set database_url or data_dir to those that the service uses"
                    )
                tables = [await self._table(found, name, artifacts) for name in await found.tables()]
            for path in self._data_files(with_files):
                self._data_file(path)
                await asyncio.sleep(0)  # Ctrl-C is heard here
            self._prefect()
            if with_files:
                self._records(artifacts)
                for digest, path in artifacts.files():
                    with path.open("rb") as file:
                        self._add(ARTIFACTS + digest, file, path.stat().st_size)
                    await asyncio.sleep(0)
            manifest = Manifest(
                version=header.version,
                made_at=self._made_at,
                database=found.name,
                migrations=migrations,
                tables=tables,
                with_files=with_files,
                artifacts=artifacts.count,
                artifact_bytes=artifacts.size_bytes,
                records=artifacts.records,
                missing=artifacts.missing,
                members=self._members,
            )
        encoded = msgspec.json.encode(manifest)
        self._bytes(f"manifest-{hashlib.sha256(encoded).hexdigest()}.json", encoded)
        self._tar.close()
        return manifest

    async def _table(self, found: Snapshot, name: str, artifacts: Artifacts) -> TableRows:
        columns = await found.columns(name)
        names = list(columns)
        lines, parts = Lines(), 0
        async for row in found.rows(name, columns):
            artifacts.name_all(named_in_row(name, names, row))
            if part := lines.add(row):
                parts = self._part(f"database/{name}", parts, part)
        self._part(f"database/{name}", parts, lines.rest())
        return TableRows(name=name, columns=columns, rows=lines.count, last_id=await found.last_id(name))

    def _records(self, artifacts: Artifacts) -> None:
        lines, parts = Lines(), 0
        for each in artifacts.all_records():
            if part := lines.add(each):
                parts = self._part(RECORDS.rstrip("/"), parts, part)
        self._part(RECORDS.rstrip("/"), parts, lines.rest())

    def _part(self, folder: str, number: int, part: bytes) -> int:
        """Write a part; the number of the next."""
        if part:
            self._bytes(part_name(folder, number), part)
        return number + 1

    def _data_files(self, with_files: bool) -> Iterator[Path]:
        folder = self._settings.data_dir
        if (key := folder / FILE_NAME).is_file():
            yield key
        for name in FOLDERS if with_files else FOLDERS[:1]:
            yield from _below(folder / name)

    def _data_file(self, path: Path) -> None:
        name = data_name(PurePosixPath(path.relative_to(self._settings.data_dir)))
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:  # a run may just remove it
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def _prefect(self) -> None:
        """The embedded server's databases, each as of one moment."""
        if self._settings.prefect_api_url:
            return
        for path in sorted((self._settings.data_dir / PREFECT).glob("prefect-*.db")):
            copy = self._scratch / path.name
            with (
                contextlib.closing(sqlite3.connect(path)) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            with copy.open("rb") as file:
                self._add(data_name(PurePosixPath(PREFECT, path.name)), file, copy.stat().st_size)
            copy.unlink()

    def _bytes(self, name: str, content: bytes) -> None:
        self._add(name, io.BytesIO(content), len(content))

    def _add(self, name: str, file: BinaryIO, size_bytes: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size_bytes, MODE, int(self._made_at.timestamp())
        hashing = _Hashing(file)
        self._tar.addfile(member, hashing)
        self._tar.members.clear()  # type: ignore[attr-defined]  # it remembers every member, for a use that is not ours
        if name.startswith(ARTIFACTS):
            if hashing.digest.hexdigest() != name.removeprefix(ARTIFACTS):
                raise BackupFailed("the store was damaged while it was read", remedy="run `coursewright store verify`")
        else:
            self._members[name] = hashing.digest.hexdigest()


def _below(folder: Path) -> Iterable[Path]:
    """The plain files below a folder, sorted; nothing that a link leads to, nothing unfinished."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(PREFIX) for part in path.relative_to(folder).parts)
        if not hidden and not path.is_symlink() and path.is_file():
            yield path
