"""What a service tells Prefect, and what Prefect tells of runs, tasks and workers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from coursewright.errors import CoursewrightError
from coursewright.run.parts import Part
from coursewright.run.report import Event

RunState = Literal["pending", "running", "completed", "failed", "cancelled"]


class PrefectUnavailable(CoursewrightError):
    """The Prefect server does not answer, or answers that it cannot."""


class PrefectRefused(CoursewrightError):
    """The Prefect server answers, and will not do it."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of a job, to be made. `key` is unique for each: submitting twice makes one run."""

    job: str
    key: str
    name: str
    deployment: UUID
    bundle: str
    parameters: Mapping[str, Any]
    queue: str
    part: Part = Part()
    providers: Mapping[str, str] = {}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run of a pipeline, as Prefect has it. Times are UTC."""

    id: UUID
    key: str
    name: str
    state: RunState
    state_name: str
    message: str
    at: datetime
    """When it came into that state."""
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    queue: str
    parameters: dict[str, Any]
    command: str
    deployment: UUID | None
    count: int
    """How often it was begun."""


class TaskRun(msgspec.Struct, frozen=True, kw_only=True):
    """A task of a run. `label` is that of `coursewright.run.report.label_of`."""

    id: UUID
    flow_run: UUID | None
    label: str
    state: str
    message: str
    started_at: datetime | None
    ended_at: datetime | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Something about a flow run: what its process says, or, without `event`, that its state should be read."""

    flow_run: UUID
    at: datetime
    event: Event | None = None
    task_run: UUID | None = None
    """Of the task that begins or ends."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A work queue, and how many runs wait in it."""

    name: str
    priority: int
    waiting: int


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that has been heard of."""

    name: str
    online: bool
    heard_at: datetime | None


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """The work pool of all pipelines."""

    name: str
    paused: bool
    queues: list[Queue]
    workers: list[Worker]
    running: int
