"""How long the last jobs of a version took."""

from __future__ import annotations

import statistics
import time
from collections import OrderedDict
from uuid import UUID

from coursewright_api.database.states import JobState, Purpose
from coursewright_api.database.tables import Job

JOBS = 20
KEPT_S = 60.0
_KEPT = 1_000


class Usual:
    """Medians, which may be a minute old: a list shows many."""

    def __init__(self) -> None:
        self._found: OrderedDict[UUID, tuple[float, float | None]] = OrderedDict()

    async def seconds(self, version_id: UUID) -> float | None:
        """What half of its last jobs took at most, of all people together; None when none was completed."""
        asked_at, found = self._found.get(version_id, (0.0, None))
        if asked_at and time.monotonic() - asked_at < KEPT_S:
            return found
        rows = (
            await Job.select(Job.started_at, Job.ended_at)
            .where(
                Job.pipeline_version == version_id,
                Job.purpose == Purpose.course.value,
                Job.state == JobState.completed.value,
                Job.started_at.is_not_null(),
                Job.ended_at.is_not_null(),
            )
            .order_by(Job.created_at, ascending=False)
            .limit(JOBS)
        )
        took = [(row["ended_at"] - row["started_at"]).total_seconds() for row in rows]
        found = round(statistics.median(took), 1) if took else None
        self._found[version_id] = (time.monotonic(), found)
        while len(self._found) > _KEPT:
            self._found.popitem(last=False)
        return found
