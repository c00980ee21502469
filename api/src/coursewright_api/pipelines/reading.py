"""Which inputs of a pipeline a step reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from coursewright.plan import Expression, Mapping, Ref, Sequence, Step, Text, Value

_INPUT = re.compile(r"\binputs\s*\.\s*([a-z]\w*)")


def inputs_of(step: Step) -> set[str]:
    """The inputs that a step itself reads."""
    values = [*step.values.values(), *(each for each in (step.for_each, step.when) if each is not None)]
    return {name for value in values for name in _inputs_in(value)}


def _inputs_in(value: Value) -> Iterator[str]:
    match value:
        case Ref() if value.path[0] == "inputs" and len(value.path) > 1:
            yield str(value.path[1])
        case Expression():
            yield from _INPUT.findall(value.source)
        case Text():
            for part in value.parts:
                yield from _inputs_in(part)
        case Mapping():
            for entry in value.entries.values():
                yield from _inputs_in(entry)
        case Sequence():
            for item in value.items:
                yield from _inputs_in(item)
