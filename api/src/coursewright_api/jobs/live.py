"""A job while it runs, in memory: what Prefect tells of it, as rows. Reads and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from coursewright.capabilities.llm import Script
from coursewright.run import report
from coursewright.run.endings import Ending
from coursewright.run.report import Event, Refusal, label_of

from coursewright_api.database.states import JobState, StepState

_OVER = {StepState.done, StepState.reused, StepState.failed, StepState.skipped, StepState.blocked}
_OVER |= {StepState.left_out, StepState.cancelled}
_ENDS = {
    "Completed": StepState.done,
    "Cached": StepState.reused,
    "Skipped": StepState.skipped,
    "LeftOut": StepState.left_out,
    "Cancelled": StepState.cancelled,
    "Crashed": StepState.cancelled,
}
"""Steps' ends by the names of Prefect's states (`coursewright.run.flow`)."""


@dataclass
class LiveStep:
    """A row of `job_step`. `id` is None until it is inserted."""

    step: str
    item: str
    position: int
    id: int | None = None
    state: StepState = StepState.waiting
    provider: str = ""
    progress: float = 0.0
    message: str = ""
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[str, ...] = ()
    task_run: UUID | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    changed: bool = False

    @property
    def over(self) -> bool:
        return self.state in _OVER

    def values(self) -> dict[str, Any]:
        """Its columns."""
        return {
            "step": self.step[:64],
            "item": _text(self.item)[:120],
            "position": self.position,
            "state": self.state.value,
            "provider": self.provider[:80],
            "progress": self.progress,
            "message": _text(self.message),
            "error": msgspec.json.encode(self.refusals).decode() if self.refusals else "",
            "notices": msgspec.json.encode(self.notices).decode() if self.notices else "",
            "task_run": self.task_run,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
        }

    def shown(self, job: UUID) -> dict[str, Any]:
        """What followers are told."""
        return {
            "job": job,
            "step": self.step,
            "item": self.item,
            "status": self.state.value,
            "provider": self.provider,
            "progress": round(self.progress, 4),
            "message": self.message,
            "errors": msgspec.to_builtins(self.refusals),
            "notices": list(self.notices),
        }


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The script of a job, and the step that gave it: the last one, where several do."""

    step: str
    script: Script
    supplied: bool = False
    """Its author's own: the step was not asked."""


@dataclass
class LiveJob:
    """A row of `job` with its steps: the columns that the mirror alone writes."""

    id: UUID
    owner: UUID
    flow_run: UUID
    state: JobState = JobState.pending
    progress: float = 0.0
    message: str = ""
    failures: tuple[report.StepFailure, ...] = ()
    outputs: dict[str, Any] = field(default_factory=dict)
    script: Made | None = None
    """What this attempt made, if it made one."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    steps: dict[tuple[str, str], LiveStep] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    """Ids of rows that stood for a step before its items were known."""
    changed: bool = False
    ending: Ending | None = None
    """What the run's process kept at its end, once it is over."""

    def values(self) -> dict[str, Any]:
        """Its columns."""
        return {
            "state": self.state.value,
            "progress": self.progress,
            "message": _text(self.message),
            "error": msgspec.json.encode(self.failures).decode() if self.failures else "",
            "outputs": msgspec.json.encode(self.outputs).decode() if self.outputs else "",
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            **({"script": msgspec.json.encode(self.script).decode()} if self.script else {}),
        }

    # What its process tells

    def tell(self, event: Event, at: datetime, task_run: UUID | None = None) -> None:
        """Something that the run's process says. After the end it says nothing new."""
        if self.state.over:
            return
        match event:
            case report.RunProgressed():
                self._progress(event.fraction)
            case report.ItemWaiting():
                step = self._step(event.step, event.item)
                if step.state is StepState.waiting:
                    self._change(step, message=_waiting(event), provider=event.provider or step.provider)
            case report.ItemStarted():
                step = self._step(event.step, event.item)
                if not step.over:
                    self._change(step, task_run=task_run or step.task_run)
                    begun = step.started_at or at
                    self._change(step, state=StepState.running, provider=event.provider, message="", started_at=begun)
                    self._say(f"{label_of(event.step, event.item)}: {event.provider}")
            case report.ItemProgressed():
                step = self._step(event.step, event.item)
                if not step.over:
                    part = min(1.0, max(0.0, event.done / event.total)) if event.total > 0 else 0.0
                    self._change(step, state=StepState.running, progress=part, message=event.message)
            case report.ItemRetrying():
                text = f"{event.refusal.sentence} · asked again in {event.wait_s:.0f} s (attempt {event.attempt})"
                self._change(self._step(event.step, event.item), message=text)
            case report.StepFellBack():
                step = self._step(event.step, event.item)
                text = f"{event.refusal.provider} did not serve: {event.refusal.sentence}"
                self._change(step, provider=event.provider, message=text, refusals=(*step.refusals, event.refusal))
            case report.ItemEnded():
                self._end_step(event.report, at)
                step = self._step(event.report.step, event.report.item)
                self._change(step, task_run=task_run or step.task_run)

    def _progress(self, fraction: float) -> None:
        if fraction > self.progress:
            self.progress, self.changed = min(1.0, fraction), True

    def _say(self, message: str) -> None:
        if self.state is JobState.running and message != self.message:
            self.message, self.changed = message, True

    def _end_step(self, item: report.ItemReport, at: datetime) -> None:
        step = self._step(item.step, item.item)
        state = StepState(item.state)
        self._change(
            step,
            state=state,
            provider=item.provider or step.provider,
            progress=1.0 if state in (StepState.done, StepState.reused) else step.progress,
            message="",
            notices=item.notices,
            refusals=item.fell_back or step.refusals,
            ended_at=step.ended_at or at,
        )

    def _step(self, step: str, item: str) -> LiveStep:
        found = self.steps.get((step, item))
        if found is None:
            siblings = [each for (name, _), each in self.steps.items() if name == step]
            position = siblings[0].position if siblings else len(self.steps)
            found = self.steps[step, item] = LiveStep(step, item, position)
            if item and (whole := self.steps.pop((step, ""), None)) is not None and whole.id is not None:
                self.gone.append(whole.id)
        return found

    @staticmethod
    def _change(step: LiveStep, **values: Any) -> None:
        for name, value in values.items():
            if getattr(step, name) != value:
                setattr(step, name, value)
                step.changed = True

    # What Prefect says

    def settle(
        self, state: JobState, message: str, *, at: datetime, started_at: datetime | None, ending: Ending | None = None
    ) -> bool:
        """Take the state that Prefect has; is it news? `ending` is what the run's process kept at its end."""
        if state is self.state and not (state.over and ending and not self.outputs and ending.report.outputs):
            return False
        if self.state.over and not state.over:
            self._reopen()
        self.changed = True
        self.state = state
        self.started_at = started_at or self.started_at
        self.ended_at = at if state.over else None
        if not state.over:
            self.message = "" if state is JobState.running else message
            return True
        self.ending = ending
        if ending is not None:
            self._take(ending, at)
        self._close(state, at)
        self.message = self._last_word(state, message)
        if state is JobState.completed:
            self.progress = 1.0
        return True

    def _reopen(self) -> None:
        """Somebody has begun it again in Prefect's pages."""
        for step in self.steps.values():
            if step.state not in (StepState.done, StepState.reused):
                self._change(step, state=StepState.waiting, message="", refusals=(), ended_at=None)
        self.failures = ()

    def _take(self, ending: Ending, at: datetime) -> None:
        found = ending.report
        for item in found.items:
            # A step with items is told by its items.
            if item.item or not any(name == item.step and each for name, each in self.steps):
                self._end_step(item, at)
        for failure in found.failures:
            step = self._step(failure.step, failure.item)
            self._change(step, refusals=failure.refusals, message=failure.cause.sentence)
        self.failures = tuple(each for each in found.failures if not each.optional)
        self.outputs = msgspec.to_builtins(found.outputs)
        if found.scripts:
            name, script = list(found.scripts.items())[-1]
            supplied = not any(item.provider for item in found.items if item.step == name)
            self.script = Made(step=name, script=script, supplied=supplied)

    def _close(self, state: JobState, at: datetime) -> None:
        """No step goes on when the run is over."""
        left = {
            JobState.completed: StepState.left_out,
            JobState.cancelled: StepState.cancelled,
            JobState.failed: StepState.blocked,
        }[state]
        for step in self.steps.values():
            if not step.over:
                cut_off = step.state is StepState.running and state is JobState.failed
                self._change(step, state=StepState.failed if cut_off else left, message="", ended_at=at)

    def _last_word(self, state: JobState, message: str) -> str:
        if state is JobState.completed:
            return ""
        if state is JobState.cancelled:
            return "cancelled"
        if self.failures:
            return "; ".join(f"{each.label}: {each.cause.sentence}" for each in self.failures[:3])
        return message or "the run ended without a word"

    def catch_up(
        self,
        label: str,
        state: str,
        message: str,
        started_at: datetime | None,
        ended_at: datetime | None,
        task_run: UUID | None = None,
    ) -> None:
        """A task as Prefect has it, for what was missed while nobody listened."""
        step_name, _, item = label.removesuffix("]").partition("[")
        step = self._step(step_name, item)
        if step.over or (item == "" and any(name == step_name and each for name, each in self.steps)):
            return
        self._change(step, task_run=task_run or step.task_run)
        if state == "Failed":
            end: StepState | None = StepState.blocked if message == "blocked" else StepState.failed
        else:
            end = _ENDS.get(state)
        if end is not None:
            made = end in (StepState.done, StepState.reused)
            values: dict[str, Any] = {"state": end, "ended_at": ended_at, "progress": 1.0 if made else step.progress}
            self._change(step, started_at=step.started_at or started_at, **values)
        elif state == "Running" and step.state is StepState.waiting:
            self._change(step, state=StepState.running, started_at=started_at)


def _text(said: str) -> str:
    """What PostgreSQL takes as text, of what providers say."""
    return said.replace("\0", "")


def _waiting(event: report.ItemWaiting) -> str:
    place = f"a place at {event.provider}" if event.provider else "its turn"
    return f"waits for {place}" + (f", {event.ahead} before it" if event.ahead else "")
