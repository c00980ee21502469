"""A deployed run tells its followers how it goes on, by Prefect's events. Imports Prefect."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any
from uuid import UUID

import msgspec
from prefect.context import TaskRunContext
from prefect.events import emit_event

from coursewright.run.report import Event, ItemEnded, ItemProgressed, ItemStarted, RunProgressed

PREFIX = "coursewright."
"""Begins the names of our events; the rest is the event's type."""
RESOURCE = "prefect.flow-run."
"""Begins the resource's id; the rest is the flow run's."""
TASK = "prefect.task-run."
"""Begins the id of a related resource: the task run that a task of ours is."""
_PACE_S = 0.1
"""Between two events of the same progress: what the eye can tell, and what Prefect carries from many runs at once."""


class Telling:
    """An observer of one run, to be made and called in its event loop."""

    def __init__(self, flow_run: UUID) -> None:
        self._resource = {"prefect.resource.id": f"{RESOURCE}{flow_run}"}
        # Outside the flow, so that Prefect's client does not ask its server what each event is related to.
        self._context = contextvars.copy_context()
        self._loop = asyncio.get_running_loop()
        self._held: dict[Any, Event | None] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case ItemProgressed():
                self._paced((event.step, event.item), event)
            case RunProgressed():
                self._paced((), event)
            case ItemStarted():
                self._send(event, _task_run())
            case ItemEnded():
                if (event.report.step, event.report.item) in self._held:
                    self._held[event.report.step, event.report.item] = None
                self._send(event, _task_run())
            case _:
                self._send(event)

    def _paced(self, key: Any, event: Event) -> None:
        """Send it at once, or the last one of its kind when its time has come."""
        if key in self._held:
            self._held[key] = event
            return
        self._send(event)
        self._wait(key)

    def _wait(self, key: Any) -> None:
        self._held[key] = None
        self._loop.call_later(_PACE_S, self._release, key)

    def _release(self, key: Any) -> None:
        if (event := self._held.pop(key)) is not None:
            self._send(event)
            self._wait(key)

    def _send(self, event: Event, task_run: UUID | None = None) -> None:
        payload = msgspec.to_builtins(event, str_keys=True)
        related = [{"prefect.resource.id": f"{TASK}{task_run}", "prefect.resource.role": "task-run"}]
        self._context.run(
            emit_event,
            f"{PREFIX}{type(event).__name__}",
            self._resource,
            related=related if task_run else None,
            payload=payload,
        )


def _task_run() -> UUID | None:
    """Of the task that this is called in."""
    context = TaskRunContext.get()
    return context.task_run.id if context else None
