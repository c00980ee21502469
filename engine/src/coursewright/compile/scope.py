"""What the references of one place may name, and what they did name."""

from __future__ import annotations

import msgspec

from coursewright.compile.types import UNKNOWN, Type
from coursewright.document.problems import Place

Path = tuple[str | int, ...]


class StepPort(msgspec.Struct, frozen=True):
    """What a step offers to others: its result, and why that may be missing."""

    result: Type
    position: int
    when: str | None = None
    optional: bool = False

    @property
    def may_be_skipped(self) -> bool:
        return self.when is not None or self.optional


class Scope(msgspec.Struct):
    """The names in reach of one step, or of the outputs, which stand after all steps.

    `known_present` holds paths that are there whenever this place is evaluated; `tolerant` is true for
    an optional step, which may be given what is missing: it then is skipped. `inputs_used` and `reads`
    collect the inputs and steps that references name.
    """

    inputs: dict[str, Type]
    steps: dict[str, StepPort]
    position: int
    item: Type | None = None
    tolerant: bool = False
    known_present: set[Path] = msgspec.field(default_factory=set)
    inputs_used: dict[str, None] = msgspec.field(default_factory=dict)
    reads: list[tuple[str, Place]] = msgspec.field(default_factory=list)

    def names(self) -> list[str]:
        """The names a reference may begin with."""
        return [
            *(["inputs"] if self.inputs else []),
            *(name for name, port in self.steps.items() if port.position < self.position),
            *(["item", "index"] if self.item else []),
        ]

    def result(self, step: str) -> Type:
        """The type of a step's result, `unknown` where nothing is known."""
        return self.steps[step].result if step in self.steps else UNKNOWN
