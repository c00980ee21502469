"""What the columns that are one of a few words may say."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do; each role may do all that the one before may."""

    author = "author"
    designer = "designer"
    admin = "admin"

    def includes(self, other: Role) -> bool:
        """May this role do what `other` may?"""
        order = list(Role)
        return order.index(self) >= order.index(other)


class UserState(StrEnum):
    """Whether a person may log in."""

    active = "active"
    disabled = "disabled"


class EndReason(StrEnum):
    """Why a session ended before its time."""

    logout = "logout"
    logout_everywhere = "logout_everywhere"
    password_changed = "password_changed"  # noqa: S105  # a reason
    token_reused = "token_reused"  # noqa: S105  # a reason
    disabled = "disabled"


class LinkPurpose(StrEnum):
    """What a one-time link is for."""

    setup = "setup"
    password = "password"  # noqa: S105  # a purpose


class AssetType(StrEnum):
    """What a file is for."""

    portrait = "portrait"
    voice_sample = "voice_sample"
    script = "script"
    document = "document"
    slide_theme = "slide_theme"
    result = "result"


class AssetState(StrEnum):
    """How far an uploaded file is."""

    pending = "pending"
    processing = "processing"
    ready = "ready"
    failed = "failed"


class PipelineOrigin(StrEnum):
    """Where a version of a pipeline comes from."""

    file = "file"
    edited = "edited"
    prefect = "prefect"


class JobState(StrEnum):
    """How far a job is, as Prefect says."""

    pending = "pending"
    running = "running"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"

    @property
    def over(self) -> bool:
        """Does it stay so, unless somebody asks again?"""
        return self in {JobState.completed, JobState.failed, JobState.cancelled}


ACTIVE = [state.value for state in JobState if not state.over]
"""The states of jobs that go on, as columns have them."""


class Purpose(StrEnum):
    """What a job is for."""

    course = "course"
    """The results of its pipeline."""
    review = "review"
    """The same, but its author looks at the script first: it ends there, and is then retried."""
    preview = "preview"
    """To look at something before the job: it is in no list, and removed after a day."""


class Priority(StrEnum):
    """Which jobs are begun first. The names are those of Prefect's work queues."""

    low = "low"
    normal = "normal"
    high = "high"
    urgent = "urgent"


class StepState(StrEnum):
    """How far one task of a job is. The ends are those of `coursewright.run.report.State`."""

    waiting = "waiting"
    running = "running"
    done = "done"
    reused = "reused"
    failed = "failed"
    skipped = "skipped"
    blocked = "blocked"
    left_out = "left_out"
    cancelled = "cancelled"
