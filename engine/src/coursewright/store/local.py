"""The local store: a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import ArtifactDamaged
from coursewright.store.contract import is_sha256, object_path, sound_record
from coursewright.store.files import (
    Identity,
    Written,
    explained,
    files_below,
    publish,
    read_chunks,
    sync_folder,
    write_temporary,
)

BLOB_MODE = 0o444
RECORD_MODE = 0o666
"""Both are narrowed by the umask, which thereby says who else may use the store."""
TOUCH_EVERY_S = 3600.0
"""A time of last use this exact serves garbage collection by the day, and costs one small write an hour."""


class LocalStore:
    """Bytes under `blobs/ab/abcd…`, records under `records/ab/abcd….json`, unfinished files under `tmp/`.

    Bytes are hashed once in each process and trusted for as long as inode, size and time of modification stay
    the same: later uses cost one `stat`. Last use is the access time of bytes, and the modification time of records.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._verified: dict[str, Identity] = {}
        self._lasting: set[Path] = set()

    @property
    def direct(self) -> None:
        """Nobody but this machine reads a folder."""
        return None

    def put_bytes(self, data: bytes, *, name: str, media_type: str) -> Artifact:
        digest = hashlib.sha256(data).hexdigest()
        with explained(self._root):
            if self._holds(digest):
                self._make_lasting(self._blob(digest))
            else:
                self._publish_blob(self._write_blob((data,)))
        return Artifact(digest=digest, media_type=media_type, size_bytes=len(data), name=name)

    def put_file(self, path: Path, *, name: str, media_type: str) -> Artifact:
        digest, size_bytes = self.put_chunks(read_chunks(path))
        return Artifact(digest=digest, media_type=media_type, size_bytes=size_bytes, name=name)

    def put_chunks(self, chunks: Iterable[bytes], *, expected: str | None = None) -> tuple[str, int]:
        """Store what `chunks` yields, in bounded memory; its digest and its size in bytes.

        Raises ArtifactDamaged, and stores nothing, when the digest is not `expected`.
        """
        with explained(self._root):
            written = self._write_blob(chunks, expected)
            if self._holds(written.digest):
                written.path.unlink()
                self._make_lasting(self._blob(written.digest))
            else:
                self._publish_blob(written)
        return written.digest, written.identity.size_bytes

    def open(self, artifact: Artifact) -> BinaryIO:
        path = self.fetch(artifact)
        with explained(self._root):
            return path.open("rb")

    def fetch(self, artifact: Artifact) -> Path:
        if not self.verify(artifact):
            raise damaged(artifact)
        return self._blob(artifact.digest)

    def verify(self, artifact: Artifact) -> bool:
        with explained(self._root):
            return self._holds(artifact.digest)

    def read_record(self, key: str, *, touch: bool = True) -> bytes | None:
        path = self._record(key)
        with explained(self._root):
            try:
                record = path.read_bytes()
                if touch and time.time() - path.stat().st_mtime > TOUCH_EVERY_S:
                    os.utime(path)
            except FileNotFoundError:
                return None
        return sound_record(record)

    def write_record(self, key: str, record: bytes) -> None:
        # Not synced to the disk: a record that a power cut takes is only computed again, and on an SSD
        # syncing makes this 0.45 ms instead of 0.02 ms (file and folder, 2 kB, ext4).
        path = self._record(key)
        with explained(self._root):
            written = write_temporary((record,), self._root / "tmp", mode=RECORD_MODE, lasting=False)
            publish(written.path, path)

    def delete_record(self, key: str) -> None:
        with explained(self._root):
            self._record(key).unlink(missing_ok=True)

    def records(self) -> Iterator[tuple[str, float]]:
        for entry, status in self._entries("records"):
            key = entry.name.removesuffix(".json")
            if is_sha256(key):
                yield key, status.st_mtime

    def digests(self) -> Iterator[tuple[str, int, float]]:
        for entry, status in self._entries("blobs"):
            if is_sha256(entry.name):
                yield entry.name, status.st_size, max(status.st_atime, status.st_mtime)

    def delete(self, digest: str) -> None:
        with explained(self._root):
            self._blob(digest).unlink(missing_ok=True)

    def sweep(self, *, older_than_s: float) -> int:
        """Remove unfinished files. One that is still being written was modified just now, and stays."""
        before = time.time() - older_than_s
        removed = 0
        with explained(self._root), contextlib.suppress(FileNotFoundError):
            for path in (self._root / "tmp").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime <= before:
                        path.unlink()
                        removed += 1
        return removed

    def _blob(self, digest: str) -> Path:
        return self._root / object_path("blobs", digest)

    def _record(self, key: str) -> Path:
        return self._root / object_path("records", key)

    def _entries(self, kind: str) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        with explained(self._root):
            for entry in files_below(self._root / kind):
                with contextlib.suppress(FileNotFoundError):
                    yield entry, entry.stat(follow_symlinks=False)

    def _holds(self, digest: str) -> bool:
        """Are good bytes in place? Notes the use; removes what is damaged."""
        path = self._blob(digest)
        try:
            status = path.stat()
            if self._verified.get(digest) != Identity.of(status) and not self._hashes_to(digest, path):
                return False
        except FileNotFoundError:
            return False
        if time.time() - status.st_atime > TOUCH_EVERY_S:
            with contextlib.suppress(PermissionError, FileNotFoundError):  # only the owner may set times
                os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
        return True

    def _hashes_to(self, digest: str, path: Path) -> bool:
        with path.open("rb") as file:
            identity = Identity.of(os.fstat(file.fileno()))
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found == digest:
            self._verified[digest] = identity
            return True
        self._remove_damaged(path, identity)
        return False

    def _remove_damaged(self, path: Path, damaged: Identity) -> None:
        """Remove the file, but not a good one that another process has put in its place meanwhile."""
        aside = self._root / "tmp" / f"{path.name}-damaged-{os.getpid()}"
        aside.parent.mkdir(exist_ok=True)
        path.replace(aside)
        if Identity.of(aside.stat()) == damaged:
            aside.unlink()
        else:
            aside.replace(path)

    def _write_blob(self, chunks: Iterable[bytes], expected: str | None = None) -> Written:
        return write_temporary(chunks, self._root / "tmp", mode=BLOB_MODE, lasting=True, expected=expected)

    def _publish_blob(self, written: Written) -> None:
        path = self._blob(written.digest)
        publish(written.path, path)
        self._verified[written.digest] = written.identity
        self._lasting.discard(path)
        self._make_lasting(path)

    def _make_lasting(self, path: Path) -> None:
        """Make the file's name survive a power cut, also when another process gave it just now."""
        if path in self._lasting:
            return
        sync_folder(path.parent)
        if path.parent not in self._lasting:
            sync_folder(path.parent.parent)
            sync_folder(self._root)
        self._lasting |= {path, path.parent}


def damaged(artifact: Artifact) -> ArtifactDamaged:
    """The error for bytes that are missing or altered."""
    return ArtifactDamaged(
        f"'{artifact.name}' is missing from the artifact store, or was altered there",
        digest=artifact.digest,
        remedy="run the pipeline again: what is missing is then made again",
    )
