"""A bounded number of calls to one server at once, while what has come back is decoded and aligned meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from coursewright.providers import Context

_POLL_S = 0.1

_lock = threading.Lock()
_turns: dict[tuple[str, int], threading.Semaphore] = {}


@contextlib.contextmanager
def turn(url: str, at_once: int, context: Context) -> Iterator[None]:
    """Wait until fewer than `at_once` calls of this process are under way there. Raises when the run is cancelled."""
    with _lock:
        free = _turns.setdefault((url, at_once), threading.Semaphore(at_once))
    while not free.acquire(timeout=_POLL_S):
        context.raise_if_cancelled()
    try:
        yield
    finally:
        free.release()
