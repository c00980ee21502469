"""The service's connection to Prefect: opened beside all else, since importing its client takes seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from coursewright.errors import CoursewrightError
from coursewright.run.daemon import in_daemon_thread
from coursewright.run.server import environment
from coursewright.settings import Settings

from coursewright_api.problems import ApiError

if TYPE_CHECKING:
    from coursewright.run.orchestration import Orchestration

log = logging.getLogger(__name__)
_LOOK_S = 0.1


def unavailable(reason: str = "Prefect does not answer") -> ApiError:
    """A 503: what is asked for needs Prefect."""
    return ApiError(
        503, "prefect_unavailable", reason, remedy="try again in a few seconds", headers={"Retry-After": "5"}
    )


class PrefectLink:
    """Holds the one `Orchestration` of this process, once there is one."""

    def __init__(self, settings: Settings, url: Callable[[], str]) -> None:
        self._settings = settings
        self._url = url
        self._opened: asyncio.Future[Orchestration] | None = None

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Begin to connect; let go at the end."""
        self._opened = asyncio.get_running_loop().create_future()
        opening = asyncio.create_task(self._open(self._opened))
        try:
            yield
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            self._opened.cancel()

    def now(self) -> Orchestration:
        """The connection. Raises a 503 while there is none."""
        if self._opened is None or not self._opened.done() or self._opened.cancelled():
            raise unavailable("Prefect is not there yet")
        return self._opened.result()

    async def wait(self) -> Orchestration:
        """The connection, once there is one."""
        if self._opened is None:
            raise unavailable("Prefect is not there yet")
        return await asyncio.shield(self._opened)

    async def _open(self, opened: asyncio.Future[Orchestration]) -> None:
        url = await self._address()
        os.environ.update(environment(self._settings, url))
        orchestration = await in_daemon_thread(_orchestration, url)
        async with orchestration:
            opened.set_result(orchestration)
            await asyncio.Event().wait()

    async def _address(self) -> str:
        told = False
        while True:
            try:
                if url := self._url():
                    return url
            except CoursewrightError as error:
                if not told:
                    log.error("jobs cannot be run: %s", error)
                told = True
            await asyncio.sleep(_LOOK_S)


def _orchestration(url: str) -> Orchestration:
    from coursewright.run.orchestration import Orchestration

    return Orchestration(url)
