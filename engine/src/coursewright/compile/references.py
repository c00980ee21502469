"""Finding `${…}` in a written value."""

from __future__ import annotations

import msgspec
from jinja2 import nodes

from coursewright.compile.scope import Path


class Found(msgspec.Struct, frozen=True):
    """The inside of a `${…}`, and how many `${` stand before it in the value."""

    source: str
    nth: int


class Unclosed(Exception):
    """A `${` without its `}`; `nth` as in `Found`."""

    def __init__(self, nth: int) -> None:
        super().__init__(nth)
        self.nth = nth


def split(text: str) -> list[str | Found]:
    """Text and references, in order; `$${` stands for a plain `${`. Raises Unclosed."""
    parts: list[str | Found] = []
    written, position, nth = "", 0, 0
    while (start := text.find("${", position)) >= 0:
        if start > position and text[start - 1] == "$":
            written += text[position : start - 1] + "${"
            position = start + 2
        else:
            end = _end(text, start + 2)
            if end < 0:
                raise Unclosed(nth)
            parts += [written + text[position:start], Found(text[start + 2 : end].strip(), nth)]
            written, position = "", end + 1
            nth += text.count("${", start + 1, position)
        nth += 1
    parts.append(written + text[position:])
    return [part for part in parts if part != ""]


def _end(text: str, position: int) -> int:
    """Where the closing brace is, beyond braces and quotes inside; -1 when there is none."""
    depth, quote = 0, ""
    for place in range(position, len(text)):
        char = text[place]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            if not depth:
                return place
            depth -= 1
    return -1


def path_of(tree: nodes.Node) -> Path | None:
    """The path when the expression is one: names and whole-number places, nothing else."""
    if isinstance(tree, nodes.Name):
        return (tree.name,)
    step = tree.attr if isinstance(tree, nodes.Getattr) else _written_place(tree)
    before = path_of(tree.node) if isinstance(tree, nodes.Getattr | nodes.Getitem) else None
    return None if before is None or step is None else (*before, step)


def _written_place(tree: nodes.Node) -> str | int | None:
    """`3`, `-1` or `'name'` in brackets."""
    match tree:
        case nodes.Getitem(arg=nodes.Const(value=bool())):
            return None
        case nodes.Getitem(arg=nodes.Const(value=str() | int() as place)):
            return place
        case nodes.Getitem(arg=nodes.Neg(node=nodes.Const(value=int() as place))):
            return -place
    return None


def certain_paths(tree: nodes.Node) -> set[Path]:
    """The paths that must have a value for the condition to be true."""
    match tree:
        case nodes.And():
            return certain_paths(tree.left) | certain_paths(tree.right)
        case nodes.Test(name="defined"):
            return certain_paths(tree.node)
        case nodes.Not(node=nodes.Test(name="none" | "undefined") as test):
            return certain_paths(test.node)
    path = path_of(tree)
    return set() if path is None else {path}
