"""A YAML file as a tree in which every value knows its place and none has a type yet."""

from __future__ import annotations

import msgspec

from coursewright.document.problems import Place


class Scalar(msgspec.Struct, frozen=True):
    """A single value as written. `plain` is false when it stood in quotes or in a block of text."""

    text: str
    plain: bool
    place: Place

    @property
    def blank(self) -> bool:
        """Nothing was written at all."""
        return self.plain and not self.text


class Sequence(msgspec.Struct, frozen=True):
    """A list."""

    items: tuple[Node, ...]
    place: Place


class Mapping(msgspec.Struct, frozen=True):
    """Keys with values, merged and without repetitions, in file order."""

    entries: dict[str, Entry]
    place: Place


class Entry(msgspec.Struct, frozen=True):
    """A key and its value."""

    key: Scalar
    value: Node


Node = Scalar | Sequence | Mapping


def called(node: Node) -> str:
    """What a person calls this kind of node."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "empty" if node.blank else "a single value"
