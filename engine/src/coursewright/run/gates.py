"""How many tasks go on at once: in one run by a gate for each step, over all workers by places at a provider."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from coursewright.settings import Limit

TOLD = 10
"""So many in front of a queue hear of every change; those behind would only make noise."""
_POLL_S = 0.25
"""How often a place that another worker has is asked for; one given back in this run is taken at once."""


class Gate:
    """At most `size` pass at once, in the order in which they came. Who waits is told how many are ahead."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: dict[asyncio.Future[None], Callable[[int], None]] = {}

    @asynccontextmanager
    async def passed(self, told: Callable[[int], None]) -> AsyncIterator[None]:
        """Wait for a turn, and keep it while the body runs."""
        await self._enter(told)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, told: Callable[[int], None]) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        told(len(self._waiting))
        self._waiting[turn] = told
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the turn came together with the cancel
            else:
                self._waiting.pop(turn, None)
            raise

    def _leave(self) -> None:
        if not self._waiting:
            self._free += 1
            return
        turn = next(iter(self._waiting))
        del self._waiting[turn]
        turn.set_result(None)
        for ahead, told in enumerate(list(self._waiting.values())[:TOLD]):
            told(ahead)


class Slots(Protocol):
    """Places that all workers share."""

    async def take(self, name: str) -> object | None:
        """A place, or None while all are taken. Never waits long."""

    async def give_back(self, place: object) -> None:
        """The place is free again."""


def place_name(provider_id: str) -> str:
    """The shared limit of requests at once."""
    return f"coursewright:{provider_id}"


def rate_name(provider_id: str) -> str:
    """The shared limit of requests begun in a minute."""
    return f"coursewright:{provider_id}:per-minute"


class Places:
    """Places at limited providers, over all workers; without `slots` there are no others to agree with."""

    def __init__(self, limits: Mapping[str, Limit], slots: Slots | None) -> None:
        self._limits = limits
        self._slots = slots
        self._queues: dict[str, list[object]] = {}
        self._changed: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def at(self, provider_id: str, told: Callable[[int], None]) -> AsyncIterator[None]:
        """Wait until the provider may be asked. `told` hears how many of this run are ahead while others are served."""
        limit = self._limits.get(provider_id)
        if limit is None or self._slots is None:
            yield
            return
        place = await self._taken(place_name(provider_id), told) if limit.at_once else None
        try:
            if limit.per_minute:
                await self._taken(rate_name(provider_id), told)
            yield
        finally:
            if place is not None:
                await asyncio.shield(self._slots.give_back(place))
                self._event(place_name(provider_id)).set()

    async def _taken(self, name: str, told: Callable[[int], None]) -> object:
        assert self._slots is not None  # noqa: S101  # for the type checker: `at` has looked
        queue = self._queues.setdefault(name, [])
        ticket = object()
        queue.append(ticket)
        said: int | None = None
        try:
            while True:
                ahead = queue.index(ticket)
                if ahead == 0 and (place := await self._slots.take(name)) is not None:
                    return place
                if ahead != said and ahead < TOLD:
                    told(ahead)
                    said = ahead
                await self._soon(name)
        finally:
            queue.remove(ticket)
            self._event(name).set()

    async def _soon(self, name: str) -> None:
        """Until something changes here, or may have changed elsewhere."""
        event = self._event(name)
        event.clear()
        try:
            async with asyncio.timeout(_POLL_S):
                await event.wait()
        except TimeoutError:
            pass

    def _event(self, name: str) -> asyncio.Event:
        return self._changed.setdefault(name, asyncio.Event())


def shared_limits(limits: Mapping[str, Limit]) -> dict[str, tuple[int, float | None]]:
    """(places, places that come back each second) of every shared limit, by name.

    A rate has few places that come back by themselves, so that a minute's worth is not begun in one second.
    """
    shared: dict[str, tuple[int, float | None]] = {}
    for provider_id, limit in limits.items():
        if limit.at_once:
            shared[place_name(provider_id)] = (limit.at_once, None)
        if limit.per_minute:
            shared[rate_name(provider_id)] = (math.ceil(limit.per_minute / 60), limit.per_minute / 60)
    return shared
