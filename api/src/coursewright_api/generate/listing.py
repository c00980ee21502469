"""What is installed, as the catalogue of plugins knows it; nobody is asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from coursewright.capabilities import CAPABILITIES, result_type
from coursewright.capabilities.llm import RETURNS
from coursewright.catalog import Catalog, Offer
from coursewright.cli.plugins import options_of, version_of
from coursewright.compile.types import Field, Type, fields_of, struct_type
from coursewright.run.history import history_of
from coursewright.settings import Price, Settings
from msgspec import Meta


class OptionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline may set for a provider."""

    name: str
    type: Annotated[str, Meta(description="As in JSON Schema.")]
    default: Any
    description: str
    limits: Annotated[dict[str, Any], Meta(description="Further keywords of JSON Schema.")]


class ProviderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An installed provider."""

    id: str
    summary: str
    version: str
    plugin: Annotated[str, Meta(description="The distribution that brings it.")]
    plugin_version: str
    cost: str
    licence: str
    sends: Annotated[str, Meta(description="What leaves the machine, and to whom; empty: nothing.")]
    usual_s: Annotated[float | None, Meta(description="What half of its last requests took at most, measured here.")]
    price: Annotated[Price | None, Meta(description="Of one unit, such as a character, as the operator has set it.")]
    deterministic: Annotated[bool, Meta(description="The same request gives the same result, which is reused.")]
    options: list[OptionInfo]


class FieldInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A field of what a step is given, or of what it gives."""

    name: str
    type: Annotated[str, Meta(description="In the words of the language's page: text, audio, list of scene.")]
    missing: Annotated[bool, Meta(description="Need not be given; or may be missing in what is given.")]


Fields = list[FieldInfo]


class CapabilityInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of work, and who can do it, most preferred first."""

    name: str
    summary: str
    takes: Fields
    results: Annotated[
        dict[str, str],
        Meta(description="The type of what a step gives, by what its `returns` says; under an empty key: usually."),
    ]
    providers: list[ProviderInfo]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin, or one provider of it, that cannot be used."""

    plugin: str
    reason: str


class Providers(msgspec.Struct, frozen=True, kw_only=True):
    """All that is installed."""

    capabilities: list[CapabilityInfo]
    types: Annotated[dict[str, Fields], Meta(description="The fields of each type that has some.")]
    failures: Annotated[list[Failure], Meta(description="For designers.")] = []


def providers_of(catalog: Catalog, settings: Settings, *, with_failures: bool) -> Providers:
    """All capabilities, those without a provider too. Reads what was measured from files."""
    history = history_of(settings)

    def info(name: str) -> ProviderInfo:
        return _info(catalog.offers[name], history.usual_s(name), settings.prices.get(name))

    return Providers(
        capabilities=[
            CapabilityInfo(
                name=name,
                summary=capability.summary,
                takes=_fields(capability.request, lambda field: not field.required),
                results={key: str(found) for key, found in _results(name).items()},
                providers=[info(f"{name}.{each.name}") for each in catalog.of(name)],
            )
            for name, capability in CAPABILITIES.items()
        ],
        types=_types(),
        failures=[Failure(plugin=each.plugin, reason=each.reason) for each in catalog.failures if with_failures],
    )


def _results(capability: str) -> dict[str, Type]:
    kinds: dict[str, type[msgspec.Struct]] = {"": result_type(capability)}
    if capability == "llm":
        kinds |= RETURNS
    return {name: struct_type(kind) for name, kind in kinds.items()}


def _types() -> dict[str, Fields]:
    """All that can be reached from a result or a request."""
    left = [kind for name in CAPABILITIES for kind in _results(name).values()]
    left += [field.type for each in CAPABILITIES.values() for field in fields_of(each.request).values()]
    found: dict[str, Fields] = {}
    while left:
        kind = left.pop()
        left += [each for each in (kind.item, *kind.alternatives) if each is not None]
        if kind.struct is not None and kind.name not in found:
            found[kind.name] = _fields(kind.struct, lambda field: field.type.missing)
            left += [field.type for field in fields_of(kind.struct).values()]
    return dict(sorted(found.items()))


def _fields(struct: type[msgspec.Struct], missing: Callable[[Field], bool]) -> Fields:
    fields = fields_of(struct).values()
    return [FieldInfo(name=each.name, type=str(each.type), missing=missing(each)) for each in fields]


def _info(offer: Offer, usual_s: float | None, price: Price | None) -> ProviderInfo:
    kind = offer.provider
    return ProviderInfo(
        id=offer.id,
        summary=kind.summary,
        version=kind.version,
        plugin=offer.plugin,
        plugin_version=version_of(offer.plugin),
        cost=kind.cost,
        licence=kind.licence,
        sends=kind.sends,
        usual_s=usual_s,
        price=price,
        deterministic=kind.deterministic,
        options=[
            OptionInfo(
                name=each.name,
                type=each.type,
                default=None if each.default is msgspec.UNSET else each.default,
                description=each.description,
                limits=each.limits,
            )
            for each in options_of(kind.Options)
        ],
    )
