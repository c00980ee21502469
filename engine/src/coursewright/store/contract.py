"""The artifact store's contract: what every backend promises, and one set of tests asks of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import StoreError


class Direct(Protocol):
    """Addresses by which a client without keys reads from the store and sends to it, each for a while.

    What is sent is an *upload*: bytes under a name that we chose, apart from everything that is stored, until they
    are fetched and put. It is sent whole or in parts, whose numbers begin at 0. Making an address touches no network.
    """

    def download_url(self, digest: str, *, expires_in_s: float, media_type: str, disposition: str) -> str:
        """For GET: the bytes with these values of Content-Type and Content-Disposition."""

    def upload_url(self, upload: str, *, expires_in_s: float, part: int | None = None) -> str:
        """For PUT of the whole, or of a part, as often as somebody likes.

        How much is sent is not bounded by the store: look at `uploaded_bytes` before fetching.
        """

    def uploaded_bytes(self, upload: str) -> int | None:
        """How many bytes were sent, of the whole or of all parts together; None when nothing is there."""

    def fetch_upload(self, upload: str, path: Path) -> None:
        """Write what was sent to `path`, parts in their order. Raises StoreError when nothing is there."""

    def drop_upload(self, upload: str) -> None:
        """Remove what was sent, if anything is there."""

    def prepare(self, origins: Sequence[str]) -> list[str]:
        """Make the bucket if there is none, and let pages of these origins read and send.

        What was done, or what the server cannot do, in sentences.
        """


class Store(Protocol):
    """Immutable bytes by SHA-256, and small JSON records by step key.

    Safe with any number of threads and processes. Bytes appear under their digest only when complete;
    writing bytes that are already there costs no second copy. Every method raises `StoreError` with
    the cause and the remedy (disk full, no permission, server gone).
    """

    @property
    def direct(self) -> Direct | None:
        """How others reach the bytes without us; None for a store that only this machine can read."""

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

    def read_record(self, key: str, *, touch: bool = True) -> bytes | None:
        """The record under a step key (64 hex digits), or None. A broken record counts as none.

        Reading is a use, which keeps the record from garbage collection, unless `touch` is false.
        """

    def write_record(self, key: str, record: bytes) -> None:
        """Write or replace the record (JSON), atomically.

        One that says `"lasting": true` at its top stays until it is deleted, and so does what it names; any other is
        collected when nobody used it for long.
        """

    def delete_record(self, key: str) -> None:
        """Remove the record if there is one."""

    def records(self) -> Iterator[tuple[str, float]]:
        """(key, time of last use as a UNIX time, to within a day) of all records."""

    def digests(self) -> Iterator[tuple[str, int, float]]:
        """(digest, size in bytes, time of last use as a UNIX time) of all that is stored."""

    def delete(self, digest: str) -> None:
        """Remove the bytes if they are there."""

    def sweep(self, *, older_than_s: float) -> int:
        """Remove what killed writers left behind and nobody touched for that long; how many were removed."""


_SHA256 = re.compile("[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Is that a SHA-256 in hex, as digests and record keys are?"""
    return _SHA256.fullmatch(text) is not None


def object_path(kind: str, name: str) -> str:
    """Where a digest's bytes (`kind` "blobs") or a key's record ("records") lie below a store's root.

    256 folders keep each of them small in a store of a million. Raises StoreError for anything but a SHA-256,
    so that no name can lead out of the store.
    """
    if not is_sha256(name):
        raise StoreError(f"{name!r} is not a SHA-256 in hex", remedy="use a digest or key that the store gave out")
    return f"{kind}/{name[:2]}/{name}" + (".json" if kind == "records" else "")


def sound_record(record: bytes) -> bytes | None:
    """The record, or None when it is not JSON: half of one, or zeros after a power cut."""
    try:
        msgspec.json.decode(record, type=msgspec.Raw)
    except msgspec.DecodeError:
        return None
    return record
