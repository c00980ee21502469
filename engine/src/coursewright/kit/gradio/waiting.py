"""Waiting for a library that cannot be interrupted."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from coursewright.providers import Context

T = TypeVar("T")

LOOK_S = 0.05
"""How often a wait looks whether it has been cancelled."""


def patiently(
    work: Callable[[], T], *, context: Context | None, stop: Callable[[], None], patience_s: float = math.inf
) -> T:
    """`work()` in a thread that nobody has to wait for.

    When the context is cancelled, its deadline passes or `patience_s` is over, `stop()` is called and `Cancelled`,
    `TimedOut` or the built-in TimeoutError raised; the thread may go on a little.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # raised again in the thread that waits
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=run, daemon=True, name="coursewright-gradio").start()
    ends = time.monotonic() + patience_s
    while not done.wait(LOOK_S):
        if context is not None and context.cancelled:
            stop()
            context.raise_if_cancelled()
        if time.monotonic() > ends:
            stop()
            raise TimeoutError(f"no answer within {patience_s:g} s")
    if errors:
        raise errors[0]
    return results[0]
