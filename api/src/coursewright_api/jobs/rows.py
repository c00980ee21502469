"""Live jobs in the database: read when they are first told of, written with the events that tell of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from coursewright.run.endings import Ending
from coursewright.run.report import Refusal, StepFailure

from coursewright_api.assets.records import Assets
from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.engines import PgEngine
from coursewright_api.database.states import JobState, Purpose, StepState
from coursewright_api.database.tables import Asset, Job, JobStep
from coursewright_api.jobs.events import LOCK, News, of_job, write
from coursewright_api.jobs.live import LiveJob, LiveStep

log = logging.getLogger(__name__)


async def live_jobs(ids: Sequence[UUID]) -> list[LiveJob]:
    """These jobs with their steps. Those without a flow run are left out, and those that cannot be read are told of."""
    if not ids:
        return []
    rows = await Job.select().where(Job.id.is_in(list(ids)), Job.flow_run.is_not_null())
    steps = await JobStep.select().where(JobStep.job.is_in(list(ids))).order_by(JobStep.id)
    live = []
    for row in rows:
        try:
            job = _job(row)
            job.steps = {(each["step"], each["item"]): _step(each) for each in steps if each["job"] == job.id}
        except (ValueError, msgspec.MsgspecError):
            log.exception("the job %s cannot be read", row["id"])
        else:
            live.append(job)
    return live


async def steps_of(job: UUID) -> list[LiveStep]:
    """The steps of a job, in the pipeline's order."""
    rows = await JobStep.select().where(JobStep.job == job).order_by(JobStep.position, JobStep.id)
    return [_step(row) for row in rows]


def _job(row: dict[str, Any]) -> LiveJob:
    return LiveJob(
        id=row["id"],
        owner=row["owner"],
        flow_run=row["flow_run"],
        state=JobState(row["state"]),
        progress=row["progress"],
        message=row["message"],
        failures=msgspec.json.decode(row["error"], type=tuple[StepFailure, ...]) if row["error"] else (),
        outputs=msgspec.json.decode(row["outputs"]) if row["outputs"] else {},
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def _step(row: dict[str, Any]) -> LiveStep:
    return LiveStep(
        step=row["step"],
        item=row["item"],
        position=row["position"],
        id=row["id"],
        state=StepState(row["state"]),
        provider=row["provider"],
        progress=row["progress"],
        message=row["message"],
        refusals=msgspec.json.decode(row["error"], type=tuple[Refusal, ...]) if row["error"] else (),
        notices=msgspec.json.decode(row["notices"], type=tuple[str, ...]) if row["notices"] else (),
        task_run=row["task_run"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


async def save(database: Database, assets: Assets, jobs: Sequence[LiveJob]) -> set[UUID]:
    """Write what has changed, results and events with it, all or nothing; the jobs that are not there any more.

    A job that was deleted meanwhile, or asked for anew, is not touched.
    """
    async with database.exclusive(LOCK):
        rows = await _present(database, jobs)
        news: list[News] = []
        made: list[tuple[LiveStep, int]] = []
        for live in jobs:
            if live.id in rows:
                news += await _write(live, rows[live.id], assets, made)
        await write(database, news)
    for step, number in made:  # only now: what failed is written again
        step.id = number
    for live in jobs:
        live.changed = False
        live.gone.clear()
        for step in live.steps.values():
            step.changed = False
    return {live.id for live in jobs} - rows.keys()


async def _present(database: Database, jobs: Sequence[LiveJob]) -> dict[UUID, dict[str, Any]]:
    """The rows of jobs that still belong to the flow run that is told of."""
    query = Job.select().where(Job.id.is_in([live.id for live in jobs]))
    if isinstance(database.engine, PgEngine):
        query = query.lock_rows("UPDATE")
    found = {row["id"]: row for row in await query}
    return {
        live.id: found[live.id] for live in jobs if live.id in found and found[live.id]["flow_run"] == live.flow_run
    }


async def _write(live: LiveJob, row: dict[str, Any], assets: Assets, made: list[tuple[LiveStep, int]]) -> list[News]:
    news: list[News] = []
    if live.gone:
        await JobStep.delete().where(JobStep.id.is_in(live.gone))
    for step in live.steps.values():
        if step.changed or step.id is None:
            await _write_step(live.id, step, made)
            news.append(News(job=live.id, owner=live.owner, type="step", data=step.shown(live.id)))
    if live.changed:
        values: dict[Any, Any] = live.values()
        if live.state.value != row["state"]:
            values["updated_at"] = now()
        await Job.update(values).where(Job.id == live.id)
        if live.ending is not None and row["purpose"] != Purpose.preview.value:
            await _add_results(live, assets, live.ending)
        told = {**row, **values}
        news.append(of_job(told))
        if live.state.over:
            news.append(of_job(told, "end"))
    return news


async def _write_step(job: UUID, step: LiveStep, made: list[tuple[LiveStep, int]]) -> None:
    if step.id is None:
        rows = await JobStep.insert(JobStep(job=job, **step.values())).returning(JobStep.id)
        made.append((step, rows[0]["id"]))
    else:
        values: dict[Any, Any] = step.values()
        await JobStep.update(values).where(JobStep.id == step.id)


async def _add_results(live: LiveJob, assets: Assets, ending: Ending) -> None:
    """The files of the run as assets; what they replace, of an attempt before, goes."""
    made = [
        await assets.add_result(
            owner_id=live.owner,
            job_id=live.id,
            output=each.output,
            artifact=each.artifact,
            duration_s=ending.report.lengths_s.get(each.artifact.digest),
        )
        for each in ending.files
    ]
    outputs = sorted({each.output for each in ending.files})
    if outputs:
        replaced = (Asset.job == live.id) & Asset.output.is_in(outputs) & Asset.id.not_in(made)
        await Asset.update({Asset.deleted_at: now()}).where(replaced, Asset.deleted_at.is_null())
