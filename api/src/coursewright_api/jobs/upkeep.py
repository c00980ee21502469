"""What jobs need while the service runs: Prefect, submissions, the mirror, and readers of events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coursewright_api.service import Service


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
        mirroring = asyncio.create_task(service.mirror.keep())
        try:
            yield
        finally:
            service.pipelines.on_current = None
            mirroring.cancel()
            await asyncio.gather(mirroring, return_exceptions=True)
