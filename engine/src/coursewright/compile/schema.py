"""JSON Schema of pipelines, for completion and hints in editors. It knows what is installed.

An editor's schema cannot follow references; what it accepts, the checker may still refuse. A value
that may be a reference is described by its type, or any text that holds `${`.
"""

from __future__ import annotations

from typing import Any

from coursewright.capabilities import CAPABILITIES, Capability
from coursewright.catalog import AnyProvider, Catalog
from coursewright.compile import inputs, shape, steps
from coursewright.compile.drafts import RENAMED
from coursewright.compile.types import LANGUAGE_TAG, Field, Type, fields_of

Schema = dict[str, Any]

_REFERENCE: Schema = {"type": "string", "pattern": r"\$\{"}
_NAME = f"^{shape.NAME.pattern}$"
_STEP_NAME = f"^(?!({'|'.join(sorted(shape.RESERVED))})$){shape.NAME.pattern}$"
_DURATION = {"type": "string", "pattern": r"^(\d+h)?(\d+m)?(\d+(\.\d+)?s)?(\d+ms)?$", "minLength": 2}
_TEXT = {"type": ["string", "number", "boolean", "null"]}  # plain YAML scalars; the checker reads them as text
_LIMITS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}


def pipeline_schema(catalog: Catalog) -> Schema:
    """The schema (draft 2020-12) of a pipeline for the providers in the catalog."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Coursewright pipeline",
        "type": "object",
        "additionalProperties": False,
        "required": ["steps"],
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$", "description": "What runs are called."},
            "title": {**_TEXT, "description": "Shown to people."},
            "description": {**_TEXT, "description": "One or two sentences for people."},
            "inputs": _named(_input(), "What a run must or may be given."),
            "defaults": _defaults(catalog),
            "steps": _named(_step(catalog), "The stages, in order.", _STEP_NAME) | {"minProperties": 1},
            "outputs": _named({}, "What a run leaves: references to steps' results."),
        },
    }


def _named(each: Schema, description: str, names: str = _NAME) -> Schema:
    return {
        "type": ["object", "null"] if names == _NAME else "object",
        "description": description,
        "patternProperties": {names: each},
        "additionalProperties": False,
    }


def _closed(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": list(required)} if required else {}),
    }


def _input() -> Schema:
    properties: Schema = {
        "type": {"enum": list(inputs.TYPES)},
        "title": _TEXT,
        "description": _TEXT,
        "required": {"type": "boolean", "default": True},
        "default": _TEXT,
        "minimum": {"type": "number"},
        "maximum": {"type": "number"},
        "choices": {"type": "array", "items": _TEXT, "minItems": 1},
        "unit": _TEXT,
    }
    return _closed(properties, ("type",))


def _defaults(catalog: Catalog) -> Schema:
    providers = {name: _providers(name, catalog) for name in CAPABILITIES}
    described = "Providers of steps that name none, by capability."
    return _closed({"provider": _closed(providers) | {"description": described}})


def _providers(capability: str, catalog: Catalog) -> Schema:
    """A name or a list of names. Those installed are offered; others are for the checker to judge."""
    name = {"anyOf": [{"enum": [each.name for each in catalog.of(capability)]}, {"type": "string"}]}
    return {"anyOf": [*name["anyOf"], {"type": "array", "items": name, "minItems": 1}]}


def _step(catalog: Catalog) -> Schema:
    uses = [name for each in CAPABILITIES for name in (each, *(f"{each}.{p.name}" for p in catalog.of(each)))]
    attempts = {"type": "integer", "minimum": 1, "maximum": steps.MAX_ATTEMPTS, "default": 1}
    flag = {"type": "boolean"}
    properties: Schema = {
        "uses": {
            "description": "A capability, or a capability and its provider.",
            "anyOf": [{"enum": uses}, {"type": "string", "pattern": f"^({'|'.join(CAPABILITIES)})\\..+$"}],
        },
        "provider": {"description": "Providers in the order they are asked."},
        "with": {"description": "What the step is given: fields of the capability, options of its providers."},
        "for_each": {
            "description": "A list: one task an item, called item and index.",
            "anyOf": [_REFERENCE, _list({})],
        },
        "when": {"description": "The step is skipped unless this is true.", "anyOf": [_REFERENCE, flag]},
        "needs": {
            "description": "Steps to wait for without reading them.",
            "anyOf": [{"type": "string"}, _list(_TEXT)],
        },
        "retry": _closed({"attempts": attempts, "backoff": {**_DURATION, "default": "1s"}}),
        "timeout": {**_DURATION, "description": "For one task, such as 5m."},
        "cache": {**flag, "description": "false: never reuse a stored result."},
        "optional": {**flag, "description": "true: the run goes on when this step fails."},
        "mixing": {**flag, "description": "true: items of one for_each may come from different providers."},
        "title": {**_TEXT, "description": "Shown while the step runs."},
        **{old: {"deprecated": True, "description": f"Now written {new}."} for old, new in RENAMED.items()},
    }
    variants = [_variant(capability, catalog) for capability in CAPABILITIES.values()]
    return _closed(properties, ("uses",)) | {"allOf": variants}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _variant(capability: Capability, catalog: Catalog) -> Schema:
    """What a step of this capability may have under `provider` and `with`."""
    fields = fields_of(capability.request)
    options: dict[str, list[Schema]] = {}
    for provider in catalog.of(capability.name):
        for field in fields_of(provider.Options).values():
            options.setdefault(field.name, []).append(_option(field, provider))
    known = {name: _value(field) for name, field in fields.items()}
    known |= {name: found[0] if len(found) == 1 else {"anyOf": found} for name, found in options.items()}
    required = tuple(name for name, field in fields.items() if field.required)
    then: Schema = {
        "properties": {"provider": _providers(capability.name, catalog), "with": _closed(known, required)},
        **({"required": ["with"]} if required else {}),
    }
    uses = {"type": "string", "pattern": f"^{capability.name}(\\.|$)"}
    return {"if": {"properties": {"uses": uses}, "required": ["uses"]}, "then": then}


def _option(field: Field, provider: type[AnyProvider]) -> Schema:
    described = f"{field.description} " if field.description else ""
    return _value(field) | {"description": f"{described}(option of {provider.capability}.{provider.name})"}


def _value(field: Field) -> Schema:
    """The field's type, or a reference where one may stand."""
    if field.template:
        return {"type": "string", "description": "A Jinja2 template beside the pipeline, rendered with data."}
    written = _written(field.type)
    schema: Schema = written if field.literal or not written else {"anyOf": [written, _REFERENCE]}
    extra: Schema = {"description": field.description} if field.description else {}
    if isinstance(field.default, str | int | float | bool):
        extra["default"] = field.default
    return schema | extra


def _written(wanted: Type) -> Schema:
    """What may be written out for the type; nothing for artifacts, which can only be referred to."""
    match wanted.kind:
        case "text":
            limited = _limits(wanted)
            return {"anyOf": [{"type": "string", **limited}, {"type": ["number", "boolean", "null"]}]}
        case "language":
            return {"anyOf": [{"type": "string", "pattern": f"^{LANGUAGE_TAG.pattern}$"}, {"type": "boolean"}]}
        case "integer" | "number" | "boolean":
            return {"type": wanted.kind, **_limits(wanted)}
        case "choice":
            return {"enum": [*wanted.choices, *(float(each) for each in wanted.choices if _is_number(each))]}
        case "list":
            items = _list(_nested(wanted.item))
            lengths = {"minItems": wanted.limits.min_length, "maxItems": wanted.limits.max_length}
            return items | {key: limit for key, limit in lengths.items() if limit is not None}
        case "mapping":
            return {"type": ["object", "null"], "additionalProperties": _nested(wanted.item)}
        case "struct" if wanted.struct is not None:
            fields = fields_of(wanted.struct)
            required = tuple(name for name, field in fields.items() if field.required)
            return _closed({name: _value(field) for name, field in fields.items()}, required)
        case "union":
            return {"anyOf": [_nested(each) for each in wanted.alternatives]}
        case "artifact":
            return dict(_REFERENCE)
    return {}


def _nested(wanted: Type | None) -> Schema:
    schema = _written(wanted) if wanted else {}
    return {"anyOf": [schema, _REFERENCE]} if schema else {}


def _limits(wanted: Type) -> Schema:
    return {_LIMITS[name]: limit for name in _LIMITS if (limit := getattr(wanted.limits, name)) is not None}


def _is_number(choice: str | int) -> bool:
    """`1.2` without quotes is a number to an editor, and the text 1.2 to the checker."""
    try:
        float(choice)
    except ValueError:
        return False
    return isinstance(choice, str)
