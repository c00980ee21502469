"""Blocking calls beside the event loop: to the store, to files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

AT_ONCE = 16
"""More threads would only wait for the same disk or the same S3 server."""

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs blocking calls in threads, some at once; the others wait for their turn."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> T:
        return await anyio.to_thread.run_sync(functools.partial(function, *args, **options), limiter=self._limiter)
