"""What goes in and out of the routes for jobs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from coursewright.capabilities.artifacts import Language
from coursewright.run.report import StepFailure
from msgspec import Meta

from coursewright_api.bodies import END, LINE, TEXT, Description, In
from coursewright_api.database.states import JobState, Priority, Purpose, StepState
from coursewright_api.files.links import Link

Title = Annotated[str, Meta(max_length=200, pattern=LINE)]
Name = Annotated[str, Meta(max_length=64, pattern=rf"^[A-Za-z0-9_.-]*{END}")]
Item = Annotated[str, Meta(max_length=120, pattern=LINE, description="An item of a `for_each`, such as a scene's id.")]
InputText = Annotated[str, Meta(max_length=500_000)]
Inputs = Annotated[
    dict[Annotated[str, Meta(max_length=64)], InputText | int | float | bool | None],
    Meta(max_length=100, description="By the input's name; for files the id of an asset."),
]
Providers = Annotated[
    dict[Name, Name], Meta(max_length=50, description="Providers for this job, by step or capability: {tts: espeak}.")
]


class Status(StrEnum):
    """Which jobs a list shows."""

    pending = "pending"
    running = "running"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"
    active = "active"
    """Pending or running."""
    review = "review"
    """Ended with a script that waits for its author."""


class Sort(StrEnum):
    """What a list is ordered by."""

    created = "created"
    updated = "updated"
    by_title = "title"


class Sample(In, frozen=True, kw_only=True):
    """The only scene of a script that stands for the one which is not written yet."""

    title: Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
    bullets: Annotated[list[Annotated[str, Meta(min_length=1, max_length=300, pattern=LINE)]], Meta(max_length=5)] = (
        msgspec.field(default_factory=list)
    )
    narration: Annotated[str, Meta(min_length=1, max_length=500, pattern=TEXT)]
    language: Language = "en"


class Preview(In, frozen=True, kw_only=True):
    """That a job is only to be looked at: it is begun first, is in no list, and is removed after a day."""

    sample: Annotated[Sample | None, Meta(description="Without it, the steps before `until` are made.")] = None


class NewJob(In, frozen=True, kw_only=True):
    """A pipeline to be run."""

    pipeline: Annotated[str, Meta(min_length=1, max_length=64, examples=["narrated_slides"])]
    inputs: Inputs = msgspec.field(default_factory=dict)
    providers: Providers = msgspec.field(default_factory=dict)
    priority: Priority = Priority.normal
    title: Annotated[Title, Meta(description="Else the first words of its text, or its document's name.")] = ""
    description: Description = ""
    version: Annotated[int, Meta(ge=1, le=2**31 - 1, description="Of the pipeline; else the current.")] | None = None
    until: Annotated[
        Name, Meta(description="Make only this step and what it needs. A retry goes on, as after looking at a script.")
    ] = ""
    preview: Annotated[
        Preview | None, Meta(examples=[{"sample": {"title": "Tides", "narration": "The sea rises."}}])
    ] = None


class JobChange(In, frozen=True, kw_only=True):
    """What is to change; what is left out stays."""

    title: Title | None = None
    description: Description | None = None
    priority: Annotated[Priority | None, Meta(description="Only while the job waits.")] = None


class Retry(In, frozen=True, kw_only=True):
    """What to make again. By default: what is missing, reusing all that is finished."""

    whole: Annotated[bool, Meta(description="Make everything anew.")] = False
    from_step: Annotated[Name, Meta(description="Make this step, and all that follow from it, anew.")] = ""
    item: Item = ""
    providers: Annotated[
        Providers,
        Meta(description="From now on these, besides what the job had chosen.", examples=[{"voice": "espeak"}]),
    ] = msgspec.field(default_factory=dict)


class NewStep(In, frozen=True, kw_only=True):
    """A step to be made anew, with all that follow from it."""

    step: Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^[A-Za-z0-9_-]+{END}")]
    item: Item = ""


class Bulk(In, frozen=True, kw_only=True):
    """The same for many jobs."""

    action: Literal["cancel", "retry", "delete"]
    ids: Annotated[list[UUID], Meta(min_length=1, max_length=200)]


class JobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a list."""

    id: UUID
    pipeline: str
    title: str
    description: str
    status: JobState
    purpose: Annotated[Purpose, Meta(description="`review`: it ends with its script, for its author to look at.")]
    priority: Priority
    progress: Annotated[float, Meta(description="0 to 1; never falls within an attempt.")]
    message: Annotated[str, Meta(description="What is being done, or what ended it.")]
    attempt: int
    cancelling: bool
    batch: UUID | None
    expected_s: Annotated[float | None, Meta(description="Estimated before it began; null where nobody could tell.")]
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class StepInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a job, or an item of one. Its `status` is `reused` for what an earlier run had finished."""

    step: str
    item: str
    status: StepState
    provider: str
    progress: float
    message: str
    errors: Annotated[list[dict[str, Any]], Meta(description="The providers that did not serve, in their words.")]
    notices: list[str]
    task_id: Annotated[UUID | None, Meta(description="For `/api/worker/task/{id}`.")]
    started_at: datetime | None
    ended_at: datetime | None


class ScriptNote(msgspec.Struct, frozen=True, kw_only=True):
    """That a job has a script, which can be read and edited at `/api/jobs/{id}/script`."""

    step: Annotated[str, Meta(description="The step that gave it.")]
    edited: bool
    awaits_review: Annotated[bool, Meta(description="The job was to end with it; a retry goes on from there.")]


class JobDetail(JobInfo, frozen=True, kw_only=True):
    """A job with its steps."""

    pipeline_version: UUID
    inputs: dict[str, Any]
    providers: dict[str, str]
    failures: list[StepFailure]
    outputs: Annotated[dict[str, Any], Meta(description="Values of the pipeline's outputs.")]
    task_id: Annotated[UUID | None, Meta(description="Prefect's run, for `/api/worker/task/{id}`.")]
    script: ScriptNote | None
    steps: list[StepInfo]


class ResultInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a job made."""

    id: Annotated[UUID | None, Meta(description="The asset; null for a preview, whose files are none.")]
    output: str
    name: str
    media_type: str
    size_bytes: int
    link: Link


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a job has made so far."""

    status: JobState
    files: list[ResultInfo]
    values: Annotated[dict[str, Any], Meta(description="Outputs that are no files.")]


class ProgressInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    status: JobState
    progress: float
    message: str


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened."""

    at: datetime
    step: str = ""
    item: str = ""
    message: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one job of many."""

    id: UUID
    ok: bool
    code: str = ""
    message: str = ""


class BulkDone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each."""

    items: list[Done]


class BatchDone(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of a table, one for each row."""

    batch: UUID
    jobs: list[UUID]
