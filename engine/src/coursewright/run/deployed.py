"""One run of a deployed pipeline, in a process that a worker has started. Imports Prefect."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import msgspec
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectException
from prefect.states import Failed

from coursewright.catalog import installed
from coursewright.errors import CoursewrightError
from coursewright.run.bundles import INPUTS, RESULTS, load
from coursewright.run.deployments import WORKER
from coursewright.run.endings import keep_ending
from coursewright.run.execute import Execution
from coursewright.run.flow import run_in_flow
from coursewright.run.inputs import read_inputs
from coursewright.run.outlasting import outlast
from coursewright.run.outputs import OutputFolder
from coursewright.run.parts import Part
from coursewright.run.report import RunReport
from coursewright.run.telling import Telling
from coursewright.settings import Settings, settings_from
from coursewright.store import open_store
from coursewright.store.contract import Store

_WATCH_S = 0.2
_LOOK_S = 3.0
"""Between two looks whether somebody wants the run to be cancelled."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker was told on the command line."""

    pipeline: str
    """The bundle's reference."""
    part: Part = Part()
    providers: Mapping[str, str] = {}
    """Chosen for this run, by capability or step."""
    job: str = ""
    """The service's job that the run is an attempt of. Without one, started in Prefect's pages, it leaves its results
    in a folder below `data_dir` as well."""


def main(wanted: Wanted) -> int:
    """Run the flow run that the worker's environment names. Its outcome is told to Prefect, not by the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the worker, which gives the run back
    _end_with_the_worker()
    outlast()
    return asyncio.run(_run(UUID(os.environ["PREFECT__FLOW_RUN_ID"]), wanted))


async def _run(flow_run_id: UUID, wanted: Wanted) -> int:
    settings = settings_from(os.environ)
    store = open_store(settings, patient=True)
    async with get_client() as client:
        flow_run = await client.read_flow_run(flow_run_id)
    try:
        execution, values = _prepared(settings, store, wanted, flow_run)
    except CoursewrightError as error:
        async with get_client() as client:
            await client.set_flow_run_state(flow_run_id, Failed(message=str(error)), force=True)
        return 0

    def keep(report: RunReport) -> None:
        keep_ending(store, flow_run_id, report)
        if not wanted.job:
            _deliver(report, settings, store, flow_run)

    looking = asyncio.create_task(_look(execution, flow_run))
    try:
        await run_in_flow(execution, values, lambda: _cancel_when_told(execution), flow_run, on_end=keep)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    return 0


def _end_with_the_worker() -> None:
    """A worker that was killed gives its runs back when it starts again: they must not go on here as well."""
    worker = os.getppid()

    def watch() -> None:
        while os.getppid() == worker:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _prepared(settings: Settings, store: Store, wanted: Wanted, flow_run: FlowRun) -> tuple[Execution, dict[str, Any]]:
    catalog = installed()
    plan = load(wanted.pipeline, store).plan(catalog, preferred=settings.providers, overrides=wanted.providers)
    given = {name: _text(value) for name, value in flow_run.parameters.items() if value is not None}
    values = read_inputs(plan, given, store, root=settings.data_dir / INPUTS)
    execution = Execution(
        plan,
        values,
        catalog=catalog,
        store=store,
        settings=settings,
        observer=Telling(flow_run.id),
        selection=wanted.part.selection(plan, store),
        no_cache=wanted.part.anew,
        job=wanted.job,
    )
    return execution, values


def _text(value: Any) -> str:
    """A parameter as it would be written on a command line."""
    return value if isinstance(value, str) else json.dumps(value)


def _cancel_when_told(execution: Execution) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, execution.cancel)


async def _look(execution: Execution, flow_run: FlowRun) -> None:
    """Cancel when somebody wants that: the worker's signal does not come when Prefect's server was away for long.

    End when the run was given to another worker meanwhile, as happens when this machine was cut off for minutes.
    """
    async with get_client() as client:
        while True:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(httpx.HTTPError, PrefectException):
                seen = await client.read_flow_run(flow_run.id)
                if seen.state is not None and seen.state.is_cancelling():
                    execution.cancel()
                if seen.labels.get(WORKER) != flow_run.labels.get(WORKER) or _given_back(seen):
                    os._exit(0)  # any other code would be told to Prefect as the run's end


def _given_back(flow_run: FlowRun) -> bool:
    return flow_run.state is not None and flow_run.state.is_scheduled()


def _deliver(report: RunReport, settings: Settings, store: Store, flow_run: FlowRun) -> None:
    """Write what was made, also of a run that failed: some outputs may be there."""
    folder = OutputFolder(settings.data_dir / RESULTS / f"{flow_run.name}-{str(flow_run.id)[:8]}", force=True)
    folder.write(report, store)
