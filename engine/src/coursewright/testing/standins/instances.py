"""A value that satisfies a JSON schema: what a server with a constrained grammar would have a model write."""

from __future__ import annotations

from typing import Any

PLAIN = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "description", "title"),
        *("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "default", "examples"),
    }
)
"""The keywords that every grammar engine understands, or passes over without harm."""

_SENTENCES = (
    "The sea rises and falls twice a day, and the moon is the reason.",
    "Its pull is a little stronger on the near side of the earth than on the far side.",
    "The water answers with two long waves that travel around the globe.",
    "When the sun stands in line with the moon, the waves grow higher.",
    "Along a narrow bay they can climb by more than ten metres.",
    "Whoever lives at the shore plans the day by a table of these times.",
)


def instance(schema: dict[str, Any]) -> Any:
    """The same value for the same schema. Raises ValueError for a keyword that is not among `PLAIN`."""
    return _value(schema, "value", ())


def _value(schema: dict[str, Any], name: str, place: tuple[int, ...]) -> Any:
    if odd := sorted(schema.keys() - PLAIN):
        raise ValueError(f"unsupported keyword in the schema: {', '.join(odd)}")
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][sum(place) % len(schema["enum"])]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            return {key: _value(inner, key, place) for key, inner in schema.get("properties", {}).items()}
        case "array":
            count = max(schema.get("minItems", 0), min(3, schema.get("maxItems", 3)))
            items = schema.get("items", {"type": "string"})
            return [_value(items, name, (*place, number)) for number in range(count)]
        case "string":
            return _text(schema, name, place)
        case "integer":
            return int(_number(schema))
        case "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case other:
            raise ValueError(f"unsupported type in the schema: {other}")


def _number(schema: dict[str, Any]) -> float:
    lowest, highest = schema.get("minimum", 1), schema.get("maximum", 1)
    return float(max(lowest, min(highest, lowest + 1)))


def _text(schema: dict[str, Any], name: str, place: tuple[int, ...]) -> str:
    number = 1 + sum(step * 3**power for power, step in enumerate(reversed(place)))
    first = number % len(_SENTENCES)
    if name == "id":
        text = f"part-{number}"
    elif name == "narration":
        text = " ".join(_SENTENCES[first:] + _SENTENCES[:first])
    else:
        text = f"{number}: {_SENTENCES[first].rstrip('.')}"
    text = text[: schema.get("maxLength", 2_000)].rstrip()
    return text.ljust(schema.get("minLength", 0), ".")
