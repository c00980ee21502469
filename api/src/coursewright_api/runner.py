"""The worker that runs jobs beside the service: started, watched, started again, and gone with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
"""A worker gives its runs back within two seconds; one that hangs is killed."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_LASTED_S = 60.0
"""A worker that has lived so long had begun well."""


@contextlib.asynccontextmanager
async def worker_beside(at_once: int, ready: asyncio.Event) -> AsyncIterator[None]:
    """Have a worker as long as the block runs, from when `ready` is set."""
    watching = asyncio.create_task(_watch(at_once, ready))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(at_once: int, ready: asyncio.Event) -> None:
    await ready.wait()
    loop, pause_s = asyncio.get_running_loop(), _FIRST_PAUSE_S
    while True:
        began = loop.time()
        code = await _run(at_once)
        pause_s = _FIRST_PAUSE_S if loop.time() - began > _LASTED_S else min(2 * pause_s, _LONGEST_PAUSE_S)
        log.error("the worker ended with code %s; another is started in %.0f s", code, pause_s)
        await asyncio.sleep(pause_s)


async def _run(at_once: int) -> int:
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "coursewright", "worker", "--with-parent", "--at-once", str(at_once)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the service, which tells the worker
    )
    try:
        return await worker.wait()
    finally:
        if worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()
            try:
                await asyncio.wait_for(worker.wait(), _PATIENCE_S)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGKILL)
                await worker.wait()
