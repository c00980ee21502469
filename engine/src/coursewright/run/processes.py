"""Worker processes for work that keeps a core busy, so that cancel and timeouts hold.

Pebble's pool, because the standard library's cannot kill one worker; `spawn`, because the engine has threads.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent import futures
from multiprocessing.connection import wait
from typing import Any, TypeVar

from pebble import ProcessPool

from coursewright.errors import ProviderBug

T = TypeVar("T")

_POLL_S = 0.05
"""How often a waiting thread looks for a cancel; a killed worker is gone within a tenth of a second."""


class Processes:
    """A lazily started pool of `workers` processes."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()

    def run(self, function: Callable[..., T], args: tuple[Any, ...], check: Callable[[], None]) -> T:
        """Run in a worker and wait. `check` raises to give up: the worker is then killed.

        Raises what `function` raised, and `ProviderBug` when the worker died (killed, out of memory).
        """
        from pebble import ProcessExpired

        future = self._started().schedule(function, args=args)
        try:
            while True:
                check()
                if futures.wait([future], _POLL_S).done:
                    result: T = future.result()
                    return result
        except ProcessExpired as error:
            raise ProviderBug(
                "a worker process died", remedy="run again; close other programs if memory is short", detail=str(error)
            ) from error
        finally:
            if not future.done():
                future.cancel()

    def close(self) -> None:
        """Kill what still runs and end the workers. May be called twice."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
            pool.join()

    def _started(self) -> ProcessPool:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPool(
                    max_workers=self._workers,
                    context=multiprocessing.get_context("spawn"),
                    initializer=_begin,
                )
            return self._pool


def _begin() -> None:
    """In a worker: tell nobody what runs here, and leave when the run is killed, instead of working on for nobody."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reports each start, whichever plugin's library loads it
    run = multiprocessing.parent_process()

    def watch() -> None:
        if run is not None:
            wait([run.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
