"""The front matter of a prompt: YAML between two lines `---` at its top that declares what the prompt takes."""

from __future__ import annotations

from typing import Any

import msgspec

from coursewright.compile import shape
from coursewright.compile.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    LANGUAGE,
    NUMBER,
    TEXT,
    UNKNOWN,
    Limits,
    Type,
)
from coursewright.document import codes
from coursewright.document.nodes import Entry, Mapping, Scalar
from coursewright.document.problems import Report, did_you_mean, quoted
from coursewright.document.reader import read

KEYS = ("version", "description", "inputs", "any_of")
INPUT_KEYS = ("type", "required", "default", "one_of", "description")
TYPES: dict[str, Type] = {
    "text": TEXT,
    "language": LANGUAGE,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "list": Type("list", item=ANY),
    "script": Type("struct", "script"),
    "any": ANY,
}
_FENCE = "---"


class Declared(msgspec.Struct, frozen=True):
    """One thing that a prompt takes."""

    type: Type
    required: bool
    default: Any = None
    description: str = ""


class FrontMatter(msgspec.Struct, frozen=True):
    """What a prompt says of itself. `any_of` are inputs of which at least one is needed."""

    version: int
    description: str = ""
    inputs: dict[str, Declared] = {}
    any_of: tuple[str, ...] = ()

    @property
    def defaults(self) -> dict[str, Any]:
        """Every input with what stands for it when there is no value."""
        return {name: declared.default for name, declared in self.inputs.items()}

    @property
    def required(self) -> tuple[tuple[str, ...], ...]:
        """Groups of inputs of which at least one needs a value."""
        each = tuple((name,) for name, declared in self.inputs.items() if declared.required)
        return (*each, self.any_of) if self.any_of else each


def divided(text: str) -> tuple[str, str]:
    """The front matter with its two fences, empty where there is none, and the rest of the file."""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != _FENCE:
        return "", text
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), 0)
    return ("".join(lines[: end + 1]), "".join(lines[end + 1 :])) if end else ("", text)


def read_front_matter(report: Report, front: str, path: str, at: Scalar) -> FrontMatter | None:
    """What the front matter declares, or None after a problem, which is placed in the prompt's own file."""
    inside = "\n".join(front.splitlines()[1:-1])
    # the first fence becomes an empty line, so that lines are counted as in the file
    own, root = read(f"\n{inside}\n" if inside.strip() else "\nversion:\n", path, what="front matter", begin="version:")
    found = None if root is None else _front_matter(own, root)
    report.add_all(own, at=at.place)
    return None if own.failed else found


def _front_matter(report: Report, root: Mapping) -> FrontMatter:
    what = "the front matter"
    keys = shape.known(report, root.entries, KEYS, what)
    version: Any = None
    if "version" in keys:
        whole = msgspec.structs.replace(INTEGER, limits=Limits(ge=1))
        version = shape.written(report, keys["version"].value, whole, f"'version' of {what}")
    else:
        report.add(codes.MISSING_KEY, root.place, f"{what} lacks 'version'", "write version: 1")
    found = shape.entries(report, keys["inputs"].value, "'inputs'") if "inputs" in keys else {}
    inputs = {name: _input(report, name, entry) for name, entry in shape.named(report, found, "an input").items()}
    any_of = _any_of(report, keys["any_of"], inputs) if "any_of" in keys else ()
    for name in any_of:
        inputs[name] = msgspec.structs.replace(inputs[name], required=False)
    return FrontMatter(version or 1, _text(report, keys, "description", what), inputs, any_of)


def _any_of(report: Report, entry: Entry, inputs: dict[str, Declared]) -> tuple[str, ...]:
    names = []
    for name in shape.several(report, entry.value, "'any_of'"):
        if name.text in inputs:
            names.append(name.text)
        else:
            hint = did_you_mean(name.text, inputs)
            report.add(codes.UNDECLARED, name.place, f"the front matter declares no {quoted(name.text)}", hint)
    return tuple(names)


def _input(report: Report, name: str, entry: Entry) -> Declared:
    what = f"input '{name}'"
    keys = shape.known(report, shape.entries(report, entry.value, what), INPUT_KEYS, what)
    wanted = _type(report, keys, what)
    if "one_of" in keys:
        choices = tuple(choice.text for choice in shape.several(report, keys["one_of"].value, f"'one_of' of {what}"))
        wanted = Type("choice", choices=choices) if choices else UNKNOWN
    default = None
    if "default" in keys:
        default = shape.written(report, keys["default"].value, wanted, f"'default' of {what}")
    needed = shape.flag(report, keys, "required", what)
    description = _text(report, keys, "description", what)
    return Declared(wanted, needed is not False and "default" not in keys, default, description)


def _type(report: Report, keys: dict[str, Entry], what: str) -> Type:
    if "type" not in keys:
        return ANY
    kind = shape.written(report, keys["type"].value, TEXT, f"'type' of {what}")
    if kind is not None and kind not in TYPES:
        hint = did_you_mean(kind, TYPES, what="types")
        report.add(codes.WRONG_VALUE, keys["type"].value.place, f"a prompt has no input type {quoted(kind)}", hint)
    return TYPES.get(kind, UNKNOWN)


def _text(report: Report, keys: dict[str, Entry], key: str, what: str) -> str:
    return shape.written(report, keys[key].value, TEXT, f"'{key}' of {what}") or "" if key in keys else ""
