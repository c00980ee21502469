"""What tasks end as, how the items of a `for_each` are one, and which part of a plan is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from coursewright.plan import Step
from coursewright.run.report import State


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a task or a whole step ended. `value` is its result, a list for a `for_each`, else None."""

    state: State
    value: Any = None


Body = Callable[[], Awaitable[Outcome]]
Runner = Callable[[Step, str, Body], Awaitable[Outcome]]
"""Runs the body of one task; where a flow run is kept, it records it there."""


async def run_directly(_step: Step, _item: str, body: Body) -> Outcome:
    """A Runner that keeps no flow run."""
    return await body()


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the plan is wanted.

    `steps`: only these; `until` is the last of them. `force`: these are made anew. `item`: of every
    `for_each` only this item is worked on; others count where they are finished already.
    `compute=False`: make nothing at all.
    `supplied`: results that the author gives, by task label.
    """

    steps: frozenset[str] | None = None
    until: str | None = None
    force: frozenset[str] = frozenset()
    item: str | None = None
    compute: bool = True
    supplied: dict[str, Any] = {}

    @property
    def whole(self) -> bool:
        """Is nothing left out?"""
        return self.compute and self.steps is None and self.item is None


def keys_of(elements: list[Any]) -> list[str]:
    """Items are known by their id where they have one, else by their place."""
    keys = [str(getattr(element, "id", index)) for index, element in enumerate(elements)]
    return keys if len(set(keys)) == len(keys) else [str(index) for index in range(len(elements))]


_WORST_FIRST: tuple[State, ...] = ("failed", "blocked", "left_out")


def combined(outcomes: list[Outcome]) -> Outcome:
    """A `for_each` as one outcome: as bad as its worst item; the value is the list of those not skipped."""
    states = {outcome.state for outcome in outcomes}
    for state in _WORST_FIRST:
        if state in states:
            return Outcome(state=state)
    served = [outcome.value for outcome in outcomes if outcome.state != "skipped"]
    if outcomes and not served:
        return Outcome(state="skipped")
    return Outcome(state="reused" if states <= {"reused"} else "done", value=served)


def pass_on(future: asyncio.Future[Outcome], done: asyncio.Task[Outcome]) -> None:
    """Give a task's outcome, when it has one, to those who wait for the future."""
    if not done.cancelled() and done.exception() is None and not future.done():
        future.set_result(done.result())
