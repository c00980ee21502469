"""Jobs become Prefect's flow runs: each attempt one, however often it is tried."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from coursewright.errors import CoursewrightError
from coursewright.run.endings import forget_ending
from coursewright.run.parts import Part
from coursewright.run.references import artifact_of
from coursewright.store.contract import Store

from coursewright_api.database import Database, is_unreachable
from coursewright_api.database.columns import now
from coursewright_api.database.states import JobState
from coursewright_api.database.tables import Job, PipelineVersion
from coursewright_api.jobs.events import LOCK, of_job, write
from coursewright_api.jobs.hub import Hub
from coursewright_api.jobs.link import PrefectLink
from coursewright_api.pipelines.library import Pipelines
from coursewright_api.problems import ApiError
from coursewright_api.threads import Threads

if TYPE_CHECKING:
    from coursewright.run.orchestrated import Submission
    from coursewright.run.orchestration import Orchestration

log = logging.getLogger(__name__)
AT_ONCE = 8
"""Prefect's server on SQLite takes 146 ms for a submission alone and 81 ms with eight in flight."""


def key_of(job: UUID, attempt: int) -> str:
    """The idempotency key of an attempt's flow run."""
    return f"job {job} {attempt}"


def job_of(key: str) -> tuple[UUID, int] | None:
    """The job and attempt that a flow run's idempotency key names; None for a run that is not ours."""
    with contextlib.suppress(ValueError):
        word, job, attempt = key.split(" ")
        if word == "job":
            return UUID(job), int(attempt)
    return None


class Submitter:
    """Submits jobs beside the requests that made them. What fails or is lost, the mirror finds and asks for again."""

    def __init__(
        self, database: Database, store: Store, hub: Hub, link: PrefectLink, pipelines: Pipelines, in_thread: Threads
    ) -> None:
        self._database = database
        self._store = store
        self._in_thread = in_thread
        self._tasks: set[asyncio.Task[None]] = set()
        self._hub = hub
        self._link = link
        self._pipelines = pipelines
        self._queue: asyncio.Queue[UUID] = asyncio.Queue()
        self._asked: set[UUID] = set()
        self._deploying = asyncio.Lock()

    def ask(self, job: UUID) -> None:
        """Let a committed job be submitted, or a submitted one be cancelled if somebody wants that."""
        if job not in self._asked:
            self._asked.add(job)
            self._queue.put_nowait(job)

    def move(self, job: UUID) -> None:
        """Let a waiting job's run change to the queue of its priority."""
        self._later(self._move(job))

    def deploy_later(self, row: dict[str, Any]) -> None:
        """Let a version that has become current be what Prefect's pages show."""
        self._later(self._deploy(row))

    def forget(self, flow_run: UUID) -> None:
        """Let what is kept of a deleted job's run go."""
        self._later(self._forget(flow_run))

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Submit while the service runs."""
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]
        try:
            yield
        finally:
            tasks += self._tasks
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_tried(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deploy(self, row: dict[str, Any]) -> None:
        await self.deploy(row)

    async def _move(self, job: UUID) -> None:
        row = await Job.select(Job.flow_run, Job.priority, Job.state).where(Job.id == job).first()
        if row is not None and row["flow_run"] is not None and row["state"] == JobState.pending.value:
            await (await self._link.wait()).move(row["flow_run"], row["priority"])

    async def _forget(self, flow_run: UUID) -> None:
        await self._in_thread(forget_ending, self._store, flow_run)
        await (await self._link.wait()).forget(flow_run)

    async def deploy(self, row: dict[str, Any]) -> UUID:
        """Register a version of a pipeline with Prefect; the deployment's id."""
        artifact = artifact_of(row["bundle"])
        assert artifact is not None  # noqa: S101  # written by the library
        plan = await self._pipelines.plan_of(row)
        deployment = await (await self._link.wait()).deploy(plan, artifact)
        await PipelineVersion.update({PipelineVersion.deployment: deployment}).where(PipelineVersion.id == row["id"])
        return deployment

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            self._asked.discard(job)
            await _tried(self._submit(job))

    async def _submit(self, job: UUID) -> None:
        prefect = await self._link.wait()
        row = await Job.select().where(Job.id == job).first()
        if row is None or JobState(row["state"]).over:
            return
        if row["flow_run"] is None and not await self._make_run(prefect, row):
            return
        current = await Job.select(Job.flow_run, Job.cancel_requested_at).where(Job.id == job).first()
        if current is not None and current["flow_run"] and current["cancel_requested_at"] is not None:
            await prefect.cancel(current["flow_run"])

    async def _make_run(self, prefect: Orchestration, row: dict[str, Any]) -> bool:
        version = await PipelineVersion.select().where(PipelineVersion.id == row["pipeline_version"]).first()
        if version is None:
            return False
        from coursewright.run.orchestrated import PrefectRefused

        try:
            run = await self._submitted(prefect, row, version)
        except (ApiError, PrefectRefused) as error:  # an ApiError: the version does not compile any more
            run, refusal = None, error.message
        else:
            refusal = "Prefect has no deployment of the pipeline"
        which = (Job.id == row["id"]) & (Job.attempt == row["attempt"]) & Job.flow_run.is_null()
        if run is None:
            await self._give_up(which, refusal)
            return False
        if not await Job.update({Job.flow_run: run.id}).where(which).returning(Job.id):
            still = await Job.exists().where((Job.id == row["id"]) & (Job.flow_run == run.id))
            if not still:  # deleted or asked for anew meanwhile
                await prefect.cancel(run.id)
        return True

    async def _give_up(self, which: Any, reason: str) -> None:
        """It never reached Prefect, so there is nobody else who could say how it ended."""
        async with self._database.exclusive(LOCK):
            values: dict[Any, Any] = {Job.state: JobState.failed, Job.message: reason, Job.ended_at: now()}
            rows = await Job.update({**values, Job.updated_at: now()}).where(which).returning(*Job.all_columns())
            await write(self._database, [of_job(row, kind) for row in rows for kind in ("job", "end")])
        self._hub.wake()

    async def _submitted(self, prefect: Orchestration, row: dict[str, Any], version: dict[str, Any]) -> Any:
        deployment = await self._deployment(version)
        run = await prefect.submit(_submission(row, version, deployment))
        if run is None:  # Prefect's database is another one by now
            deployment = await self.deploy(version)
            run = await prefect.submit(_submission(row, version, deployment))
        return run

    async def _deployment(self, version: dict[str, Any]) -> UUID:
        """A deployment of that name: which version it shows does not matter, the run names its own."""
        async with self._deploying:
            known = (
                await PipelineVersion.select(PipelineVersion.deployment)
                .where(PipelineVersion.name == version["name"], PipelineVersion.deployment.is_not_null())
                .first()
            )
            return known["deployment"] if known else await self.deploy(version)


async def _tried(work: Coroutine[Any, Any, None]) -> None:
    """Do it; what cannot be done now is told in the log."""
    try:
        await work
    except CoursewrightError as error:
        log.warning("Prefect could not be told: %s", error)
    except Exception as error:
        if not is_unreachable(error):
            log.exception("Prefect could not be told")


def _submission(row: dict[str, Any], version: dict[str, Any], deployment: UUID) -> Submission:
    from coursewright.run.orchestrated import Submission

    title = row["title"] or row["pipeline"]
    return Submission(
        job=str(row["id"]),
        key=key_of(row["id"], row["attempt"]),
        name=f"{title[:60]} · {str(row['id'])[:8]}" + (f" · {row['attempt']}" if row["attempt"] > 1 else ""),
        deployment=deployment,
        bundle=version["bundle"],
        parameters=msgspec.json.decode(row["parameters"]),
        queue=row["priority"],
        part=msgspec.json.decode(row["part"], type=Part) if row["part"] else Part(),
        providers=msgspec.json.decode(row["providers"], type=dict[str, str]) if row["providers"] else {},
    )
