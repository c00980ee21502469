"""Lists of jobs, as their owners ask for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from piccolo.columns import Column

from coursewright_api.database.columns import beyond, contains
from coursewright_api.database.states import ACTIVE, JobState, Purpose
from coursewright_api.database.tables import Job
from coursewright_api.jobs import structs
from coursewright_api.pages import Order, after

Row = dict[str, Any]

_HEAVY = {"inputs", "parameters", "providers", "part", "error", "outputs", "script", "script_edit"}
_HEAVY |= {"request_digest", "idempotency_key"}
LIGHT = tuple(column for column in Job.all_columns() if column._meta.name not in _HEAVY)
"""The columns that lists show."""
_COLUMNS: dict[structs.Sort, tuple[Column, Any]] = {
    structs.Sort.created: (Job.created_at, datetime),
    structs.Sort.updated: (Job.updated_at, datetime),
    structs.Sort.by_title: (Job.title, str),
}


async def page(
    owner: UUID,
    *,
    pipeline: str = "",
    status: structs.Status | None = None,
    priority: str | None = None,
    batch: UUID | None = None,
    asset: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    text: str = "",
    sort: structs.Sort = structs.Sort.created,
    order: Order = Order.desc,
    limit: int,
    cursor: str = "",
) -> list[Row]:
    """A person's jobs, one more than `limit` when there are more."""
    column, kind = _COLUMNS[sort]
    rising = order is Order.asc
    query = (
        Job.select(*LIGHT)
        .where(Job.owner == owner, Job.purpose != Purpose.preview.value)
        .limit(limit + 1)
        .order_by(column, Job.id, ascending=rising)
    )
    if start := after(cursor, tuple[kind, UUID]):  # type: ignore[valid-type]  # one of two
        query = query.where(beyond(column, start[0], Job.id, start[1], rising=rising))
    if pipeline:
        query = query.where(Job.pipeline == pipeline.replace("\0", ""))
    if status is structs.Status.active:
        query = query.where(Job.state.is_in(ACTIVE))
    elif status is structs.Status.review:
        query = query.where(Job.purpose == Purpose.review.value, Job.state == JobState.completed.value)
    elif status is not None:
        query = query.where(Job.state == status.value)
    if priority is not None:
        query = query.where(Job.priority == priority)
    if batch is not None:
        query = query.where(Job.batch == batch)
    if asset is not None:
        query = query.where(Job.inputs.like(f"%{asset}%"))
    if since is not None:
        query = query.where(Job.created_at >= since)
    if until is not None:
        query = query.where(Job.created_at < until)
    if words := text.strip().translate({ord(mark): None for mark in "\\%_\0"}):
        query = query.where(contains(Job.title, words) | contains(Job.description, words))
    return await query
