"""Blocking calls in daemon threads.

asyncio's own executor joins its threads at exit, so a provider that hangs would hold the process;
a daemon thread is left behind (`docs/measurements.md`, "cancel").
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[..., T], *args: Any, name: str = "provider") -> T:
    """Await `function(*args)` run in a daemon thread of its own. Cancelling abandons the thread."""
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

    threading.Thread(target=work, name=name, daemon=True).start()
    return await future
