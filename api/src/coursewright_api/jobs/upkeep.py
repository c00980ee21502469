"""What jobs need while the service runs: Prefect, submissions, the mirror, and readers of events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from coursewright_api.database.columns import now
from coursewright_api.database.tables import Job, JobEvent

if TYPE_CHECKING:
    from coursewright_api.jobs.records import Jobs
    from coursewright_api.service import Service


log = logging.getLogger(__name__)

EVENTS_KEPT = timedelta(days=30)
"""After a job's end; by then nobody is going on with its stream."""
PREVIEWS_KEPT = timedelta(days=1)
_SWEEP_FIRST_S = 60.0
"""After the start, which has enough to do."""
_SWEEP_EVERY_S = 6 * 3600.0


async def _sweep(jobs: Jobs) -> None:
    """Remove old previews, and the events of jobs that ended long ago. Processes do no harm beside each other."""
    await asyncio.sleep(_SWEEP_FIRST_S)
    while True:
        try:
            long_over = Job.select(Job.id).where(Job.ended_at < now() - EVENTS_KEPT)
            await JobEvent.delete().where(JobEvent.job.is_in(long_over))
            await jobs.drop_previews(now() - PREVIEWS_KEPT)
        except Exception as error:  # the database may be away for a while
            log.warning("old events and previews could not be removed: %s", type(error).__name__)
        await asyncio.sleep(_SWEEP_EVERY_S)


@contextlib.asynccontextmanager
async def jobs_kept_up(service: Service) -> AsyncIterator[None]:
    """Begin all of it; end it in the opposite order."""

    async def deploy(row: dict[str, Any]) -> None:
        service.submitter.deploy_later(row)

    service.pipelines.on_current = deploy
    async with (
        service.prefect.held(),
        service.hub.reading(),
        service.streams.checking(),
        service.submitter.working(),
    ):
        mirroring = asyncio.gather(service.mirror.keep(), _sweep(service.jobs))
        try:
            yield
        finally:
            service.pipelines.on_current = None
            mirroring.cancel()
            await asyncio.gather(mirroring, return_exceptions=True)
