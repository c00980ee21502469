"""A worker: takes deployed runs from Prefect and starts a process for each. Imports Prefect.

It is Prefect's own process worker. What is added: a name that no other living worker on this machine has, and that
runs which end with their worker are given back, to go on where they stopped: by itself when it starts again, or by
another worker when it has been silent for long, as with a machine that is gone.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import State, StateType, Worker
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectException
from prefect.settings import get_current_settings
from prefect.states import AwaitingRetry
from prefect.workers.process import ProcessWorker, ProcessWorkerResult

from coursewright.run.deployments import POOL, WORKER, ready_pool
from coursewright.run.outlasting import outlast

_MOST = 200
"""Prefect's largest page; no worker has so many at once."""
_GOODBYE_S = 10.0
"""For giving back: a server that is away is not waited for. Whatever is left is given back at the next start."""
_UNFINISHED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_SILENT = 6
"""Missed heartbeats after which a worker counts as gone. After an outage of Prefect's server, all are back sooner."""
_TURN = 2
"""Heartbeats that each of the living leaves to the one before."""


@contextmanager
def worker_name(folder: Path) -> Iterator[str]:
    """The first name of this machine that no living worker has, held while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        name = f"{socket.gethostname()}-{number}"
        handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            number += 1
            continue
        try:
            yield name
        finally:
            os.close(handle)
        return


class _Worker(ProcessWorker):
    """Looks for the next run as soon as one has ended, not only at the next poll."""

    _looks: ClassVar[set[asyncio.Task[None]]] = set()

    async def run(self, *args: Any, **options: Any) -> ProcessWorkerResult:
        try:
            return await super().run(*args, **options)
        finally:  # its place is free when this task begins
            look = asyncio.create_task(self._look())
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def _look(self) -> None:
        with suppress(httpx.HTTPError, PrefectException):  # the next poll tells
            if self.is_setup:
                await self.get_and_submit_flow_runs()


async def work(name: str, at_once: int) -> None:
    """Serve the pool until SIGINT or SIGTERM. Runs cut short, now or by an earlier kill, are given back."""
    outlast()
    async with get_client() as client:
        await ready_pool(client)
        await _give_back(client, {name})
        worker = asyncio.create_task(_Worker(POOL, name=name, limit=at_once).start())
        loop = asyncio.get_running_loop()

        def end() -> None:
            worker.cancel()
            loop.call_later(_GOODBYE_S, os._exit, 1)  # its runs end with it

        for wanted in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(wanted, end)
        standing_in = asyncio.create_task(_stand_in(client, name))
        try:
            await worker
        except asyncio.CancelledError:
            await _give_back(client, {name})
        finally:
            standing_in.cancel()


async def _stand_in(client: PrefectClient, name: str) -> None:
    """Now and then, give back what those have begun who are gone."""
    while True:
        await asyncio.sleep(_heartbeat_s())
        with suppress(httpx.HTTPError, PrefectException):
            if gone := _gone(await _all_workers(client), name):
                await _give_back(client, gone)


async def _all_workers(client: PrefectClient) -> list[Worker]:
    found: list[Worker] = []
    while page := await client.read_workers_for_work_pool(POOL, offset=len(found), limit=_MOST):
        found += page
    return found


def _gone(workers: list[Worker], name: str) -> set[str]:
    """Those who have been silent for long when this worker last said something. All times are the server's.

    The living wait one after the other, by name, so that no run is given back twice: a worker that does not look after
    others, such as Prefect's own, leaves it to the next.
    """
    heard = {each.name: each.last_heartbeat_time for each in workers if each.last_heartbeat_time is not None}
    if name not in heard:
        return set()
    beats = {each: (heard[name] - at).total_seconds() / _heartbeat_s() for each, at in heard.items()}
    living = sorted(each for each in beats if beats[each] < _SILENT)
    patience = _SILENT + _TURN * living.index(name)
    return {each for each in beats if beats[each] >= patience}


def _heartbeat_s() -> float:
    return get_current_settings().worker.heartbeat_seconds


async def _give_back(client: PrefectClient, names: set[str]) -> None:
    """Schedule again what these workers had begun; what was being cancelled is cancelled by the worker's end."""
    runs = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED))),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=_MOST,
    )
    for run in runs:
        if run.labels.get(WORKER) in names and run.state is not None:
            cancelling = run.state.type == StateType.CANCELLING
            state: State[None] = State(type=StateType.CANCELLED) if cancelling else AwaitingRetry()
            await client.set_flow_run_state(run.id, state, force=True)
