"""What an app says of its endpoints (`/info`), and the arguments that fit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from coursewright.errors import Unavailable


class Parameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of an endpoint."""

    name: str
    """The argument's name in the app's own code; the label, for apps too old to tell it."""
    component: str = ""
    """Such as "Textbox", "Image", "Audio", "Checkbox", "Json"."""
    has_default: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    """Of a radio or dropdown; empty when anything goes."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One function of an app."""

    name: str
    """With the leading slash."""
    parameters: tuple[Parameter, ...] = ()
    returns: tuple[str, ...] = ()
    """The components that show its results."""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(parameter.name for parameter in self.parameters)})"


def endpoints_of(info: Any) -> dict[str, Endpoint]:
    """The named endpoints of an `/info`, by name. Raises KeyError or TypeError when it is none."""
    return {
        name: Endpoint(
            name=name,
            parameters=tuple(_parameter(told) for told in endpoint["parameters"]),
            returns=tuple(str(told.get("component", "")) for told in endpoint["returns"]),
        )
        for name, endpoint in info["named_endpoints"].items()
    }


def _parameter(told: dict[str, Any]) -> Parameter:
    schema = told.get("type")
    choices: Any = ()
    if isinstance(schema, dict):
        items = schema.get("items")
        choices = schema.get("enum") or (items.get("enum") if isinstance(items, dict) else None) or ()
    return Parameter(
        name=str(told.get("parameter_name") or told.get("label", "")),
        component=str(told.get("component", "")),
        has_default=bool(told.get("parameter_has_default", False)),
        default=told.get("parameter_default"),
        choices=tuple(choices),
    )


def found(endpoints: Mapping[str, Endpoint]) -> str:
    """The endpoints in words, for a person who has to find out what changed."""
    return ", ".join(map(str, endpoints.values())) or "no endpoint at all"


def in_order(endpoint: str, arguments: dict[str, Any], endpoints: Mapping[str, Endpoint], what: str) -> list[Any]:
    """The arguments in the endpoint's own order, with its defaults. Raises Unavailable when they do not fit it."""
    if endpoint not in endpoints:
        raise changed(what, f"{endpoint} is not among its endpoints", endpoints)
    parameters = endpoints[endpoint].parameters
    known = {parameter.name for parameter in parameters}
    if unknown := [name for name in arguments if name not in known]:
        raise changed(what, f"{endpoint} has no input {', '.join(unknown)}", endpoints)
    if missing := [one.name for one in parameters if one.name not in arguments and not one.has_default]:
        raise changed(what, f"{endpoint} wants {', '.join(missing)} too", endpoints)
    return [arguments.get(parameter.name, parameter.default) for parameter in parameters]


def changed(what: str, difference: str, endpoints: Mapping[str, Endpoint]) -> Unavailable:
    """The error for an app that is not what it was, or not what it was taken for."""
    return Unavailable(
        f"{what} has changed, or is another app: {difference}; it offers {found(endpoints)[:300]}",
        remedy="set the address of a Space that this provider knows, or use another provider",
    )
