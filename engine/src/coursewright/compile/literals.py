"""Values written in the pipeline, checked against the type and limits of their place."""

from __future__ import annotations

import re
from typing import Any

from coursewright.compile.types import LANGUAGE_TAG, Limits, Type
from coursewright.document import codes, scalars
from coursewright.document.codes import Code
from coursewright.document.nodes import Scalar
from coursewright.document.problems import did_you_mean, quoted


class Mistake(Exception):
    """A written value does not fit; `wants` continues the sentence "'x' …"."""

    def __init__(self, wants: str, hint: str = "", code: Code = codes.WRONG_VALUE) -> None:
        super().__init__(wants)
        self.wants = wants
        self.hint = hint
        self.code = code


def literal(scalar: Scalar, wanted: Type) -> Any:
    """The value of the text, read as the wanted type. Raises Mistake."""
    if wanted.kind == "unknown":
        return scalar.text
    if wanted.kind == "any":
        return scalars.untyped(scalar)
    if scalar.blank and wanted.kind != "union":
        raise Mistake(f"wants {wanted}, but is empty", "write a value, or remove the key")
    try:
        value = _read(scalar, wanted)
    except scalars.NotOfType as error:
        raise Mistake(f"wants {wanted}, found {quoted(scalar.text)}", error.hint) from None
    check_limits(value, wanted.limits)
    return value


def _read(scalar: Scalar, wanted: Type) -> Any:
    match wanted.kind:
        case "integer":
            return scalars.integer(scalar)
        case "number":
            return scalars.number(scalar)
        case "boolean":
            return scalars.boolean(scalar)
        case "text":
            return scalar.text
        case "language":
            return _language(scalar)
        case "choice":
            return _choice(scalar, wanted)
        case "union":
            return _one_of(scalar, wanted)
        case "artifact":
            raise scalars.NotOfType(f"a file is given as an input of type {wanted.name}: write ${{inputs.…}}")
        case "struct":
            raise scalars.NotOfType("refer to a step's result: ${…}")
    raise Mistake(f"wants {wanted}, found a single value", code=codes.WRONG_SHAPE)


def _language(scalar: Scalar) -> str:
    if not LANGUAGE_TAG.fullmatch(scalar.text):
        raise scalars.NotOfType("write a language tag, such as en, pt-BR or zh-Hant")
    return scalar.text


def _choice(scalar: Scalar, wanted: Type) -> str | int:
    for choice in wanted.choices:
        if str(choice) == scalar.text:
            return choice
    near = did_you_mean(scalar.text, (str(choice) for choice in wanted.choices), what="choose")
    raise scalars.NotOfType(near if near.startswith("did") else "")


def _one_of(scalar: Scalar, wanted: Type) -> Any:
    # in quotes a value is text first; plain, it is the first type that can read it, text last
    order = sorted(wanted.alternatives, key=lambda alternative: (alternative.kind == "text") is scalar.plain)
    for alternative in order:
        try:
            return literal(scalar, alternative)
        except Mistake:
            continue
    raise scalars.NotOfType


def check_limits(value: Any, limits: Limits) -> None:
    """Raises Mistake when a number, or the length of a text or list, is outside its limits."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = f", found {value:g}" if isinstance(value, float) else f", found {value}"
        for fine, words in _numbers(value, limits):
            if not fine:
                raise Mistake(words + found, code=codes.OUTSIDE_LIMITS)
    elif isinstance(value, str | list | tuple):
        unit = "characters" if isinstance(value, str) else "items"
        if limits.min_length is not None and len(value) < limits.min_length:
            raise Mistake(f"has {len(value)} {unit}, wants at least {limits.min_length}", code=codes.OUTSIDE_LIMITS)
        if limits.max_length is not None and len(value) > limits.max_length:
            raise Mistake(f"has {len(value)} {unit}, wants at most {limits.max_length}", code=codes.OUTSIDE_LIMITS)
        # msgspec's patterns are searched for, not matched whole
        if isinstance(value, str) and limits.pattern and not re.search(limits.pattern, value):
            raise Mistake(f"must match {limits.pattern}, found {quoted(value)}", code=codes.OUTSIDE_LIMITS)


def _numbers(value: float, limits: Limits) -> list[tuple[bool, str]]:
    return [
        (limits.ge is None or value >= limits.ge, f"must be at least {_shown(limits.ge)}"),
        (limits.gt is None or value > limits.gt, f"must be more than {_shown(limits.gt)}"),
        (limits.le is None or value <= limits.le, f"must be at most {_shown(limits.le)}"),
        (limits.lt is None or value < limits.lt, f"must be less than {_shown(limits.lt)}"),
        (not limits.multiple_of or value % limits.multiple_of == 0, f"must be a multiple of {limits.multiple_of}"),
    ]


def _shown(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g}"
