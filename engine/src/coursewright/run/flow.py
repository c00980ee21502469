"""The run as a Prefect flow: one async flow run, and one task run for each task.

Prefect records and shows; the order is the scheduler's, and reuse is the store's. This module and
`slots` are the ones that import Prefect, which costs two seconds: import them when a run is to be kept, not before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

import msgspec
from prefect import Flow, Task
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.worker import EventsWorker
from prefect.flow_engine import run_flow_async
from prefect.states import Completed, Failed

from coursewright.errors import CoursewrightError
from coursewright.plan import Step
from coursewright.run.execute import Execution
from coursewright.run.outcomes import Body, Outcome
from coursewright.run.report import RunReport, label_of
from coursewright.run.slots import prefect_slots

_STATE_NAMES = {
    "reused": "Cached",
    "skipped": "Skipped",
    "left_out": "LeftOut",
}

logging.getLogger("EventsWorker").setLevel(logging.CRITICAL)  # at exit it would count its queue on the terminal

RECORD_PATIENCE_S = 5.0
_SHOWN_CHARACTERS = 500


class NotRecorded(Exception):
    """Prefect did not accept the flow run, so nothing was begun. Its cause is what Prefect's client raised."""


_CANCELLED: State[Any] = State(type=StateType.CANCELLED, name="Cancelled")


async def run_in_flow(
    execution: Execution,
    inputs: dict[str, Any],
    on_start: Callable[[], None] = lambda: None,
    flow_run: FlowRun | None = None,
    *,
    on_end: Callable[[RunReport], None] = lambda _report: None,
) -> RunReport:
    """Run it inside a flow run: `flow_run`, or one of its own that shows `inputs` as parameters, references only.

    `on_start` is called in the flow run, whose own signal handlers are in place by then; `on_end` in a thread, before
    Prefect knows that the run is over, so that whoever learns of it finds all there is. Raises what the run
    raised, and NotRecorded when Prefect would not begin a flow run. Once begun, the run goes on without Prefect.
    """
    ended: list[RunReport | CoursewrightError] = []

    async def body(inputs: dict[str, Any]) -> State[Any]:
        on_start()
        try:
            async with prefect_slots(execution.limits) as slots:
                report = await execution.run(TaskRuns(), slots)
        except CoursewrightError as error:
            ended.append(error)
            return Failed(message=error.message)
        try:
            await asyncio.to_thread(on_end, report)
        except CoursewrightError as error:
            ended.append(error)
            return Failed(message=error.message)
        ended.append(report)
        return _flow_state(report)

    shown = {name: _shown(value) for name, value in inputs.items()}
    try:
        flow = _flow(execution, body)
        state: Any = await run_flow_async(flow, flow_run, {"inputs": shown}, return_type="state")
    except Exception as error:  # the client raises whatever its connection raised
        if not ended:
            raise NotRecorded from error
    else:
        if not ended:
            await state.aresult()  # a defect of ours: raises it
    (end,) = ended
    if isinstance(end, CoursewrightError):
        raise end
    return end


def all_recorded() -> bool:
    """Has all that there is to tell reached Prefect, within a few seconds? To be asked before the process exits.

    At exit Prefect's client tries 7 s for each event, however many there are, when its server is gone.
    """
    waiting = cast(Any, EventsWorker.drain_all(timeout=RECORD_PATIENCE_S))
    return not waiting.not_done


def _shown(value: Any) -> Any:
    """A parameter for people to read: Prefect refuses parameters of more than half a megabyte in all."""
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return value[:_SHOWN_CHARACTERS] + "…"
    return msgspec.to_builtins(value)


def _flow(execution: Execution, body: Any) -> Any:
    plan = execution.plan
    return Flow(
        body,
        name=plan.name,
        description=plan.description or None,
        validate_parameters=False,
        persist_result=False,
        log_prints=False,
    )


def _flow_state(report: RunReport) -> State[Any]:
    if report.state == "completed":
        return Completed(message=f"{len(report.items)} tasks")
    if report.state == "cancelled":
        return _CANCELLED
    return Failed(message="; ".join(f"{failure.label}: {failure.cause.message}" for failure in report.failures))


class TaskRuns:
    """A scheduler's Runner that makes each task a Prefect task run with a readable name."""

    async def __call__(self, step: Step, item: str, body: Body) -> Outcome:
        outcomes: list[Outcome] = []

        async def run(label: str) -> State[Any]:
            try:
                outcome = await body()
            except asyncio.CancelledError:
                return _CANCELLED  # Prefect would record a crash
            outcomes.append(outcome)
            return _task_state(outcome)

        await self._task(step, run)(label_of(step.name, item), return_state=True)
        if not outcomes:
            raise asyncio.CancelledError
        return outcomes[0]

    @staticmethod
    def _task(step: Step, run: Any) -> Task[..., Any]:
        return Task(run, name=step.name, task_run_name="{label}", persist_result=False, retries=0)


def _task_state(outcome: Outcome) -> State[Any]:
    if outcome.state in ("failed", "blocked"):
        return Failed(message=outcome.state)
    return Completed(name=_STATE_NAMES.get(outcome.state, "Completed"))
