"""Turns and places: who may ask a provider, and what those hear who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from coursewright.run import gates
from coursewright.run.gates import Gate, Places, shared_limits
from coursewright.run.report import ItemWaiting
from coursewright.settings import Limit


class Slots:
    """Places in memory, as Prefect keeps them."""

    def __init__(self, **places: int) -> None:
        self.free = dict(places)
        self.taken = 0

    async def take(self, name: str) -> object | None:
        kind = "rate" if name.endswith("per-minute") else "places"
        if not self.free[kind]:
            return None
        self.free[kind] -= 1
        self.taken += 1
        return kind

    async def give_back(self, place: object) -> None:
        self.free[str(place)] += 1


async def in_turn(
    enter: Callable[[Callable[[int], None]], Any], count: int, inside_s: float = 0.01
) -> tuple[list[int], list[list[int]], int]:
    """Let so many through: the order in which they came in, what each heard, and how many were in at once."""
    order: list[int] = []
    heard: list[list[int]] = [[] for _ in range(count)]
    inside = most = 0

    async def one(number: int) -> None:
        nonlocal inside, most
        async with enter(heard[number].append):
            order.append(number)
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(inside_s)
            inside -= 1

    await asyncio.gather(*(one(number) for number in range(count)))
    return order, heard, most


def test_a_gate_lets_through_in_order_and_tells_who_is_ahead() -> None:
    async def work() -> None:
        gate = Gate(2)
        order, heard, most = await in_turn(gate.passed, 5)
        assert (order, most) == ([0, 1, 2, 3, 4], 2)
        assert heard == [[], [], [0], [1, 0], [2, 1, 0]]

    asyncio.run(work())


def test_who_gives_up_waiting_leaves_no_hole_in_the_gate() -> None:
    async def work() -> None:
        gate = Gate(1)

        async def hold() -> None:
            async with gate.passed(lambda _: None):
                await asyncio.sleep(60)

        holding, waiting = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting.cancel()
        holding.cancel()
        await asyncio.gather(holding, waiting, return_exceptions=True)
        async with asyncio.timeout(1), gate.passed(lambda _: None):
            pass

    asyncio.run(work())


def test_a_turn_that_comes_with_the_cancel_is_passed_on() -> None:
    async def work() -> None:
        gate = Gate(1)
        async with gate.passed(lambda _: None):
            waiting = asyncio.create_task(_pass(gate))
            await asyncio.sleep(0)
        waiting.cancel()  # its turn has come, and it has not run since
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(1):
            await _pass(gate)

    asyncio.run(work())


async def _pass(gate: Gate) -> None:
    async with gate.passed(lambda _: None):
        pass


def test_places_are_shared_and_given_back() -> None:
    async def work() -> None:
        slots = Slots(places=1)
        places = Places({"tts.voice": Limit(at_once=1)}, slots)
        order, heard, most = await in_turn(lambda told: places.at("tts.voice", told), 4, 0.3)
        assert (order, most) == ([0, 1, 2, 3], 1)
        assert heard == [[], [0], [1, 0], [2, 1, 0]]
        assert slots.free == {"places": 1}

    asyncio.run(work())


def test_a_place_is_handed_on_within_a_run_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(handed_on_s: float) -> int:
        monkeypatch.setattr(gates, "_HANDED_ON_S", handed_on_s)
        slots = Slots(places=1)
        places = Places({"tts.voice": Limit(at_once=1)}, slots)
        _, _, most = await in_turn(lambda told: places.at("tts.voice", told), 4)
        assert (most, slots.free) == (1, {"places": 1})
        return slots.taken

    assert asyncio.run(work(60.0)) == 1
    assert asyncio.run(work(0.0)) == 4


def test_a_place_given_back_early_lets_the_next_one_ask() -> None:
    async def work() -> None:
        slots = Slots(places=1)
        places = Places({"tts.voice": Limit(at_once=1)}, slots)
        async with places.at("tts.voice", lambda _: None) as first:
            first.give_back_soon()
            async with asyncio.timeout(1), places.at("tts.voice", lambda _: None):
                pass
        assert slots.free == {"places": 1}

    asyncio.run(work())


def test_a_cancel_while_waiting_loses_no_place() -> None:
    async def work() -> None:
        slots = Slots(places=1)
        places = Places({"tts.voice": Limit(at_once=1)}, slots)

        async def hold() -> None:
            async with places.at("tts.voice", lambda _: None):
                await asyncio.sleep(60)

        holding = [asyncio.create_task(hold()) for _ in range(3)]
        await asyncio.sleep(0.01)
        for task in reversed(holding):
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)
        assert slots.free == {"places": 1}

    asyncio.run(work())


def test_a_place_that_others_hold_is_waited_for() -> None:
    async def work() -> None:
        slots = Slots(places=0)
        places = Places({"tts.voice": Limit(at_once=1)}, slots)
        heard: list[int] = []

        async def ask() -> None:
            async with places.at("tts.voice", heard.append):
                pass

        asking = asyncio.create_task(ask())
        while not heard:
            await asyncio.sleep(0.01)
        assert heard == [0]
        slots.free["places"] = 1  # another worker has given it back
        async with asyncio.timeout(2):
            await asking

    asyncio.run(work())


@pytest.mark.parametrize("limits", [{}, {"tts.other": Limit(at_once=1)}])
def test_an_unlimited_provider_waits_for_nobody(limits: dict[str, Limit]) -> None:
    async def work() -> None:
        async with Places(limits, Slots(places=0)).at("tts.voice", lambda _: pytest.fail("it waited")):
            pass

    asyncio.run(work())


def test_a_rate_is_places_that_come_back_by_themselves() -> None:
    limits = {"tts.a": Limit(at_once=4), "tts.b": Limit(per_minute=30), "tts.c": Limit(at_once=2, per_minute=600)}

    assert shared_limits(limits) == {
        "coursewright:tts.a": (4, None),
        "coursewright:tts.b:per-minute": (1, 0.5),
        "coursewright:tts.c": (2, None),
        "coursewright:tts.c:per-minute": (10, 10.0),
    }


def test_items_that_wait_for_their_turn_say_so(project: Any, course: str) -> None:
    project.offer("tts", "voice", project.speak("voice"), concurrency=1)

    project.run(course, {"scenes": "a:one b:two c:three"})

    waiting = [event for event in project.events if isinstance(event, ItemWaiting) and event.step == "voice"]
    assert [(event.item, event.ahead) for event in waiting] == [("b", 0), ("c", 1), ("c", 0)]


def test_the_operators_limit_counts_instead_of_the_providers_own(project: Any, course: str) -> None:
    project.offer("tts", "voice", project.speak("voice"), concurrency=1)
    project.settings = type(project.settings)(
        data_dir=project.settings.data_dir, workers=4, limits={"tts.voice": Limit(at_once=3)}
    )

    project.run(course, {"scenes": "a:one b:two c:three"})

    assert not [event for event in project.events if isinstance(event, ItemWaiting) and event.step == "voice"]
