"""Uploaded bytes until they are looked at: files of our own in the data folder, written as they arrive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from coursewright_api.assets.parts import Parts, explained
from coursewright_api.threads import Threads

FOLDER = "uploads"
_PIECE_BYTES = 1 << 20
"""Fewer, larger writes: each costs a change of threads."""


class Staging:
    """The folder of uploads. Any number of processes may use it."""

    def __init__(self, folder: Path, in_thread: Threads) -> None:
        self._folder = folder
        self._in_thread = in_thread
        self.parts = Parts(folder)

    def path(self, upload: object) -> Path:
        """Where an upload's bytes are once they are complete."""
        return self._folder / str(upload)

    def size_bytes(self, upload: object) -> int | None:
        """How many there are; None while they are not complete."""
        try:
            return self.path(upload).stat().st_size
        except FileNotFoundError:
            return None

    def drop(self, upload: object) -> None:
        """Remove an upload's bytes, and its parts, if they are there."""
        with self._explained():
            self.path(upload).unlink(missing_ok=True)
            self.parts.drop_upload(str(upload))

    async def keep(self, incoming: Incoming, upload: object, part: int | None) -> None:
        """All bytes of an upload, or of one of its parts, are there."""
        if part is None:
            place = self.path(upload)
        else:
            place = await self._in_thread(self.parts.place, upload, part)
        await incoming.keep(place)

    @contextlib.contextmanager
    def work_folder(self, upload: object) -> Iterator[Path]:
        """A folder for what is made of an upload, gone afterwards."""
        path = self._folder / f"{upload}.{secrets.token_hex(4)}.work"
        with self._explained():
            path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def sweep(self, *, older_than_s: float) -> int:
        """Remove what killed processes left behind; how many."""
        before, removed = time.time() - older_than_s, 0
        with self._explained(), contextlib.suppress(FileNotFoundError):
            for path in list(self._folder.iterdir()):
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime > before:
                        continue
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        path.unlink()
                    removed += 1
        return removed

    @contextlib.asynccontextmanager
    async def incoming(self) -> AsyncIterator[Incoming]:
        """A file to write to; without `keep` it is gone afterwards."""
        with self._explained():
            incoming = await self._in_thread(Incoming.begun, self._folder, self._in_thread)
            try:
                yield incoming
            finally:
                await incoming.close()

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return explained(self._folder)


class Incoming:
    """A file being written. While a piece goes to the disk, the next one may arrive; never more than two are held."""

    def __init__(self, handle: int, path: Path, in_thread: Threads) -> None:
        self._handle = handle
        self._path = path
        self._in_thread = in_thread
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self.size_bytes = 0

    @classmethod
    def begun(cls, folder: Path, in_thread: Threads) -> Incoming:
        """A new, empty file in `folder`, which is made when missing."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{secrets.token_hex(8)}.part"
        return cls(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path, in_thread)

    async def write(self, data: bytes) -> None:
        """Take some bytes."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.size_bytes += len(data)
        if self._waiting_bytes >= _PIECE_BYTES:
            await self._flush()

    async def keep(self, path: Path) -> None:
        """All bytes are there: give them this name."""
        await self._flush()
        await self._written()
        await self._in_thread(self._path.replace, path)

    async def close(self) -> None:
        """Let the file go; called once."""
        with contextlib.suppress(Exception):  # what failed was raised by the write that noticed
            await self._written()
        os.close(self._handle)
        self._path.unlink(missing_ok=True)

    async def _flush(self) -> None:
        await self._written()
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
            self._writing = asyncio.ensure_future(self._in_thread(_write_all, self._handle, data))

    async def _written(self) -> None:
        if (writing := self._writing) is not None:
            self._writing = None
            await writing


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
