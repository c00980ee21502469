"""The catalog: what is installed, and the plugins that could not be loaded."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
import pluggy

from coursewright import hookspecs
from coursewright.capabilities import CAPABILITIES
from coursewright.providers import Provider

AnyProvider = Provider[Any, Any]


class PluginFailure(msgspec.Struct, frozen=True):
    """A plugin, or one provider of it, that cannot be used, and why."""

    plugin: str
    reason: str


class Offer(msgspec.Struct, frozen=True):
    """A provider class and the plugin (distribution) that offers it."""

    plugin: str
    provider: type[AnyProvider]

    @property
    def id(self) -> str:
        return f"{self.provider.capability}.{self.provider.name}"


class Catalog(msgspec.Struct, frozen=True):
    """Providers by id, such as `tts.espeak`, in order of their ids."""

    offers: dict[str, Offer]
    failures: tuple[PluginFailure, ...] = ()

    def provider(self, provider_id: str) -> type[AnyProvider]:
        """The class behind an id. Raises KeyError when it is not installed."""
        return self.offers[provider_id].provider

    def of(self, capability: str) -> list[type[AnyProvider]]:
        """The providers of a capability, most preferred first, then by name."""
        found = [offer.provider for offer in self.offers.values() if offer.provider.capability == capability]
        return sorted(found, key=lambda provider: (-provider.preference, provider.name))


def installed() -> Catalog:
    """Load every plugin that is installed. A plugin that fails to load becomes a `PluginFailure`."""
    return load(importlib.metadata.entry_points(group=hookspecs.GROUP))


def load(entry_points: Iterable[importlib.metadata.EntryPoint]) -> Catalog:
    """Load these plugins, in the order of their names so that the outcome never depends on the disk."""
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    offered: list[Offer] = []
    failures: list[PluginFailure] = []
    for entry_point in sorted(entry_points, key=lambda point: (_owner(point), point.name)):
        plugin = _owner(entry_point)
        try:
            offered += _offers(manager, plugin, entry_point)
        except (Exception, SystemExit) as error:  # whatever a stranger's module raises
            failures.append(PluginFailure(plugin, _reason(error)))
    return _without_clashes(offered, failures)


def catalog_of(providers: Mapping[str, Iterable[type[AnyProvider]]]) -> Catalog:
    """A catalog of given classes by plugin name, for tests and embedding."""
    offered = [Offer(plugin, provider) for plugin, found in providers.items() for provider in found]
    return _without_clashes(offered, [])


def _owner(entry_point: importlib.metadata.EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist else entry_point.name


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _offers(manager: pluggy.PluginManager, plugin: str, entry_point: importlib.metadata.EntryPoint) -> list[Offer]:
    module = entry_point.load()
    name = f"{plugin}:{entry_point.name}"
    manager.register(module, name=name)
    try:
        manager.check_pending()  # a misspelt hook name is an error, not silence
        callers = manager.get_hookcallers(module) or []
        offers = []
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is module:
                    offered = cast("Iterable[object]", implementation.function())
                    offers += [_offer(plugin, each) for each in offered]
    except BaseException:
        manager.unregister(name=name)
        raise
    return offers


def _offer(plugin: str, provider: object) -> Offer:
    """Check a class a plugin returned. Raises TypeError with what is wrong with it."""
    if not (isinstance(provider, type) and issubclass(provider, Provider)):
        raise TypeError(f"coursewright_providers() returned {provider!r}, which is not a Provider class")
    missing = [
        name
        for name in ("capability", "name", "summary", "version")
        if not isinstance(getattr(provider, name, None), str)
    ]
    if missing:
        raise TypeError(f"provider {provider.__name__} does not say its {', '.join(missing)}")
    if provider.capability not in CAPABILITIES:
        raise TypeError(
            f"provider {provider.__name__} is of capability '{provider.capability}'; "
            f"known are: {', '.join(CAPABILITIES)}"
        )
    if getattr(provider, "__abstractmethods__", None):
        raise TypeError(f"provider {provider.__name__} has no run() method")
    options = provider.Options
    if not (isinstance(options, type) and issubclass(options, msgspec.Struct)):
        raise TypeError(f"provider {provider.__name__}: Options must be a msgspec Struct")
    clash = set(options.__struct_fields__) & set(CAPABILITIES[provider.capability].request.__struct_fields__)
    if clash:
        raise TypeError(
            f"provider {provider.__name__}: options {', '.join(sorted(clash))} are fields of the capability's request"
        )
    required = [field.name for field in msgspec.structs.fields(options) if field.required]
    if required:
        raise TypeError(f"provider {provider.__name__}: options {', '.join(required)} have no default")
    msgspec.json.schema(options)  # raises TypeError when no value could be checked against its annotations
    return Offer(plugin, provider)


def _without_clashes(offered: list[Offer], failures: list[PluginFailure]) -> Catalog:
    """Two plugins with one provider id: neither serves it, for nothing says which one was meant."""
    owners: dict[str, list[Offer]] = {}
    for offer in offered:
        owners.setdefault(offer.id, []).append(offer)
    for provider_id, offers in owners.items():
        if len(offers) > 1:
            names = " and ".join(sorted({offer.plugin for offer in offers}))
            failures += [
                PluginFailure(offer.plugin, f"'{provider_id}' is offered by {names}; uninstall one of them")
                for offer in offers
            ]
    unique = {provider_id: offers[0] for provider_id, offers in owners.items() if len(offers) == 1}
    return Catalog(dict(sorted(unique.items())), tuple(failures))
