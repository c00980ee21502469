"""The artifacts and records that a backup holds, and putting them back."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import ArtifactDamaged
from coursewright.settings import Settings
from coursewright.store import open_store
from coursewright.store.contract import Store, object_path
from coursewright.store.local import LocalStore

from coursewright_api.backup.rows import named_in


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What the store remembers under a key."""

    key: str
    record: str


class Artifacts:
    """The digests that were named, kept on disk: a large store has more than fit into memory."""

    def __init__(self, settings: Settings, scratch: Path) -> None:
        self._settings = settings
        self._store = store_for(settings, scratch)
        self._names = sqlite3.connect(scratch / "named", isolation_level=None)
        self._names.execute("PRAGMA journal_mode = OFF")
        self._names.execute("PRAGMA synchronous = OFF")
        self._names.execute("CREATE TABLE named (digest TEXT PRIMARY KEY) WITHOUT ROWID")
        self.count = self.size_bytes = self.records = self.missing = 0

    def __enter__(self) -> Artifacts:
        self._names.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._names.close()

    def name_all(self, digests: Iterable[str]) -> None:
        """These belong into the backup."""
        self._names.executemany("INSERT OR IGNORE INTO named VALUES (?)", ((each,) for each in digests))

    def all_records(self) -> Iterator[Record]:
        """Every record of the store. What each names belongs into the backup too."""
        for key, _ in self._store.records():
            data = self._store.read_record(key, touch=False)
            if data is not None:
                text = data.decode()
                self.name_all(named_in(text))
                self.records += 1
                yield Record(key=key, record=text)

    def files(self) -> Iterator[tuple[str, Path]]:
        """The named artifacts as verified files, each there until the next; what is missing is counted."""
        for (digest,) in self._names.execute("SELECT digest FROM named ORDER BY digest"):
            with self._fetched(digest) as path:
                if path is None:
                    self.missing += 1
                    continue
                self.count += 1
                self.size_bytes += path.stat().st_size
                yield digest, path

    @contextlib.contextmanager
    def _fetched(self, digest: str) -> Iterator[Path | None]:
        artifact = Artifact(digest=digest, media_type="application/octet-stream", size_bytes=0, name=digest)
        local = isinstance(self._store, LocalStore)
        used = _times(self._settings.local_store / object_path("blobs", digest)) if local else None
        try:
            path = self._store.fetch(artifact)
        except ArtifactDamaged:
            yield None
            return
        yield path
        if not local:
            path.unlink()
        elif used is not None:  # being backed up is no use that keeps it from garbage collection
            with contextlib.suppress(OSError):
                os.utime(path, ns=used)


def store_for(settings: Settings, scratch: Path) -> Store:
    """The store of the settings; copies of an S3 store's bytes go to `scratch`, not into the lasting cache."""
    return open_store(msgspec.structs.replace(settings, data_dir=scratch) if settings.s3 else settings)


def _times(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_atime_ns, status.st_mtime_ns
