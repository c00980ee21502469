"""What followers of jobs are told: rows whose ids are committed in their order, so that none can be missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.engines import PgEngine
from coursewright_api.database.tables import JobEvent

LOCK = "job_event"
"""Of `Database.exclusive`: whoever writes events holds it until they are committed."""
CHANNEL = "coursewright_job_event"
"""PostgreSQL's channel by which the processes of the service wake each other."""


class News(msgspec.Struct, frozen=True, kw_only=True):
    """An event before it has an id. Types: `job` and `step` (how it is now), `end` (nothing more follows of this
    attempt)."""

    job: UUID
    owner: UUID
    type: str
    data: dict[str, Any]


async def write(database: Database, news: Sequence[News]) -> None:
    """File events, within `database.exclusive(LOCK)`."""
    if not news:
        return
    moment = now()
    rows = [
        JobEvent(
            job=each.job,
            owner=each.owner,
            at=moment,
            type=each.type,
            data=msgspec.json.encode(each.data).decode(),
        )
        for each in news
    ]
    await JobEvent.insert(*rows)
    if isinstance(database.engine, PgEngine):  # told when it is committed
        await JobEvent.raw(f"NOTIFY {CHANNEL}")


def of_job(row: dict[str, Any], type: str = "job") -> News:
    """What a job's row says now."""
    data = {
        "job": row["id"],
        "status": row["state"],
        "title": row["title"],
        "pipeline": row["pipeline"],
        "purpose": row["purpose"],
        "priority": row["priority"],
        "progress": round(row["progress"], 4),
        "message": row["message"],
        "attempt": row["attempt"],
        "cancelling": row["cancel_requested_at"] is not None,
    }
    return News(job=row["id"], owner=row["owner"], type=type, data=data)
