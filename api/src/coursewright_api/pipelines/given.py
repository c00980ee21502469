"""What a person gives for a pipeline's inputs, in JSON, checked against their types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from coursewright.compile.forms import LANGUAGE
from coursewright.document.problems import did_you_mean
from coursewright.plan import FILE_TYPES, InputSpec, Plan

from coursewright_api.fields import FieldError
from coursewright_api.problems import invalid

MAX_TEXT = 200_000
_LARGEST = 2**53
"""The largest whole number that every reader of JSON takes for what it is."""


def given_values(plan: Plan, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values, and files as they were given, by input. Raises a 422 naming all at fault."""
    values, files, errors = sorted_out(plan, inputs)
    if errors:
        raise invalid(errors)
    return values, files


def sorted_out(plan: Plan, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[FieldError]]:
    """Values, files as they were given, and what is wrong; what is null was not given."""
    specs = {spec.name: spec for spec in plan.inputs}
    errors: list[FieldError] = []
    values, files = {}, {}
    for name, value in inputs.items():
        pointer = "/inputs/" + name.replace("~", "~0").replace("/", "~1")
        if name not in specs:
            hint = did_you_mean(name, specs, what="its inputs")
            message = "the pipeline has no such input" + (f"; {hint}" if hint else "")
            errors.append(FieldError(pointer=pointer, code="unknown", message=message))
        elif value is None:
            continue
        elif specs[name].type in FILE_TYPES:
            files[name] = value
        elif fault := _fault(specs[name], value):
            errors.append(FieldError(pointer=pointer, message=fault))
        else:
            values[name] = value
    return values, files, errors


def _fault(spec: InputSpec, value: Any) -> str:
    return _CHECKS[spec.type](spec, value)


def _text(_: InputSpec, value: Any) -> str:
    if not isinstance(value, str):
        return "expected text"
    return f"is longer than {MAX_TEXT} characters" if len(value) > MAX_TEXT else ""


def _language(_: InputSpec, value: Any) -> str:
    fits = isinstance(value, str) and len(value) <= 35 and re.fullmatch(LANGUAGE, value)
    return "" if fits else "expected a language tag, such as en or pt-BR"


def _boolean(_: InputSpec, value: Any) -> str:
    return "" if isinstance(value, bool) else "expected true or false"


def _choice(spec: InputSpec, value: Any) -> str:
    return "" if value in spec.choices else f"expected one of {', '.join(spec.choices)}"


def _number(spec: InputSpec, value: Any) -> str:
    kinds = (int,) if spec.type == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return "expected a whole number" if spec.type == "integer" else "expected a number"
    if not -_LARGEST <= value <= _LARGEST:
        return "is out of range"
    if spec.minimum is not None and value < spec.minimum:
        return f"is less than {spec.minimum:g}"
    if spec.maximum is not None and value > spec.maximum:
        return f"is more than {spec.maximum:g}"
    return ""


_CHECKS: dict[str, Callable[[InputSpec, Any], str]] = {
    "text": _text,
    "language": _language,
    "boolean": _boolean,
    "choice": _choice,
    "integer": _number,
    "number": _number,
}
