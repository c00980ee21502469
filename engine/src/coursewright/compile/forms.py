"""A pipeline's inputs as JSON Schema: what Prefect's pages, an API or a form need to ask for them."""

from __future__ import annotations

from typing import Any

from coursewright.plan import FILE_TYPES, InputSpec, Plan

_JSON_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}
LANGUAGE = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


def schema_of_inputs(plan: Plan) -> dict[str, Any]:
    """An object schema with a property for each input, in the order of the pipeline."""
    return {
        "title": "Parameters",
        "type": "object",
        "properties": {spec.name: _property(spec, position) for position, spec in enumerate(plan.inputs)},
        "required": [spec.name for spec in plan.inputs if spec.required and spec.default is None],
        "additionalProperties": False,
    }


def plain_schema_of_inputs(plan: Plan) -> dict[str, Any]:
    """The same with units in words, for forms that show nothing but what JSON Schema knows, such as Prefect's."""
    schema = schema_of_inputs(plan)
    for about in schema["properties"].values():
        if unit := about.pop("unit", ""):
            about["description"] = f"{about.get('description', '')} In {unit}.".strip()
    return schema


def _property(spec: InputSpec, position: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": spec.title or spec.name.replace("_", " ").capitalize(),
        "type": _JSON_TYPES.get(spec.type, "string"),
        "position": position,  # Prefect's forms keep this order
        "format": spec.type if spec.type in FILE_TYPES else None,
        "pattern": LANGUAGE if spec.type == "language" else None,
        "enum": list(spec.choices) or None,
        "minimum": spec.minimum,
        "maximum": spec.maximum,
        "default": spec.default,
        "description": spec.description or None,
        "unit": spec.unit or None,  # ours; JSON Schema lets others ignore it
    }
    return {name: value for name, value in found.items() if value is not None}
