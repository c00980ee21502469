"""The mirror of Prefect in our tables, when something is in its way. Prefect is played here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright.errors import StoreError
from coursewright.run.endings import keep_ending
from coursewright.run.orchestrated import Run, TaskRun, Told
from coursewright.run.report import ItemProgressed, ItemStarted, RunReport
from coursewright_api.database.columns import now
from coursewright_api.database.engines import PgEngine
from coursewright_api.database.tables import Job, JobStep, PipelineVersion
from coursewright_api.jobs import mirror as mirroring
from coursewright_api.jobs.adoption import Adoption
from coursewright_api.jobs.mirror import Mirror

pytestmark = pytest.mark.anyio
PIPELINE = """
name: spoken
inputs: {text: {type: text}}
steps: {voice: {uses: tts.espeak, with: {text: "${inputs.text}"}}}
outputs: {sound: "${voice.audio}"}
"""


class Prefect:
    """What the mirror asks of `Orchestration` and `PrefectLink`."""

    def __init__(self) -> None:
        self.known: dict[UUID, Run] = {}
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.undeployed: list[UUID] = []

    async def wait(self) -> Prefect:
        return self

    def state(self, flow_run: UUID, state: Any) -> None:
        """A run is in that state now, and somebody is told."""
        self.known[flow_run] = Run(
            id=flow_run,
            key="",
            name="a run",
            state=state,
            state_name=state,
            message="",
            at=now(),
            due_at=now(),
            started_at=now(),
            ended_at=None,
            queue="normal",
            parameters={},
            command="",
            deployment=None,
            count=1,
        )
        self.told.put_nowait(Told(flow_run=flow_run, at=now()))

    async def prepare(self) -> None:
        pass

    async def deploy(self, *_: Any) -> UUID:
        return uuid4()

    async def undeploy(self, deployment: UUID) -> None:
        self.undeployed.append(deployment)

    async def runs(self, ids: Sequence[UUID]) -> list[Run]:
        return [self.known[each] for each in ids if each in self.known]

    async def recent(self, since: datetime) -> AsyncIterator[list[Run]]:
        yield list(self.known.values())

    async def tasks(self, flow_run: UUID) -> list[TaskRun]:
        return []

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[AsyncIterator[Told]]:
        async def heard() -> AsyncIterator[Told]:
            while True:
                yield await self.told.get()

        yield heard()


class Away:
    """A store that cannot be read for a while."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.is_away = True

    def read_record(self, key: str) -> Any:
        if self.is_away:
            raise StoreError("the store is away")
        return self._store.read_record(key)


class Bench:
    """The service, somebody with jobs, and a Prefect that is played."""

    def __init__(self, api: Any, author: Any) -> None:
        self.service = api.service
        self.author = author
        self.prefect = Prefect()

    async def job(self, text: str) -> UUID:
        """The flow run of a new job."""
        answer = await self.author.ask("POST", "/api/jobs", json={"pipeline": "spoken", "inputs": {"text": text}})
        flow_run = uuid4()
        await Job.update({Job.flow_run: flow_run}).where(Job.id == UUID(answer.json()["id"]))
        self.prefect.state(flow_run, "pending")
        return flow_run

    @contextlib.asynccontextmanager
    async def mirrored(self, store: Any = None) -> AsyncIterator[Mirror]:
        """A mirror like that of any process, while the block runs."""
        made = self.service
        link: Any = self.prefect
        made.submitter._link = link
        adoption = Adoption(made.database, made.pipelines, made.server)
        mirror = Mirror(
            made.database,
            store or made.store,
            made.assets,
            link,
            made.submitter,
            made.hub,
            adoption,
            made.in_thread,
        )
        keeping = asyncio.create_task(mirror.keep())
        try:
            yield mirror
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    def is_in(self, flow_run: UUID, state: str) -> Callable[[], Awaitable[bool]]:
        """Does our table say so?"""
        return lambda: Job.exists().where((Job.flow_run == flow_run) & (Job.state == state)).run()


@pytest.fixture
async def bench(start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(mirroring, "SUBMIT_S", 0.1)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "spoken.yaml").write_text(PIPELINE)
    api = await start(pipelines_dir=str(tmp_path / "pipelines"))
    await api.service.pipelines.refresh()
    return Bench(api, await api.author())


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await done():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def refused(bench: Bench, title: str) -> AsyncIterator[None]:
    """The database does not take that a job of this title is running."""
    wrong = f"title = '{title}' AND state = 'running'"
    if isinstance(bench.service.database.engine, PgEngine):
        begin, end = (
            f"ALTER TABLE job ADD CONSTRAINT poison CHECK (NOT ({wrong}))",
            "ALTER TABLE job DROP CONSTRAINT poison",
        )
    else:
        wrong = wrong.replace("title", "NEW.title").replace("state", "NEW.state")
        begin = f"CREATE TRIGGER poison BEFORE UPDATE ON job WHEN {wrong} BEGIN SELECT RAISE(ABORT, 'poison'); END"
        end = "DROP TRIGGER poison"
    await Job.raw(begin)
    try:
        yield
    finally:
        await Job.raw(end)


async def test_a_job_that_cannot_be_saved_keeps_no_other_from_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned, sound = await bench.job("poison"), await bench.job("sound")
    async with bench.mirrored() as mirror:
        async with refused(bench, "poison"):
            for flow_run in (poisoned, sound):  # told in one batch
                bench.prefect.state(flow_run, "running")
            await until(bench.is_in(sound, "running"))
            await until(lambda: _true("cannot be mirrored" in caplog.text))
            assert mirror.leads
        bench.prefect.state(sound, "completed")
        await until(bench.is_in(sound, "completed"))
        assert await bench.is_in(poisoned, "pending")()
    async with bench.mirrored():  # which reads everything first, as each does now and then
        await until(bench.is_in(poisoned, "running"))


async def _true(value: bool) -> bool:
    return value


async def test_results_that_cannot_be_read_are_waited_for(bench: Bench) -> None:
    ended, other = await bench.job("ended"), await bench.job("other")
    report = RunReport(pipeline="spoken", state="completed", items=(), outputs={"sound": "here"})
    keep_ending(bench.service.store, ended, report)
    store = Away(bench.service.store)
    async with bench.mirrored(store):
        bench.prefect.state(ended, "completed")
        bench.prefect.state(other, "running")
        await until(bench.is_in(other, "running"))
        assert await bench.is_in(ended, "pending")()
        store.is_away = False
        await until(bench.is_in(ended, "completed"))
    row = await Job.select(Job.outputs).where(Job.flow_run == ended).first()
    assert row is not None
    assert "here" in row["outputs"]


async def test_another_process_goes_on_where_one_stops(bench: Bench) -> None:
    flow_run = await bench.job("lasting")
    async with bench.mirrored() as second:
        async with contextlib.AsyncExitStack() as held:
            first = await held.enter_async_context(bench.mirrored())
            await until(lambda: _true(first.leads or second.leads))
            assert first.leads != second.leads
            bench.prefect.state(flow_run, "running")
            await until(bench.is_in(flow_run, "running"))
            bench.prefect.state(flow_run, "completed")
        await until(lambda: _true(second.leads))
        await until(bench.is_in(flow_run, "completed"))


async def test_steps_know_their_task_runs_and_tell_text_that_databases_take(bench: Bench) -> None:
    flow_run, task_run = await bench.job("task"), uuid4()
    async with bench.mirrored():
        bench.prefect.state(flow_run, "running")
        begun = ItemStarted(step="voice", item="", provider="tts.espeak")
        said = ItemProgressed(step="voice", item="", done=1, total=2, message="nul \0")
        for event in (begun, said):
            bench.prefect.told.put_nowait(Told(flow_run=flow_run, at=now(), event=event, task_run=task_run))
        await until(lambda: JobStep.exists().where((JobStep.task_run == task_run) & (JobStep.message == "nul ")).run())


async def test_a_deleted_pipeline_goes_from_prefects_pages_when_none_of_its_jobs_waits(bench: Bench) -> None:
    flow_run = await bench.job("last")
    deployment = uuid4()
    await PipelineVersion.update({PipelineVersion.deployment: deployment, PipelineVersion.current: False}).where(
        PipelineVersion.name == "spoken"
    )
    async with bench.mirrored():
        bench.prefect.state(flow_run, "running")
        await until(bench.is_in(flow_run, "running"))
        assert bench.prefect.undeployed == []
        bench.prefect.state(flow_run, "completed")
        await until(lambda: _true(bench.prefect.undeployed == [deployment]))
        await until(lambda: PipelineVersion.exists().where(PipelineVersion.deployment.is_null()).run())
