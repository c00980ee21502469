"""What uploaded bytes are, found out by decoding them in a process of their own with bounded time and memory.

A decoder that is broken into has then a process without our secrets, for one file; one that eats memory or time is
ended alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import resource
import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import msgspec
from coursewright.errors import InputError
from pebble import ProcessExpired, ProcessPool

from coursewright_api.assets.structs import UploadType

TIMEOUT_S = 60.0
"""The largest picture takes 10 s on a slow machine, ten minutes of speech 5 s."""
MEMORY_BYTES = 1_500_000_000
"""What a decoder may take beyond what its process has when it begins."""
_FILE_BYTES = 1 << 30
_CHECKERS = ("pictures", "sounds", "papers")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A file to look at. What is made of it is written into `folder`."""

    type: UploadType
    source: Path
    folder: Path
    name: str
    max_s: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a file turned out to be. `path` is what to keep: the file itself, or a clean copy of what it shows."""

    path: Path
    media_type: str
    suffix: str
    width_px: int | None = None
    height_px: int | None = None
    duration_s: float | None = None
    preview: Path | None = None
    preview_type: str = ""
    notes: tuple[str, ...] = ()


def refused(message: str, remedy: str) -> InputError:
    """The error for a file that is not kept. Both sentences are for its owner."""
    return InputError(message, field="file", remedy=remedy)


class Inspector:
    """Looks into files, some at once. Processes start when they are needed, and each serves one file."""

    def __init__(self, workers: int = 2) -> None:
        self._workers = workers
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()
        self._looking: set[asyncio.Future[Found]] = set()

    async def inspect(self, task: Task, *, timeout_s: float = TIMEOUT_S) -> Found:
        """What the file is. Raises InputError saying why it is not kept."""
        try:
            pool = self._started()
            try:
                return await self._looked(pool, task, timeout_s)
            except BrokenProcessPool:
                if self._pool is None:
                    raise asyncio.CancelledError from None  # closed: nobody waits for an answer any more
            return await self._looked(self._started(), task, timeout_s)  # it broke, by no fault of this file
        except TimeoutError:
            raise refused(f"it takes more than {timeout_s:g} s to read", "make it smaller or simpler") from None
        except BrokenProcessPool:
            from coursewright_api.problems import ApiError  # brings Litestar, which the workers do without

            raise ApiError(503, "busy", "the file could not be looked at now", remedy="send it again") from None
        except (ProcessExpired, MemoryError):
            raise refused("it cannot be read: reading it takes too much memory, or breaks", "save it anew") from None

    async def _looked(self, pool: ProcessPool, task: Task, timeout_s: float) -> Found:
        looking: asyncio.Future[Found] = asyncio.wrap_future(pool.schedule(look, args=(task,), timeout=timeout_s))
        self._looking.add(looking)
        try:
            return await looking
        finally:
            self._looking.discard(looking)

    def close(self) -> None:
        """End what still runs, and cancel who waits for it. May be called twice; the next file starts anew."""
        for looking in tuple(self._looking):  # the pool itself forgets what it had not begun
            looking.cancel()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
            pool.join()

    def _started(self) -> ProcessPool:
        with self._lock:
            if self._pool is None or not self._pool.active:  # the pool itself may break as well
                # A server that has imported the decoders, and forks in 10 ms what would take a second to start.
                context = multiprocessing.get_context("forkserver")
                context.set_forkserver_preload([f"coursewright_api.assets.{name}" for name in _CHECKERS])
                self._pool = ProcessPool(max_workers=self._workers, max_tasks=1, context=context, initializer=_confine)
            return self._pool


def look(task: Task) -> Found:
    """In a worker: look at the file. Raises InputError."""
    if not task.source.stat().st_size:
        raise refused("the file is empty", "choose the file that was meant")
    try:
        return _look(task)
    except (InputError, MemoryError):
        raise
    except Exception:  # decoders raise anything at all for damaged bytes
        raise refused("the file is damaged", "save it anew where it was made") from None


def _look(task: Task) -> Found:
    from coursewright_api.assets import papers, pictures, sounds

    match task.type:
        case UploadType.portrait:
            return pictures.inspect(task)
        case UploadType.voice_sample:
            return sounds.inspect(task)
        case UploadType.script:
            return papers.inspect_script(task)
        case UploadType.slide_theme:
            return papers.inspect_theme(task)
        case UploadType.document:
            return papers.inspect_document(task)


def _confine() -> None:
    """In a worker, before it reads anything: forget secrets, bound memory and files, leave when the service does."""
    for name in [name for name in os.environ if name.startswith("COURSEWRIGHT_") or "SECRET" in name]:
        del os.environ[name]
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    _limit(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    statm = Path("/proc/self/statm")
    if statm.exists():
        _limit(resource.RLIMIT_AS, int(statm.read_text("ascii").split()[0]) * resource.getpagesize() + MEMORY_BYTES)


def _limit(which: int, most: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # an operator's own limit is lower
        resource.setrlimit(which, (most, most))
