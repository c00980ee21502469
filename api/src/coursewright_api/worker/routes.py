"""`/api/worker`: is there somebody to run jobs, and how far are they?"""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody
from msgspec import Meta

from coursewright_api.auth.routes import Asked, Id
from coursewright_api.bodies import In
from coursewright_api.database.states import Role
from coursewright_api.database.tables import Job
from coursewright_api.problems import documented, not_found
from coursewright_api.service import Services


class Pong(msgspec.Struct, frozen=True, kw_only=True):
    """Prefect answers."""

    status: Literal["ok"] = "ok"
    took_s: float


class QueueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A queue of jobs of one priority."""

    name: str
    priority: Annotated[int, Meta(description="1 is emptied first.")]
    waiting: int


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Something that runs jobs."""

    name: str
    online: bool
    heard_at: datetime | None


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All of it together."""

    pool: str
    paused: bool
    running: Annotated[int, Meta(description="Jobs that are running, of everybody.")]
    queues: list[QueueInfo]
    workers: list[WorkerInfo]
    pages: Annotated[str, Meta(description="Where Prefect's own pages are; empty but for admins.")] = ""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A run or one task of it, as Prefect has it."""

    id: UUID
    name: str
    state: str
    message: str
    started_at: datetime | None
    ended_at: datetime | None


class Echo(In, frozen=True, kw_only=True):
    """What is to be said back."""

    message: Annotated[str, Meta(max_length=1_000, examples=["hello"])] = "hello"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `/api/worker/task/{task_id}` how it went."""

    task_id: UUID


class WorkerController(Controller):
    """Prefect, its queues, its workers and tasks."""

    path = "/api/worker"
    tags = ("Workers",)

    @get("/ping", summary="Does Prefect answer?", responses=documented(401, 403, 503))
    async def ping(self, service: Services) -> Pong:
        began = time.monotonic()
        await service.prefect.now().ping()
        return Pong(took_s=round(time.monotonic() - began, 4))

    @get("/status", summary="Queues and workers", responses=documented(401, 403, 503))
    async def status(self, request: Asked, service: Services) -> WorkerStatus:
        pool = await service.prefect.now().pool()
        return WorkerStatus(
            pool=pool.name,
            paused=pool.paused,
            running=pool.running,
            queues=[msgspec.convert(each, QueueInfo, from_attributes=True) for each in pool.queues],
            workers=[msgspec.convert(each, WorkerInfo, from_attributes=True) for each in pool.workers],
            pages=_pages_of(service.prefect_url()) if request.user.role is Role.admin else "",
        )

    @get("/task/{task_id:uuid}", summary="How far is it?", responses=documented(401, 403, 404, 503))
    async def task(self, request: Asked, service: Services, task_id: Id) -> Task:
        """Takes the `task_id` of a job of yours, of one of its steps, or of an echo."""
        prefect, owner = service.prefect.now(), request.user.user_id
        for run in await prefect.runs([task_id]):
            if run.key.startswith(_echo_key(owner)) or await _owns(owner, run.id):
                return Task(
                    id=run.id,
                    name=run.name,
                    state=run.state_name,
                    message=run.message,
                    started_at=run.started_at,
                    ended_at=run.ended_at,
                )
            raise not_found("task")
        found = await prefect.task(task_id)
        if found is None or found.flow_run is None or not await _owns(owner, found.flow_run):
            raise not_found("task")
        return Task(
            id=found.id,
            name=found.label,
            state=found.state,
            message=found.message,
            started_at=found.started_at,
            ended_at=found.ended_at,
        )

    @post(
        "/test-echo",
        summary="Let a worker answer",
        status_code=202,
        responses=documented(401, 403, 422, 503),
    )
    async def echo(self, request: Asked, data: JSONBody[Echo], service: Services) -> Begun:
        key = f"{_echo_key(request.user.user_id)}{uuid.uuid4()}"
        return Begun(task_id=await service.prefect.now().echo(data.message, key))


def _pages_of(api_url: str) -> str:
    """Where browsers look at Prefect, without credentials that may be in the address."""
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.removesuffix('/api')}" if api_url else ""


def _echo_key(owner: UUID) -> str:
    return f"echo {owner} "


async def _owns(owner: UUID, flow_run: UUID) -> bool:
    return bool(await Job.exists().where(Job.flow_run == flow_run, Job.owner == owner))
