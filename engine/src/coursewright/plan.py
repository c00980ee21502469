"""A plan: a compiled pipeline. Frozen, typed, ordered, serialisable; all that crosses from compile to run."""

from __future__ import annotations

from typing import Any

import msgspec


class Literal(msgspec.Struct, frozen=True, tag="literal"):
    """A value written in the pipeline."""

    value: Any


class Ref(msgspec.Struct, frozen=True, tag="ref"):
    """`${a.b[0].c}`: a path from a step, `inputs`, `item` or `index`. A name on a list maps over its items."""

    path: tuple[str | int, ...]


class Expression(msgspec.Struct, frozen=True, tag="expression"):
    """Any other `${…}`: the source of a Jinja2 expression; `roots` are the names it reads."""

    source: str
    roots: tuple[str, ...]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Text around references; the parts are joined as strings."""

    parts: tuple[Literal | Ref | Expression, ...]


class Mapping(msgspec.Struct, frozen=True, tag="mapping"):
    """Values by key."""

    entries: dict[str, Value]


class Sequence(msgspec.Struct, frozen=True, tag="sequence"):
    """Values in order."""

    items: tuple[Value, ...]


class Template(msgspec.Struct, frozen=True, tag="template"):
    """A Jinja2 prompt, by content without its front matter; `name` (the path as written) only labels messages.

    `defaults` has every key that the front matter declares, with what stands for it where `data` has no value;
    of each group in `required`, at least one key needs a value.
    """

    name: str
    source: str
    version: int = 0
    defaults: dict[str, Any] = {}
    required: tuple[tuple[str, ...], ...] = ()


Value = Literal | Ref | Expression | Text | Mapping | Sequence | Template


FILE_TYPES = frozenset({"document", "image", "audio", "video", "file"})
"""Types of inputs whose value is an artifact."""


class InputSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One input of the pipeline: what a run must or may be given."""

    name: str
    type: str
    title: str = ""
    description: str = ""
    required: bool = True
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts` in all; before attempt n the step waits `backoff_s` × 2^(n-2) seconds, with jitter."""

    attempts: int = 1
    backoff_s: float = 1.0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One stage.

    `providers` are ids in the order they are asked; `reads` the steps its values name. Without `retry`
    the engine's own patience by class of error holds.
    """

    name: str
    title: str
    capability: str
    providers: tuple[str, ...]
    values: dict[str, Value] = {}
    for_each: Value | None = None
    when: Value | None = None
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    retry: Retry | None = None
    timeout_s: float | None = None
    cache: bool | None = None
    optional: bool = False
    mixing: bool = False
    returns: str | None = None


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A named result of the pipeline: a file when the value is an artifact, else JSON or text."""

    name: str
    value: Value


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline ready to run; `steps` are in an order in which each comes after what it reads and needs."""

    name: str
    title: str = ""
    description: str = ""
    inputs: tuple[InputSpec, ...] = ()
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...] = ()
