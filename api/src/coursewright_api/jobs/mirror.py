"""The mirror: what Prefect says of jobs, in our tables. One process of the service is its keeper at a time.

Events are hints that arrive within milliseconds; some are lost with a connection, so whatever counts is read by REST:
at every (re)connect, now and then, and at the end of a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from coursewright.errors import CoursewrightError
from coursewright.run.endings import read_ending
from coursewright.store.contract import Store

from coursewright_api.assets.records import Assets
from coursewright_api.database import Database, is_unreachable
from coursewright_api.database.columns import now
from coursewright_api.database.states import ACTIVE, JobState, PipelineOrigin
from coursewright_api.database.tables import Job, PipelineVersion
from coursewright_api.jobs.adoption import Adoption
from coursewright_api.jobs.hub import Hub
from coursewright_api.jobs.leading import leadership
from coursewright_api.jobs.link import PrefectLink
from coursewright_api.jobs.live import LiveJob
from coursewright_api.jobs.rows import live_jobs, save
from coursewright_api.jobs.submission import Submitter
from coursewright_api.threads import Threads

if TYPE_CHECKING:
    from coursewright.run.orchestrated import Run, Told
    from coursewright.run.orchestration import Orchestration

log = logging.getLogger(__name__)

RECONCILE_S = 20.0
"""Between two looks at everything that is unfinished."""
SUBMIT_S = 3.0
"""After so long without a flow run a job was forgotten by the process that took it."""
_AGAIN_S, _LONGEST_PAUSE_S = 0.5, 8.0
_BACK = timedelta(hours=24)
"""Runs from Prefect's pages that were due so long ago, while no mirror was there, still become jobs."""


class Mirror:
    """Keeps `job`, `job_step` and `job_event` as Prefect has it."""

    def __init__(
        self,
        database: Database,
        store: Store,
        assets: Assets,
        link: PrefectLink,
        submitter: Submitter,
        hub: Hub,
        adoption: Adoption,
        in_thread: Threads,
    ) -> None:
        self._database = database
        self._store = store
        self._assets = assets
        self._link = link
        self._submitter = submitter
        self._hub = hub
        self._adoption = adoption
        self._in_thread = in_thread
        self._live: dict[UUID, LiveJob] = {}
        """By flow run."""
        self._late: set[UUID] = set()
        """Flow runs that are over, and whose results cannot be read while the store is away."""
        self._unfit: set[UUID] = set()
        """Flow runs of jobs that could not be mirrored."""
        self.leads = False

    async def keep(self) -> None:
        """Mirror for ever, whenever no other process does. Cancel it to stop."""
        prefect = await self._link.wait()
        told, pause_s = "", _AGAIN_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                async with leadership(self._database, "mirror"):
                    self.leads = True
                    await self._lead(prefect)
            except Exception as error:
                expected = isinstance(error, CoursewrightError) or is_unreachable(error)
                if (text := f"{type(error).__name__}: {error}") != told:  # a fault that stays is told once
                    log.warning("the mirror begins again: %s", text, exc_info=not expected)
                told = text
            finally:
                self.leads = False
                self._live.clear()
                self._late.clear()
            lasted = asyncio.get_running_loop().time() - began > _LONGEST_PAUSE_S
            pause_s = _AGAIN_S if lasted else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _lead(self, prefect: Orchestration) -> None:
        await prefect.prepare()
        await self._deploy()
        self._adoption.foreign.clear()
        told: asyncio.Queue[Told | None] = asyncio.Queue()
        async with prefect.following() as events:
            hearing = asyncio.create_task(_hear(events, told))
            try:
                await self._reconcile(prefect, catch_up=True)
                await self._follow(prefect, told)
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    async def _deploy(self) -> None:
        """Register every current version: Prefect's database may be another one than the last time."""
        for row in await PipelineVersion.select().where(PipelineVersion.current == True):  # noqa: E712  # SQL
            try:
                await self._submitter.deploy(row)
            except CoursewrightError as error:
                log.warning("the pipeline '%s' is not in Prefect's pages: %s", row["name"], error)

    async def _retire(self, prefect: Orchestration) -> None:
        """Take deleted pipelines out of Prefect's pages, once none of their jobs waits: those would go with them.

        What was deployed from elsewhere stays, whoever did that.
        """
        current = PipelineVersion.select(PipelineVersion.name).where(PipelineVersion.current == True)  # noqa: E712  # SQL
        foreign = PipelineVersion.select(PipelineVersion.name).where(
            PipelineVersion.origin == PipelineOrigin.prefect.value
        )
        busy = Job.select(Job.pipeline).where(Job.state.is_in(ACTIVE))
        for row in await PipelineVersion.select(PipelineVersion.id, PipelineVersion.deployment).where(
            PipelineVersion.deployment.is_not_null(),
            PipelineVersion.name.not_in(current),
            PipelineVersion.name.not_in(foreign),
            PipelineVersion.name.not_in(busy),
        ):
            await prefect.undeploy(row["deployment"])
            await PipelineVersion.update({PipelineVersion.deployment: None}).where(PipelineVersion.id == row["id"])

    async def _follow(self, prefect: Orchestration, told: asyncio.Queue[Told | None]) -> None:
        loop = asyncio.get_running_loop()
        next_look, next_submission = loop.time() + RECONCILE_S, loop.time() + SUBMIT_S
        while True:
            batch: list[Told] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(next_look, next_submission) - loop.time())):
                    first = await told.get()
                # What has come while the last batch was written is one batch: a busy mirror writes less often.
                for each in [first, *(told.get_nowait() for _ in range(told.qsize()))]:
                    if each is None:
                        return
                    batch.append(each)
            if batch:
                await self._take(prefect, batch)
            if loop.time() >= next_submission:
                await self._ask_again()
                await self._settle_late(prefect)
                await self._retire(prefect)
                next_submission = loop.time() + SUBMIT_S
            if loop.time() >= next_look:
                await self._reconcile(prefect)
                next_look = loop.time() + RECONCILE_S

    # What is told

    async def _take(self, prefect: Orchestration, batch: Sequence[Told]) -> None:
        unread = {each.flow_run for each in batch if each.event is None}
        unread |= {each.flow_run for each in batch if each.flow_run not in self._live}
        unread -= self._adoption.foreign | self._unfit
        runs = {run.id: run for run in await prefect.runs(sorted(unread, key=str))} if unread else {}
        await self._know(prefect, runs.values())
        touched: dict[UUID, LiveJob] = {}
        for each in batch:
            if each.event is not None and (live := self._live.get(each.flow_run)) is not None:
                with self._apart(live):
                    live.tell(each.event, each.at, each.task_run)
                    touched[live.id] = live
        for run in runs.values():
            if (live := self._live.get(run.id)) is not None and await self._settle(live, run):
                touched[live.id] = live
        await self._save(touched.values())

    async def _know(self, prefect: Orchestration, runs: Iterable[Run]) -> None:
        """Have the jobs of these runs in memory; those that are not jobs yet, and may be, become jobs."""
        known = self._live.keys() | self._adoption.foreign
        if unknown := [run for run in runs if run.id not in known]:
            jobs = await self._adoption.jobs_of(prefect, unknown)
            for live in await live_jobs(list(jobs.values())):
                self._live[live.flow_run] = live

    async def _settle(self, live: LiveJob, run: Run) -> bool:
        """Give it the state that Prefect has. False when its results cannot be read now: it is looked at again."""
        over = JobState(run.state).over
        try:
            ending = await self._in_thread(read_ending, self._store, run.id) if over else None
        except CoursewrightError as error:
            if not self._late:  # a fault that stays is told once
                log.warning("results cannot be read now: %s", error)
            self._late.add(run.id)
            return False
        with self._apart(live):
            live.settle(JobState(run.state), run.message, at=run.at, started_at=run.started_at, ending=ending)
        return True

    async def _settle_late(self, prefect: Orchestration) -> None:
        """Those whose results could not be read."""
        touched = []
        for run in await prefect.runs(sorted(self._late, key=str)) if self._late else []:
            live = self._live.get(run.id)
            if live is None or await self._settle(live, run):
                self._late.discard(run.id)
                touched += [live] if live is not None else []
        await self._save(touched)

    @contextlib.contextmanager
    def _apart(self, live: LiveJob) -> Iterator[None]:
        """One that cannot be mirrored must not keep others from it. It is tried again when everything is read."""
        try:
            yield
        except Exception as error:
            if is_unreachable(error):
                raise
            log.exception("the job %s cannot be mirrored", live.id)
            self._live.pop(live.flow_run, None)
            self._unfit.add(live.flow_run)

    async def _save(self, jobs: Iterable[LiveJob]) -> None:
        changed = [live for live in jobs if live.changed or any(step.changed for step in live.steps.values())]
        if not changed:
            return
        try:
            gone = await save(self._database, self._assets, changed)
        except Exception as error:
            if is_unreachable(error):
                raise
            gone = set()
            for live in changed:
                with self._apart(live):
                    gone |= await save(self._database, self._assets, [live])
        self._hub.wake()
        for live in changed:
            if live.state.over or live.id in gone:
                self._live.pop(live.flow_run, None)

    # What is read

    async def _reconcile(self, prefect: Orchestration, *, catch_up: bool = False) -> None:
        """Read everything that is unfinished, there or here."""
        self._unfit.clear()
        rows = await Job.select(Job.id, Job.flow_run).where(Job.state.is_in(ACTIVE), Job.flow_run.is_not_null())
        ours = [row["flow_run"] for row in rows]
        runs = {run.id: run for run in await prefect.runs(ours)}
        since = now() - _BACK if catch_up else now() - timedelta(seconds=3 * RECONCILE_S)
        async for page in prefect.recent(since):
            runs |= {run.id: run for run in page}
        await self._know(prefect, runs.values())
        touched = []
        for run in runs.values():
            if (live := self._live.get(run.id)) is not None:
                if catch_up and run.state == "running":
                    await self._catch_up(prefect, live)
                if await self._settle(live, run):
                    touched.append(live)
        for lost in set(ours) - runs.keys():
            if live := next(iter(await live_jobs([row["id"] for row in rows if row["flow_run"] == lost])), None):
                live.settle(JobState.cancelled, "deleted in Prefect", at=now(), started_at=None)
                touched.append(live)
        await self._save(touched)
        await self._ask_again()

    async def _catch_up(self, prefect: Orchestration, live: LiveJob) -> None:
        for task in await prefect.tasks(live.flow_run):
            with self._apart(live):
                live.catch_up(task.label, task.state, task.message, task.started_at, task.ended_at, task.id)

    async def _ask_again(self) -> None:
        """Submit what nobody has submitted, and cancel what nobody has cancelled."""
        long_ago = now() - timedelta(seconds=SUBMIT_S)
        unsubmitted = Job.flow_run.is_null() & (Job.updated_at < long_ago)
        stuck = unsubmitted | (Job.cancel_requested_at < long_ago)
        for row in await Job.select(Job.id).where(Job.state.is_in(ACTIVE), stuck).order_by(Job.created_at):
            self._submitter.ask(row["id"])


async def _hear(events: Any, told: asyncio.Queue[Told | None]) -> None:
    """Take events from the connection as they come; None when it has ended."""
    try:
        async for each in events:
            told.put_nowait(each)
    except Exception as error:
        log.warning("Prefect's events stopped: %s", type(error).__name__)
    finally:
        told.put_nowait(None)
