"""Blocking calls in daemon threads.

asyncio's own executor joins its threads at exit, so a provider that hangs would hold the process;
a daemon thread is left behind (`docs/measurements.md`, "cancel"). Threads that have finished serve
again: starting one waits for the new thread to run, which costs milliseconds on a busy machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[..., T], *args: Any) -> T:
    """Await `function(*args)` run in a daemon thread. Cancelling abandons the call, which runs to its end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # None only beside an error
        else:
            future.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = function(*args)
        except BaseException as caught:  # handed to the awaiting side, whatever it is
            error = caught
            if isinstance(caught, StopIteration):  # a future cannot carry it
                error = RuntimeError("StopIteration")
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    _idle_worker().jobs.put(work)
    return await future


class _Worker(threading.Thread):
    """A daemon thread that does one job after another."""

    def __init__(self) -> None:
        super().__init__(name="coursewright-worker", daemon=True)
        self.jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            self.jobs.get()()
            _idle.append(self)


_idle: list[_Worker] = []
"""Workers without a job; as many as were ever busy at once."""
os.register_at_fork(after_in_child=_idle.clear)


def _idle_worker() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        worker = _Worker()
        worker.start()
        return worker
