"""The `inputs` of a pipeline: what a run must or may be given."""

from __future__ import annotations

from typing import Any

import msgspec

from coursewright import plan
from coursewright.compile import shape
from coursewright.compile.types import (
    ARTIFACTS,
    BOOLEAN,
    INTEGER,
    LANGUAGE,
    NUMBER,
    TEXT,
    UNKNOWN,
    Limits,
    Type,
    artifact,
    maybe,
)
from coursewright.document import codes
from coursewright.document import nodes as document
from coursewright.document.nodes import Entry, Scalar
from coursewright.document.problems import Report, did_you_mean, quoted

TYPES: dict[str, Type] = {
    "text": TEXT,
    **{kind: artifact(kind) for kind in ARTIFACTS},
    "language": LANGUAGE,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "choice": Type("choice"),
}
KEYS = ("type", "title", "description", "required", "default", "minimum", "maximum", "choices", "unit")
_OF_NUMBERS = ("minimum", "maximum", "unit")


class Input(msgspec.Struct, frozen=True):
    """An input's specification, the type its references have, and where its name stands."""

    spec: plan.InputSpec
    type: Type
    entry: Entry


def read_inputs(report: Report, entry: Entry | None) -> dict[str, Input]:
    """All inputs by name, in file order."""
    found = shape.entries(report, entry.value, "'inputs'") if entry else {}
    return {name: _input(report, name, each) for name, each in shape.named(report, found, "an input").items()}


def _input(report: Report, name: str, entry: Entry) -> Input:
    what = f"input '{name}'"
    keys = shape.known(report, shape.entries(report, entry.value, what), KEYS, what)
    kind = _kind(report, keys, what, entry)
    base = TYPES.get(kind, UNKNOWN)
    for key in _OF_NUMBERS:
        if key in keys and kind not in ("integer", "number", ""):
            _misplaced(report, keys[key], key, f"{what} is {base.phrase}", "integer or number")
    if "choices" in keys and kind not in ("choice", ""):
        _misplaced(report, keys["choices"], "choices", f"{what} is {base.phrase}", "choice")
    choices = _choices(report, keys, what, entry) if kind == "choice" else ()
    numeric = base if kind in ("integer", "number") else UNKNOWN
    limits = _limits(report, keys, numeric, what)
    wanted = msgspec.structs.replace(base, limits=limits, choices=choices)
    if kind == "choice" and not choices:
        wanted = UNKNOWN
    default = _default(report, keys, wanted, what)
    needed = shape.flag(report, keys, "required", what)
    spec = plan.InputSpec(
        name=name,
        type=kind,
        title=_text(report, keys, "title", what),
        description=_text(report, keys, "description", what),
        required=needed is not False and default is None,
        default=default,
        minimum=limits.ge,
        maximum=limits.le,
        choices=choices,
        unit=_text(report, keys, "unit", what),
    )
    return Input(spec, maybe(wanted, needed is False and "default" not in keys), entry)


def _kind(report: Report, keys: dict[str, Entry], what: str, entry: Entry) -> str:
    if "type" not in keys:
        if isinstance(entry.value, document.Mapping) or (isinstance(entry.value, Scalar) and entry.value.blank):
            report.add(codes.MISSING_KEY, entry.key.place, f"{what} lacks 'type'", f"one of: {', '.join(TYPES)}")
        return ""
    kind = shape.written(report, keys["type"].value, TEXT, f"'type' of {what}")
    if kind is None or kind in TYPES:
        return kind or ""
    hint = did_you_mean(kind, TYPES)
    report.add(codes.WRONG_VALUE, keys["type"].value.place, f"there is no input type {quoted(kind)}", hint)
    return ""


def _misplaced(report: Report, entry: Entry, key: str, found: str, wanted: str) -> None:
    report.add(codes.CONTRADICTION, entry.key.place, f"'{key}' is for an input of type {wanted}, but {found}")


def _text(report: Report, keys: dict[str, Entry], key: str, what: str) -> str:
    return shape.written(report, keys[key].value, TEXT, f"'{key}' of {what}") or "" if key in keys else ""


def _choices(report: Report, keys: dict[str, Entry], what: str, entry: Entry) -> tuple[str, ...]:
    if "choices" not in keys:
        report.add(codes.MISSING_KEY, entry.key.place, f"{what} lacks 'choices'", "list what one may choose from")
        return ()
    found = shape.several(report, keys["choices"].value, f"'choices' of {what}")
    return tuple(choice.text for choice in found)


def _limits(report: Report, keys: dict[str, Entry], base: Type, what: str) -> Limits:
    low, high = (
        shape.written(report, keys[key].value, base, f"'{key}' of {what}")
        if key in keys and base.kind != "unknown"
        else None
        for key in ("minimum", "maximum")
    )
    if low is not None and high is not None and low > high:
        report.add(
            codes.CONTRADICTION, keys["minimum"].value.place, f"'minimum' of {what} is above its 'maximum', {high:g}"
        )
        return Limits()
    return Limits(ge=low, le=high)


def _default(report: Report, keys: dict[str, Entry], wanted: Type, what: str) -> Any:
    if "default" not in keys:
        return None
    node = keys["default"].value
    if wanted.kind == "artifact":
        report.add(
            codes.CONTRADICTION,
            keys["default"].key.place,
            f"{what} is {wanted.phrase} and cannot have a default",
            "write 'required: false' instead",
        )
        return None
    return shape.written(report, node, wanted, f"'default' of {what}")
