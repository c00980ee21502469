"""Streams of events: what followers are sent, whether by SSE or over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any
from uuid import UUID

import msgspec

from coursewright_api.auth.identity import Identity
from coursewright_api.auth.liveness import living
from coursewright_api.database.states import JobState
from coursewright_api.database.tables import Job
from coursewright_api.jobs.events import of_job
from coursewright_api.jobs.hub import PAGE, Follower, Hub, Row, events_after, last_id
from coursewright_api.jobs.rows import steps_of
from coursewright_api.problems import not_found

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
"""Proxies close what is silent for 30 to 60 s."""
CHECK_S = 5.0
"""Between two looks whether those who follow may still do so."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An event as followers get it. `data` is JSON. Without a type it is a heartbeat."""

    id: int = 0
    type: str = ""
    data: str = ""


HEARTBEAT = Message()


class Streams:
    """Opens streams, and ends those whose session has ended."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: dict[Follower, Identity] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    @contextlib.asynccontextmanager
    async def checking(self) -> AsyncIterator[None]:
        """Look after the sessions of those who follow, while the service runs."""
        task = asyncio.create_task(self._check())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def begin(self, who: Identity, job: UUID | None, since: int | None) -> bool:
        """May a stream be opened, and has it anything to tell? Raises a 404 for another's job."""
        if job is None:
            return True
        row = await Job.select(Job.state).where(Job.id == job, Job.owner == who.user_id).first()
        if row is None:
            raise not_found("job")
        over = JobState(row["state"]).over
        return not over or since is None or bool(await events_after(who.user_id, job, since, 1))

    async def messages(self, who: Identity, job: UUID | None, since: int | None) -> AsyncGenerator[Message, None]:
        """Events of a job, or of all jobs of a person, from after the event `since` on.

        Without one, a job's stream begins with how it is now. It ends with the job, the session or the service.
        """
        async with self._hub.following(who.user_id, job) as follower:
            self._open[follower] = who
            try:
                async for message in self._told(follower, since):
                    yield message
            finally:
                self._open.pop(follower, None)

    async def _told(self, follower: Follower, since: int | None) -> AsyncGenerator[Message, None]:
        last = since
        if last is None:
            last = await last_id()
            if follower.job is not None:
                told = await _now(follower.job, last)
                for message in told:
                    yield message
                if told and told[-1].type == "end":
                    return
        else:
            follower.missed = True
        while not self._hub.closing.is_set() and not follower.ended:
            follower.woken.clear()
            rows = await self._next(follower, last)
            for row in rows:
                last = row["id"]
                yield Message(id=row["id"], type=row["type"], data=row["data"])
            if follower.job is not None and rows and rows[-1]["type"] == "end":
                return
            if not rows and not follower.woken.is_set():
                try:
                    async with asyncio.timeout(HEARTBEAT_S):  # `wait_for` would make a task for each who waits
                        await follower.woken.wait()
                except TimeoutError:
                    yield HEARTBEAT

    @staticmethod
    async def _next(follower: Follower, last: int) -> list[Row]:
        if not follower.missed:
            return [row for row in follower.taken() if row["id"] > last]
        # Cleared first: whatever comes while the database is read waits in the queue.
        follower.missed = False
        rows = await events_after(follower.owner, follower.job, last)
        if len(rows) == PAGE:
            follower.missed = True
            follower.woken.set()
        return rows

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            following = dict(self._open)  # who comes while the database is asked is not judged by its answer
            try:
                alive = await living(list(following.values()))
            except Exception as error:  # the database may be away for a while
                log.warning("sessions cannot be checked now: %s", type(error).__name__)
                continue
            for follower, who in following.items():
                if not alive(who):
                    follower.end()


async def _now(job: UUID, at: int) -> list[Message]:
    """How a job is, as events."""
    row: dict[str, Any] | None = await Job.select().where(Job.id == job).first()
    if row is None:
        return []
    kinds = ("job", "end") if JobState(row["state"]).over else ("job",)
    steps = [Message(id=at, type="step", data=_json(step.shown(job))) for step in await steps_of(job)]
    return steps + [Message(id=at, type=kind, data=_json(of_job(row, kind).data)) for kind in kinds]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
