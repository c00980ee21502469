"""What is installed, as the catalogue of plugins knows it; nobody is asked for it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from coursewright.capabilities import CAPABILITIES, result_type
from coursewright.capabilities.llm import RETURNS
from coursewright.catalog import Catalog, Offer
from coursewright.cli.plugins import options_of, version_of
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
    deterministic: Annotated[bool, Meta(description="The same request gives the same result, which is reused.")]
    options: list[OptionInfo]


class CapabilityInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of work, and who can do it, most preferred first."""

    name: str
    summary: str
    results: Annotated[
        dict[str, list[str]],
        Meta(description="The fields of what a step gives, by what its `returns` says; under an empty key: usually."),
    ]
    providers: list[ProviderInfo]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin, or one provider of it, that cannot be used."""

    plugin: str
    reason: str


class Providers(msgspec.Struct, frozen=True, kw_only=True):
    """All that is installed."""

    capabilities: list[CapabilityInfo]
    failures: Annotated[list[Failure], Meta(description="For designers.")] = []


def providers_of(catalog: Catalog, *, with_failures: bool) -> Providers:
    """All capabilities, those without a provider too."""
    return Providers(
        capabilities=[
            CapabilityInfo(
                name=name,
                summary=capability.summary,
                results=_results(name),
                providers=[_info(catalog.offers[f"{name}.{each.name}"]) for each in catalog.of(name)],
            )
            for name, capability in CAPABILITIES.items()
        ],
        failures=[Failure(plugin=each.plugin, reason=each.reason) for each in catalog.failures if with_failures],
    )


def _results(capability: str) -> dict[str, list[str]]:
    kinds: dict[str, type[msgspec.Struct]] = {"": result_type(capability)}
    if capability == "llm":
        kinds |= RETURNS
    return {name: list(kind.__struct_fields__) for name, kind in kinds.items()}


def _info(offer: Offer) -> ProviderInfo:
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
