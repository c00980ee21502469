"""Writing files so that they appear complete or not at all, and saying plainly why one could not be written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from coursewright import disk
from coursewright.errors import ArtifactDamaged, StoreError

CHUNK_BYTES = 1 << 20


class Identity(NamedTuple):
    """What stays the same as long as nobody writes to a file. Reading it and `touch` change none of it."""

    inode: int
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class Written(NamedTuple):
    """A complete file, still under its temporary name."""

    path: Path
    digest: str
    identity: Identity


def explained(root: Path) -> contextlib.AbstractContextManager[None]:
    """Raise a StoreError that a person can act on for any OSError from the store's files below `root`."""
    return disk.explained(
        f"the artifact store {root}",
        elsewhere="choose another folder (COURSEWRIGHT_STORE_DIR or COURSEWRIGHT_DATA_DIR)",
        kind=StoreError,
    )


def read_chunks(path: Path) -> Iterator[bytes]:
    """The content of a caller's file. Raises StoreError when it cannot be read."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}", remedy="give a file that may be read") from error


def write_temporary(
    chunks: Iterable[bytes], folder: Path, *, mode: int, lasting: bool, expected: str | None = None
) -> Written:
    """Write a complete file with a name of its own in `folder`, which is made when missing.

    `lasting` puts the bytes on the disk before returning. Raises ArtifactDamaged when the content is not
    the `expected` digest. Leaves nothing behind when it fails.
    """
    path = folder / f"{os.getpid()}-{secrets.token_hex(8)}"
    try:
        digest = hashlib.sha256()
        with os.fdopen(_create(path, mode), "wb", buffering=0) as file:
            for chunk in chunks:
                digest.update(chunk)
                _write_all(file.fileno(), chunk)
            if lasting:
                os.fsync(file.fileno())
            identity = Identity.of(os.fstat(file.fileno()))
        if expected not in (None, digest.hexdigest()):
            raise ArtifactDamaged(f"the bytes that arrived are not {expected}", digest=str(expected))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Written(path, digest.hexdigest(), identity)


def _create(path: Path, mode: int) -> int:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        return os.open(path, flags, mode)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, mode)


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def publish(temporary: Path, path: Path) -> None:
    """Give a complete file its name, replacing what has it; its folder is made when missing."""
    try:
        try:
            temporary.replace(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make names that were given or taken in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def files_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The files in the folders in `folder`; what vanishes meanwhile is left out."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as parts:
        for part in parts:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(part) as entries:
                yield from entries
