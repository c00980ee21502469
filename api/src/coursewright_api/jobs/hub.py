"""Events from the database to those who follow, in this process: one reader, many queues."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
from piccolo.query.functions import Max

from coursewright_api.database import Database
from coursewright_api.database.engines import PgEngine
from coursewright_api.database.tables import JobEvent
from coursewright_api.jobs.events import CHANNEL

log = logging.getLogger(__name__)

QUEUED = 256
"""Events that a slow follower may be behind; then it is given what it missed from the database."""
PAGE = 500
_LOOK_S = 2.0
"""Also without being woken: a wake-up can be lost with its connection."""
_AGAIN_S = 1.0
Row = dict[str, Any]


class Follower:
    """One who follows a job, or all jobs of a person. `missed`: its queue was full, so it must look by itself."""

    __slots__ = ("ended", "job", "missed", "owner", "queue", "woken")

    def __init__(self, owner: UUID, job: UUID | None) -> None:
        self.owner = owner
        self.job = job
        self.queue: list[Row] = []
        self.missed = False
        self.ended = False
        self.woken = asyncio.Event()

    def end(self) -> None:
        """No more for this one."""
        self.ended = True
        self.woken.set()

    def give(self, row: Row) -> None:
        """An event, unless too many wait already."""
        if len(self.queue) >= QUEUED:
            self.queue.clear()
            self.missed = True
        if not self.missed:
            self.queue.append(row)
        self.woken.set()

    def taken(self) -> list[Row]:
        """What waits."""
        rows, self.queue = self.queue, []
        return rows


class Hub:
    """Reads new events once and gives them to all who follow."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: dict[UUID, set[Follower]] = {}
        self._last = 0
        self._woken = asyncio.Event()
        self.closing = asyncio.Event()
        """The service ends, and so must all streams."""

    @property
    def count(self) -> int:
        """How many follow."""
        return sum(map(len, self._followers.values()))

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read while the service runs."""
        tasks = [asyncio.create_task(self._read())]
        if isinstance(self._database.engine, PgEngine):
            tasks.append(asyncio.create_task(self._listen(self._database.engine)))
        try:
            yield
        finally:
            self.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """End all streams."""
        self.closing.set()
        for followers in self._followers.values():
            for follower in followers:
                follower.woken.set()

    @contextlib.asynccontextmanager
    async def following(self, owner: UUID, job: UUID | None = None) -> AsyncIterator[Follower]:
        """Whatever is committed from now on is given to the follower, and perhaps some of what was before."""
        if not self._followers:
            self._last = max(self._last, await last_id())
        follower = Follower(owner, job)
        self._followers.setdefault(owner, set()).add(follower)
        self.wake()
        try:
            yield follower
        finally:
            mine = self._followers[owner]
            mine.discard(follower)
            if not mine:
                del self._followers[owner]

    async def _read(self) -> None:
        while True:
            # Not wait_for: before Python 3.12 it forgets a cancel that comes together with what it waits for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._woken.wait()
            self._woken.clear()
            try:
                while self._followers and await self._read_page():
                    pass
            except Exception as error:  # the database may be away for a while
                log.warning("events cannot be read now: %s", type(error).__name__)
                await asyncio.sleep(_AGAIN_S)

    async def _read_page(self) -> bool:
        rows = await JobEvent.select().where(JobEvent.id > self._last).order_by(JobEvent.id).limit(PAGE)
        for row in rows:
            for follower in self._followers.get(row["owner"], ()):
                if follower.job is None or follower.job == row["job"]:
                    follower.give(row)
        if rows:
            self._last = rows[-1]["id"]
        return len(rows) == PAGE

    async def _listen(self, engine: PgEngine) -> None:
        """A connection of its own, made anew when it is lost: a pool's would be given to others."""
        while True:
            connection = None
            try:
                connection = await engine.connect()
                await connection.add_listener(CHANNEL, lambda *_: self.wake())
                self.wake()
                lost = asyncio.Event()
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await lost.wait()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("PostgreSQL's notices cannot be heard now: %s", type(error).__name__)
            finally:
                if connection is not None and not connection.is_closed():
                    connection.terminate()
            await asyncio.sleep(_AGAIN_S)


async def last_id() -> int:
    """The id of the newest event."""
    found = await JobEvent.select(Max(JobEvent.id))
    return int(found[0]["max"] or 0)


async def events_after(owner: UUID, job: UUID | None, since: int, limit: int = PAGE) -> list[Row]:
    """Events that somebody has missed, the oldest first."""
    query = JobEvent.select().where(JobEvent.id > since).order_by(JobEvent.id).limit(limit)
    return await query.where(JobEvent.job == job if job is not None else JobEvent.owner == owner)
