"""How many tasks go on at once: in one run by a gate for each step, over all workers by places at a provider."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

from coursewright.settings import Limit

TOLD = 10
"""So many in front of a queue hear of every change; those behind would only make noise."""
_HANDED_ON_S = 20.0
"""So long a place goes from one task of a run to the next; then other runs have their turn."""
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


class LocalSlots:
    """The same within one run, where no Prefect server keeps them. A rate is not kept: it needs a common clock."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._free = {name: places for name, (places, per_second) in shared_limits(limits).items() if not per_second}

    async def take(self, name: str) -> object | None:
        if name not in self._free:
            return name
        if not self._free[name]:
            return None
        self._free[name] -= 1
        return name

    async def give_back(self, place: object) -> None:
        self._free[str(place)] += 1


def place_name(provider_id: str) -> str:
    """The shared limit of requests at once."""
    return f"coursewright:{provider_id}"


def rate_name(provider_id: str) -> str:
    """The shared limit of requests begun in a minute."""
    return f"coursewright:{provider_id}:per-minute"


class Held(NamedTuple):
    """A shared place that this run has, and since when."""

    place: object
    since: float


class Place:
    """A place at a provider, to be given back once, early or at the end; without `places` one that nobody misses."""

    def __init__(self, places: Places | None = None, name: str = "", held: Held | None = None) -> None:
        self._places, self._name, self._held = places, name, held
        self._early: asyncio.Task[None] | None = None

    async def give_back(self) -> None:
        """Let the next one have it."""
        held, self._held = self._held, None
        if self._places is not None and held is not None:
            await self._places.take_back(self._name, held)

    def give_back_soon(self) -> None:
        """The same, for a caller in the loop that cannot wait."""
        self._early = asyncio.ensure_future(self.give_back())


class Places:
    """Places at limited providers, over all workers; without `slots` in this run alone."""

    def __init__(self, limits: Mapping[str, Limit], slots: Slots | None) -> None:
        self._limits = limits
        self._slots = slots or LocalSlots(limits)
        self._queues: dict[str, list[object]] = {}
        self._handed: dict[str, list[Held]] = {}
        self._changes: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def at(self, provider_id: str, told: Callable[[int], None]) -> AsyncIterator[Place]:
        """Wait until the provider may be asked. `told` hears how many of this run are ahead while others are served."""
        limit = self._limits.get(provider_id)
        place = Place()
        if limit and limit.at_once:
            name = place_name(provider_id)
            place = Place(self, name, await self._taken(name, told))
        try:
            if limit and limit.per_minute:
                await self._taken(rate_name(provider_id), told)
            yield place
        finally:
            await asyncio.shield(place.give_back())

    async def take_back(self, name: str, held: Held) -> None:
        """Hand the place to the next of this run, which costs no time; after a while let others have it."""
        if self._queues.get(name) and time.monotonic() - held.since < _HANDED_ON_S:
            self._handed.setdefault(name, []).append(held)
        else:
            await self._slots.give_back(held.place)
        self._change(name)

    async def _taken(self, name: str, told: Callable[[int], None]) -> Held:
        queue = self._queues.setdefault(name, [])
        ticket = object()
        queue.append(ticket)
        said: int | None = None
        waited = False
        try:
            while True:
                change = self._changes.setdefault(name, asyncio.get_running_loop().create_future())
                ahead = queue.index(ticket)
                if ahead == 0 and (held := await self._next(name)) is not None:
                    return held
                if waited and ahead != said and ahead < TOLD:
                    told(ahead)
                    said = ahead
                done, _ = await asyncio.wait([change], timeout=_POLL_S)
                waited = waited or not done  # what is over at once is not worth telling
        finally:
            queue.remove(ticket)
            if not queue:
                for held in self._handed.pop(name, []):  # nobody of this run waits any more
                    await asyncio.shield(self._slots.give_back(held.place))
            self._change(name)

    async def _next(self, name: str) -> Held | None:
        """A place handed on, or one of the shared ones. One that comes after a cancel is given back."""
        if handed := self._handed.get(name):
            return handed.pop()
        taking = asyncio.ensure_future(self._slots.take(name))
        try:
            place = await asyncio.shield(taking)
        except asyncio.CancelledError:
            if (place := await taking) is not None:
                await self._slots.give_back(place)
            raise
        return None if place is None else Held(place, time.monotonic())

    def _change(self, name: str) -> None:
        change = self._changes.pop(name, None)
        if change is not None and not change.done():
            change.set_result(None)


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
