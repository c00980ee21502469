"""Live progress of a run: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click

from coursewright.plan import Plan
from coursewright.run.report import (
    Event,
    ItemEnded,
    ItemProgressed,
    ItemRetrying,
    ItemStarted,
    ItemWaiting,
    RunProgressed,
    StepFellBack,
    label_of,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_MARKS = {"done": "✓", "reused": "↺", "failed": "✗", "skipped": "–", "blocked": "·", "left_out": "·", "cancelled": "·"}
_WORDS = {"reused": "already finished", "skipped": "skipped", "blocked": "not reached"}


class Display:
    """An observer of a run's events. With `shown=False` it says nothing."""

    def __init__(self, plan: Plan, *, shown: bool) -> None:
        self._titles = {step.name: step.title or step.name for step in plan.steps}
        self._title = plan.title or plan.name
        self._shown = shown
        self._bars: Progress | None = None
        self._whole: TaskID | None = None
        self._now = ""
        self._fraction = 0.0

    def __enter__(self) -> Display:
        if self._shown and sys.stderr.isatty():
            self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, message: str) -> None:
        """Say what goes on before the first step; an empty message ends it."""
        if self._bars is not None and self._whole is not None:
            self._bars.update(self._whole, now=message)
        elif self._shown and message:
            click.echo(message, err=True)

    def __call__(self, event: Event) -> None:
        if not self._shown:
            return
        match event:
            case ItemStarted():
                self._update(f"{self._titles[event.step]} {event.item}".strip())
            case ItemWaiting() if event.provider:
                ahead = f", {event.ahead} of this run ahead" if event.ahead else ""
                self._update(f"{self._titles[event.step]} {event.item} waits for a place at {event.provider}{ahead}")
            case ItemProgressed():
                part = f"{event.done:g}/{event.total:g}" if event.total else ""
                self._update(" ".join(filter(None, [self._titles[event.step], event.item, part, event.message])))
            case RunProgressed():
                self._fraction = event.fraction
                self._update(self._now)
            case ItemRetrying():
                self._line(
                    f"↻ {label_of(event.step, event.item)}: {event.refusal.message}; again in {event.wait_s:.0f} s"
                )
            case StepFellBack():
                self._line(f"⇢ {label_of(event.step, event.item)}: {event.refusal.message}; now {event.provider}")
            case ItemEnded() if event.report.state != "left_out":
                report = event.report
                word = _WORDS.get(report.state) or (
                    f"{report.seconds:.1f} s" if report.state == "done" else report.state
                )
                self._line(f"{_MARKS[report.state]} {self._titles[report.step]} {report.item}".rstrip() + f"  {word}")

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._whole = self._bars.add_task(self._title, total=1.0, now="")
        self._bars.start()

    def _update(self, now: str) -> None:
        self._now = now
        if self._bars is not None and self._whole is not None:
            self._bars.update(self._whole, completed=self._fraction, now=now)

    def _line(self, line: str) -> None:
        if self._bars is not None:
            self._bars.console.print(line, markup=False, highlight=False)
        else:
            click.echo(f"{self._fraction * 100:3.0f} %  {line}", err=True)
