"""One run from plan to report, with or without a flow run around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from coursewright.capabilities.llm import Script
from coursewright.catalog import Catalog
from coursewright.plan import Plan
from coursewright.run.gates import Slots
from coursewright.run.journal import Journal
from coursewright.run.keys import artifacts_in, lengths_in
from coursewright.run.outcomes import Runner, Selection, run_directly
from coursewright.run.progress import Progress
from coursewright.run.report import Event, RunReport
from coursewright.run.scheduler import Scheduler
from coursewright.run.serving import Serving
from coursewright.settings import Limit, Settings
from coursewright.store.contract import Store

Observer = Callable[[Event], None]
T = TypeVar("T")


class Execution:
    """A run that can be followed and cancelled."""

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        *,
        catalog: Catalog,
        store: Store,
        settings: Settings,
        observer: Observer = lambda _event: None,
        selection: Selection | None = None,
        no_cache: bool = False,
        job: str = "",
    ) -> None:
        self.plan = plan
        self._inputs = dict(inputs)
        self._catalog = catalog
        self._store = store
        self._settings = settings
        self._observer = observer
        self._selection = selection or Selection()
        self._no_cache = no_cache
        self._job = job
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    @property
    def limits(self) -> Mapping[str, Limit]:
        """What the operator allows of providers, by id, that this plan may ask."""
        asked = {provider_id for step in self.plan.steps for provider_id in step.providers}
        return {provider_id: limit for provider_id, limit in self._settings.limits.items() if provider_id in asked}

    async def run(self, runner: Runner = run_directly, slots: Slots | None = None) -> RunReport:
        """Run to the end. A failure or a cancel is told in the report, not raised.

        `slots` are the places at limited providers that this run shares with others.
        """
        started = time.monotonic()
        journal = Journal(self._store, self.plan, self._inputs, resume=not self._no_cache, job=self._job)
        progress = Progress(self.plan, lambda step: scheduler.labels_of(step), self._observer)
        serving = Serving(
            catalog=self._catalog,
            store=self._store,
            settings=self._settings,
            journal=journal,
            emit=progress,
            no_cache=self._no_cache,
            slots=slots,
        )
        scheduler = Scheduler(self.plan, self._inputs, serving, emit=progress, selection=self._selection, runner=runner)
        outputs: dict[str, Any] = {}
        self._task = asyncio.create_task(scheduler.run())
        try:
            if self._cancelled:
                self._task.cancel()
            outputs = await self._task
        except asyncio.CancelledError:
            if not self._cancelled:  # the task around us was cancelled
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
                raise
        finally:
            await asyncio.to_thread(serving.close)
        failures = _in_order(scheduler, self.plan, scheduler.failures)
        required = [failure for failure in failures if not failure.optional]
        state: Literal["completed", "failed", "cancelled"] = (
            "cancelled" if self._cancelled else "failed" if required else "completed"
        )
        if state == "completed" and self._selection.whole:
            journal.close()
        return RunReport(
            pipeline=self.plan.name,
            state=state,
            items=_in_order(scheduler, self.plan, scheduler.reports),
            failures=failures,
            outputs=outputs,
            scripts={name: value for name, value in scheduler.values().items() if isinstance(value, Script)},
            lengths_s=_lengths_s(scheduler.values(), outputs),
            seconds=time.monotonic() - started,
        )

    def cancel(self) -> None:
        """Stop within seconds; what is finished stays reusable. Call it from the run's own loop."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()


def _lengths_s(values: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, float]:
    """A package names the film that another step has made, whose result tells its length."""
    kept = {artifact.digest for artifact in artifacts_in(dict(outputs))}
    return {digest: length_s for digest, length_s in lengths_in(list(values.values())) if digest in kept}


def _in_order(scheduler: Scheduler, plan: Plan, told: Mapping[tuple[str, str], T]) -> tuple[T, ...]:
    """What is told of tasks, by step and item, in the order of the plan and of each step's items."""
    tasks = [(step.name, item) for step in plan.steps for item in ("", *scheduler.labels_of(step.name))]
    return tuple(told[task] for task in dict.fromkeys(tasks) if task in told)


async def rehearse(
    plan: Plan,
    inputs: Mapping[str, Any],
    *,
    catalog: Catalog,
    store: Store,
    settings: Settings,
    selection: Selection | None = None,
    job: str = "",
) -> RunReport:
    """The report of a run that makes nothing: what is finished is `reused`, what would be made is `left_out`."""
    execution = Execution(
        plan,
        inputs,
        catalog=catalog,
        store=store,
        settings=settings,
        selection=msgspec.structs.replace(selection or Selection(), compute=False),
        job=job,
    )
    return await execution.run()


async def replay(
    plan: Plan,
    inputs: Mapping[str, Any],
    *,
    catalog: Catalog,
    store: Store,
    settings: Settings,
    selection: Selection | None = None,
) -> RunReport | None:
    """The report of a run for which everything is finished already, else None. Makes nothing."""
    asked = selection or Selection()
    if asked.force:
        return None
    report = await rehearse(plan, inputs, catalog=catalog, store=store, settings=settings, selection=asked)
    complete = report.state == "completed" and not any(
        item.state in ("left_out", "failed", "blocked") for item in report.items
    )
    return report if complete else None
