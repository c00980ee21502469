"""From a step's resolved values to the request and options of one provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from coursewright.capabilities import CAPABILITIES
from coursewright.capabilities.artifacts import Artifact
from coursewright.catalog import AnyProvider
from coursewright.errors import BadInput
from coursewright.expressions import evaluate
from coursewright.plan import Ref, Step, Template

_AT = re.compile(r" - at `\$\.?([^`]*)`$")


def resolve(step: Step, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `with`, evaluated. A prompt is rendered with the step's own `data`, its defaults filled in.

    Raises BadInput when `data` has no value for what the prompt requires.
    """
    values = {name: evaluate(value, scope) for name, value in step.values.items() if not isinstance(value, Template)}
    for name, value in step.values.items():
        if isinstance(value, Template):
            values["data"] = _filled(value, values.get("data") or {})
            values[name] = evaluate(value, values["data"])
    return values


def _filled(prompt: Template, data: Mapping[str, Any]) -> dict[str, Any]:
    there = {name: value for name, value in data.items() if value is not None and value != ""}
    for group in prompt.required:
        if there.keys().isdisjoint(group):
            either = " or ".join(f"'{name}'" for name in group)
            raise BadInput(
                f"there is nothing to write from: {either} is needed",
                field=f"data.{group[0]}",
                remedy=f"give {' or '.join(group)}",
            )
    return {**data, **{name: there.get(name, default) for name, default in prompt.defaults.items()}}


def request_of(step: Step, provider: type[AnyProvider], values: Mapping[str, Any]) -> msgspec.Struct:
    """The capability's request. Raises BadInput naming the field that does not fit."""
    return _convert(CAPABILITIES[provider.capability].request, values)


def options_of(step: Step, provider: type[AnyProvider], values: Mapping[str, Any]) -> msgspec.Struct:
    """The provider's options; those of other providers in the step's order are not its own."""
    return _convert(provider.Options, values)


def place_of(step: Step, values: Mapping[str, Any], error: BadInput) -> str:
    """What the error is about, in the author's words: `notes (Week 3.docx)`. Empty when its message says so itself."""
    field = re.split(r"[.\[]", error.field)[0]
    source, value = step.values.get(field), values.get(field)
    if isinstance(source, Ref) and source.path[0] == "inputs":
        field = str(source.path[1])
    if isinstance(value, Artifact):
        return f"{field} ({value.name})"
    return "" if not field or f"'{field}'" in error.message else field


def _convert(struct: type[msgspec.Struct], values: Mapping[str, Any]) -> msgspec.Struct:
    """Build a struct from its own fields among `values`; a missing value takes the field's default."""
    own = {name: values[name] for name in struct.__struct_fields__ if values.get(name) is not None}
    try:
        return msgspec.convert(msgspec.to_builtins(own), struct)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _AT.search(text)
        field = place[1] if place else next(iter(own), "")
        raise BadInput(
            f"'{field}' cannot be used: {_AT.sub('', text)}", field=field, remedy="correct what feeds this field"
        ) from None
