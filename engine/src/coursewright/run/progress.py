"""How far a run is: weighted by what its steps are expected to take, and never going back."""

from __future__ import annotations

from collections.abc import Callable

from coursewright.plan import Plan
from coursewright.run.report import Event, ItemEnded, ItemProgressed, RunProgressed

EXPECTED_S = {
    "document": 1.0,
    "llm": 1.0,
    "tts": 0.6,
    "video": 3.0,
    "slides": 0.4,
    "compose": 14.0,
    "export": 1.0,
}
"""CPU seconds of one task of the embedded providers in the two-minute demo (docs/measurements.md, "demo").
Only the proportions matter."""

EXPECTED_ITEMS = 6
"""Items of a `for_each` while nobody knows how many there are: the demo's scenes."""


class Progress:
    """Turns a run's events into `RunProgressed`, and passes all of them on."""

    def __init__(self, plan: Plan, keys_of: Callable[[str], list[str]], observer: Callable[[Event], None]) -> None:
        self._plan = plan
        self._keys_of = keys_of
        self._observer = observer
        self._parts: dict[tuple[str, str], float] = {}
        self._done = {step.name: 0.0 for step in plan.steps}
        self._seen = {step.name: 0 for step in plan.steps}
        self._fraction = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, ItemProgressed) and event.total > 0:
            self._note(event.step, event.item, min(1.0, max(0.0, event.done / event.total)))
        elif isinstance(event, ItemEnded):
            self._note(event.report.step, event.report.item, 1.0)
        self._observer(event)

    def _note(self, step: str, item: str, part: float) -> None:
        before = self._parts.get((step, item))
        self._parts[step, item] = part
        self._done[step] += part - (before or 0.0)
        self._seen[step] += before is None
        fraction = self._measure()
        if fraction > self._fraction:
            self._fraction = fraction
            self._observer(RunProgressed(fraction=fraction))

    def _measure(self) -> float:
        done = total = 0.0
        for step in self._plan.steps:
            weight = EXPECTED_S[step.capability]
            done += weight * self._done[step.name]
            total += weight * (1 if step.for_each is None else self._items(step.name))
        return min(1.0, done / total) if total else 1.0

    def _items(self, step: str) -> int:
        return max(len(self._keys_of(step)) or EXPECTED_ITEMS, self._seen[step])
