"""Rows of jobs as clients see them."""

from __future__ import annotations

from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
from coursewright.run.endings import read_ending
from coursewright.run.report import StepFailure, label_of

from coursewright_api.database.states import JobState, Purpose
from coursewright_api.database.tables import JobEvent
from coursewright_api.jobs import structs
from coursewright_api.jobs.scripts import edit_of, made_of
from coursewright_api.pages import Page, after, page_of
from coursewright_api.service import Service

Row = dict[str, Any]
_SAME = tuple(name for name in structs.JobInfo.__struct_fields__ if name not in {"status", "cancelling"})
_in_order = itemgetter(*_SAME)


def info(row: Row) -> structs.JobInfo:
    """A job in a list."""
    return structs.JobInfo(**_common(row))


def _common(row: Row) -> dict[str, Any]:
    cancelling = row["cancel_requested_at"] is not None and row["ended_at"] is None
    return dict(zip(_SAME, _in_order(row), strict=True), status=row["state"], cancelling=cancelling)


def step(row: Row) -> structs.StepInfo:
    """A step of a job."""
    return structs.StepInfo(
        step=row["step"],
        item=row["item"],
        status=row["state"],
        provider=row["provider"],
        progress=row["progress"],
        message=row["message"],
        errors=_json(row["error"], []),
        notices=_json(row["notices"], []),
        task_id=row["task_run"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


async def detail(service: Service, owner: UUID, job: UUID) -> structs.JobDetail:
    """A job with its steps. Raises a 404."""
    row = await service.jobs.one(owner, job)
    steps = await service.jobs.steps(job)
    return structs.JobDetail(
        **_common(row),
        pipeline_version=row["pipeline_version"],
        inputs=_json(row["inputs"], {}),
        providers=_json(row["providers"], {}),
        failures=msgspec.json.decode(row["error"], type=list[StepFailure]) if row["error"] else [],
        outputs=_json(row["outputs"], {}),
        task_id=row["flow_run"],
        script=_script(row),
        steps=[step(each) for each in steps],
    )


def _script(row: Row) -> structs.ScriptNote | None:
    if (made := made_of(row)) is None:
        return None
    awaits_review = row["state"] == JobState.completed.value and row["purpose"] == Purpose.review.value
    return structs.ScriptNote(
        step=made.step, edited=edit_of(row) not in (None, made.script), awaits_review=awaits_review
    )


async def results(service: Service, owner: UUID, job: UUID) -> structs.Results:
    """What a job has made. Raises a 404."""
    row = await service.jobs.one(owner, job)
    files = await (_previewed(service, row) if row["purpose"] == Purpose.preview.value else _files(service, job))
    with_files = {each.output for each in files}
    outputs = _json(row["outputs"], {})
    values = {name: value for name, value in outputs.items() if name not in with_files}
    return structs.Results(status=row["state"], files=files, values=values)


async def _files(service: Service, job: UUID) -> list[structs.ResultInfo]:
    return [
        structs.ResultInfo(
            id=each["id"],
            output=each["output"],
            name=each["file_name"],
            media_type=each["media_type"],
            size_bytes=each["size_bytes"],
            link=service.assets.download(each),
        )
        for each in await service.assets.results_of(job)
    ]


async def _previewed(service: Service, row: Row) -> list[structs.ResultInfo]:
    ending = await service.in_thread(read_ending, service.store, row["flow_run"]) if row["flow_run"] else None
    return [
        structs.ResultInfo(
            id=None,
            output=each.output,
            name=each.artifact.name,
            media_type=each.artifact.media_type,
            size_bytes=each.artifact.size_bytes,
            link=service.files.link(each.artifact, inline=True),
        )
        for each in (ending.files if ending else ())
    ]


async def logs(job: UUID, limit: int, cursor: str) -> Page[structs.LogLine]:
    """What happened to a job, the oldest first."""
    query = JobEvent.select().where(JobEvent.job == job).order_by(JobEvent.id).limit(limit + 1)
    if start := after(cursor, tuple[int]):
        query = query.where(JobEvent.id > max(0, min(start[0], 2**62)))
    return page_of(await query, limit, _line, "id")


def _line(row: Row) -> structs.LogLine:
    data = msgspec.json.decode(row["data"])
    words = [data.get("status", ""), data.get("provider", ""), data.get("message", "")]
    if row["type"] == "step":
        label = label_of(data["step"], data["item"])
        message = f"{label}: {' · '.join(word for word in words if word)}"
        return structs.LogLine(at=row["at"], step=data["step"], item=data["item"], message=message)
    message = f"attempt {data.get('attempt', 1)}: {' · '.join(word for word in words if word)}"
    return structs.LogLine(at=row["at"], message=message)


def _json(text: str, otherwise: Any) -> Any:
    return msgspec.json.decode(text) if text else otherwise
