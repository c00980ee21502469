"""The artifact store's contract: what every backend promises, and one set of tests asks of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from coursewright.capabilities.artifacts import Artifact


class Store(Protocol):
    """Immutable bytes by SHA-256, and small records by step key.

    Safe with any number of threads and processes. Bytes appear under their digest only when complete;
    writing bytes that are already there costs no second copy. Every method raises `StoreError` with
    the cause and the remedy (disk full, no permission, server gone).
    """

    def put_bytes(self, data: bytes, *, name: str, media_type: str) -> Artifact:
        """Store `data`; on return it survives a crash of the machine."""

    def put_file(self, path: Path, *, name: str, media_type: str) -> Artifact:
        """Store the content of a file, streamed in bounded memory. The file itself is left alone."""

    def open(self, artifact: Artifact) -> BinaryIO:
        """Open the verified bytes for reading. Raises `ArtifactDamaged` when missing or altered."""

    def fetch(self, artifact: Artifact) -> Path:
        """A read-only local file with the verified bytes, valid while the process lives.

        Raises `ArtifactDamaged` when they are missing or altered.
        """

    def verify(self, artifact: Artifact) -> bool:
        """Are the bytes there and do they have that digest? What is found damaged is removed."""

    def read_record(self, key: str) -> bytes | None:
        """The record under a step key (64 hex digits), or None. A broken record counts as none."""

    def write_record(self, key: str, record: bytes) -> None:
        """Write or replace the record, atomically."""

    def delete_record(self, key: str) -> None:
        """Remove the record if there is one."""

    def record_keys(self) -> Iterator[str]: ...

    def digests(self) -> Iterator[tuple[str, int, float]]:
        """(digest, size in bytes, time of last use as a UNIX time) of all that is stored."""

    def delete(self, digest: str) -> None:
        """Remove the bytes if they are there."""
