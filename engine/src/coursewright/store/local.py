"""The local store: a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import ArtifactDamaged

CHUNK_BYTES = 1 << 20


class LocalStore:
    """Bytes under `blobs/ab/abcd…`, records under `records/ab/abcd….json`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_bytes(self, data: bytes, *, name: str, media_type: str) -> Artifact:
        digest = hashlib.sha256(data).hexdigest()
        path = self._blob(digest)
        if not path.exists():
            self._write(path, data)
        return Artifact(digest=digest, media_type=media_type, size_bytes=len(data), name=name)

    def put_file(self, path: Path, *, name: str, media_type: str) -> Artifact:
        return self.put_bytes(path.read_bytes(), name=name, media_type=media_type)

    def open(self, artifact: Artifact) -> BinaryIO:
        return self.fetch(artifact).open("rb")

    def fetch(self, artifact: Artifact) -> Path:
        if not self.verify(artifact):
            raise ArtifactDamaged(f"{artifact.name} is missing or damaged", digest=artifact.digest)
        return self._blob(artifact.digest)

    def verify(self, artifact: Artifact) -> bool:
        path = self._blob(artifact.digest)
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == artifact.digest
        except FileNotFoundError:
            return False

    def read_record(self, key: str) -> bytes | None:
        try:
            return self._record(key).read_bytes()
        except FileNotFoundError:
            return None

    def write_record(self, key: str, record: bytes) -> None:
        self._write(self._record(key), record)

    def delete_record(self, key: str) -> None:
        self._record(key).unlink(missing_ok=True)

    def record_keys(self) -> Iterator[str]:
        for path in (self._root / "records").glob("*/*.json"):
            yield path.stem

    def digests(self) -> Iterator[tuple[str, int, float]]:
        for path in (self._root / "blobs").glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                yield path.name, status.st_size, status.st_mtime

    def delete(self, digest: str) -> None:
        self._blob(digest).unlink(missing_ok=True)

    def _blob(self, digest: str) -> Path:
        return self._root / "blobs" / digest[:2] / digest

    def _record(self, key: str) -> Path:
        return self._root / "records" / key[:2] / f"{key}.json"

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
