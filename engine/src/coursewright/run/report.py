"""What a run says while it goes on, and when it is over."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from coursewright.capabilities.llm import Script

State = Literal["done", "reused", "failed", "skipped", "blocked", "left_out", "cancelled"]
"""done: computed now. reused: from the store. skipped: its `when` is false, or what it reads is missing.
blocked: something it needs failed. left_out: not asked for (`--until`, `--only`)."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that was asked and did not serve, in its own words.

    `place` is what the request has at fault, as its author knows it: an input or a field, with the file's name.
    """

    provider: str
    error: str
    message: str
    remedy: str = ""
    detail: str = ""
    place: str = ""

    @property
    def sentence(self) -> str:
        """Place and message."""
        return f"{self.place}: {self.message}" if self.place else self.message


class StepFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A task that failed: the last refusal is the cause, those before it were fallen back from."""

    step: str
    item: str
    refusals: tuple[Refusal, ...]
    optional: bool = False

    @property
    def cause(self) -> Refusal:
        return self.refusals[-1]

    @property
    def label(self) -> str:
        return label_of(self.step, self.item)


class ItemReport(msgspec.Struct, frozen=True, kw_only=True):
    """One task: a step, or one item of a `for_each` step (`item` is its key, else empty)."""

    step: str
    item: str
    state: State
    provider: str = ""
    provider_version: str = ""
    seconds: float = 0.0
    notices: tuple[str, ...] = ()
    fell_back: tuple[Refusal, ...] = ()

    @property
    def label(self) -> str:
        return label_of(self.step, self.item)


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run. `outputs` holds the values of the pipeline's outputs that were made."""

    pipeline: str
    state: Literal["completed", "failed", "cancelled"]
    items: tuple[ItemReport, ...]
    failures: tuple[StepFailure, ...] = ()
    outputs: dict[str, Any] = {}
    scripts: dict[str, Script] = {}
    """Of the steps that give a script, by name: what an author may edit before the rest is made anew."""
    lengths_s: dict[str, float] = {}
    """Of the sounds and films among the outputs, by digest."""
    seconds: float = 0.0

    @property
    def notices(self) -> tuple[str, ...]:
        """What providers want the author to know, each once, in the order of the steps."""
        return tuple(dict.fromkeys(notice for item in self.items for notice in item.notices))


class ItemWaiting(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A task waits, with `ahead` others of this run before it: for its turn, or for a place at `provider`."""

    step: str
    item: str
    ahead: int
    provider: str = ""


class ItemStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A provider begins to work on a task."""

    step: str
    item: str
    provider: str


class ItemProgressed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`done` of `total` in the provider's own unit; `message` is its own."""

    step: str
    item: str
    done: float
    total: float
    message: str = ""


class ItemRetrying(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The provider will be asked again, as attempt number `attempt`, in `wait_s` seconds."""

    step: str
    item: str
    refusal: Refusal
    wait_s: float
    attempt: int


class StepFellBack(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From now on `provider` serves the step (or, with an item, that item)."""

    step: str
    item: str
    provider: str
    refusal: Refusal


class ItemEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A task has come to its end."""

    report: ItemReport


class RunProgressed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`fraction` of the whole run, 0 to 1, never going back."""

    fraction: float


Event = ItemWaiting | ItemStarted | ItemProgressed | ItemRetrying | StepFellBack | ItemEnded | RunProgressed


def label_of(step: str, item: str) -> str:
    """The readable name of a task: `voice[intro]`."""
    return f"{step}[{item}]" if item else step
