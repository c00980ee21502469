"""Counting the person's own rows. What is said of jobs, indexes alone can tell."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.engines import PgEngine
from coursewright_api.database.states import AssetType, JobState
from coursewright_api.database.tables import Asset, Job

DAYS = 30

_STATES = """
SELECT "state", COUNT(*) AS "jobs" FROM "job" WHERE "owner" = {} AND "purpose" <> 'preview' GROUP BY "state"
"""
_PIPELINES = """
SELECT "pipeline", COUNT(*) AS "jobs" FROM "job" WHERE "owner" = {} AND "purpose" <> 'preview' GROUP BY "pipeline"
"""
_DAYS = """
SELECT {day} AS "day", "state", COUNT(*) AS "jobs" FROM "job"
WHERE "owner" = {{}} AND "purpose" <> 'preview' AND "state" IN ({states}) AND "created_at" >= {{}}
GROUP BY {day}, "state"
"""
"""All states are named, so that the index by state and time serves."""
_DAY_IN_POSTGRES = """TO_CHAR("created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD')"""
_DAY_IN_SQLITE = 'SUBSTR("created_at", 1, 10)'
_ASSETS = """
SELECT "type", COUNT(*) AS "files", SUM("size_bytes") AS "bytes",
    SUM(CASE WHEN "type" = 'result' AND "media_type" LIKE 'video/%' THEN "duration_s" END) AS "film_s",
    SUM(CASE WHEN "type" = 'result' AND "media_type" LIKE 'audio/%' THEN "duration_s" END) AS "sound_s"
FROM "asset" WHERE "owner" = {} AND "deleted_at" IS NULL GROUP BY "type"
"""


class PipelineUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs of one pipeline."""

    pipeline: str
    jobs: int


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that were asked for on one day."""

    day: date
    jobs: int
    completed: int
    failed: int


class StoredFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one type."""

    type: AssetType
    files: int
    size_bytes: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has made, and what it takes."""

    jobs: int
    jobs_by_state: Annotated[dict[JobState, int], Meta(description="Every state, those without jobs too.")]
    pipelines: Annotated[list[PipelineUsage], Meta(description="Most used first.")]
    days: Annotated[list[Day], Meta(description="The last 30, oldest first; those without jobs too.")]
    film_s: Annotated[float | None, Meta(description="Seconds of film among your results.")]
    sound_s: Annotated[float | None, Meta(description="Seconds of sound among your results.")]
    stored: list[StoredFiles]
    stored_bytes: int
    quota_bytes: Annotated[int | None, Meta(description="What you may store; null: as much as there is room for.")]
    money: Annotated[float | None, Meta(description="What it cost; null where no price is known.")] = None


async def usage_of(owner_id: UUID, database: Database, quota_bytes: int) -> Usage:
    """The usage of one person."""
    by_state = {JobState(row["state"]): row["jobs"] for row in await Job.raw(_STATES, owner_id)}
    pipelines = [PipelineUsage(**row) for row in await Job.raw(_PIPELINES, owner_id)]
    today = now().date()
    first = today - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(), UTC)
    by_day = await Job.raw(_days_query(database), owner_id, since)
    by_type = await Asset.raw(_ASSETS, owner_id)

    days: dict[str, Counter[str]] = {}
    for row in by_day:
        days.setdefault(row["day"], Counter())[row["state"]] += row["jobs"]
    stored = [StoredFiles(type=AssetType(r["type"]), files=r["files"], size_bytes=int(r["bytes"])) for r in by_type]
    dates = [first + timedelta(days=number) for number in range(DAYS)]
    return Usage(
        jobs=sum(by_state.values()),
        jobs_by_state={state: by_state.get(state, 0) for state in JobState},
        pipelines=sorted(pipelines, key=lambda each: (-each.jobs, each.pipeline)),
        days=[Day(day=each, **_counts(days.get(each.isoformat(), Counter()))) for each in dates],
        film_s=_sum([row["film_s"] for row in by_type]),
        sound_s=_sum([row["sound_s"] for row in by_type]),
        stored=sorted(stored, key=lambda each: list(AssetType).index(each.type)),
        stored_bytes=sum(each.size_bytes for each in stored),
        quota_bytes=quota_bytes or None,
    )


def _days_query(database: Database) -> str:
    day = _DAY_IN_POSTGRES if isinstance(database.engine, PgEngine) else _DAY_IN_SQLITE
    return _DAYS.format(day=day, states=", ".join(f"'{state.value}'" for state in JobState))


def _counts(states: Counter[str]) -> dict[str, int]:
    return {
        "jobs": states.total(),
        "completed": states[JobState.completed.value],
        "failed": states[JobState.failed.value],
    }


def _sum(parts: list[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return round(sum(known), 3) if known else None
