"""`coursewright plugins`."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from typing import Any

import click
import msgspec

from coursewright.capabilities import CAPABILITIES
from coursewright.catalog import Catalog, Offer, PluginFailure, installed
from coursewright.cli import epilog
from coursewright.cli.health import health_of
from coursewright.cli.options import environment_settings
from coursewright.cli.output import print_json, wrapped
from coursewright.document.problems import did_you_mean, quoted
from coursewright.errors import InputError
from coursewright.providers import Health


class Option(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One option of a provider. `type` and the keywords in `limits` are JSON Schema's."""

    name: str
    type: str
    default: Any = msgspec.UNSET
    description: str = ""
    limits: dict[str, Any] = {}


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One provider. `service` is what the operator sets; `health` is null unless it was asked for."""

    id: str
    capability: str
    name: str
    version: str
    plugin: str
    plugin_version: str
    cost: str
    summary: str
    deterministic: bool
    preference: int
    concurrency: int | None
    options: list[Option]
    service: list[Option] = []
    unit: str = ""
    licence: str = ""
    sends: str = ""
    health: Health | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints: providers in the order of capabilities and preference; plugins that cannot be used."""

    providers: list[Listed]
    failures: list[PluginFailure]


@click.command(
    "plugins",
    epilog=epilog(
        "coursewright plugins",
        "coursewright plugins tts",
        "coursewright plugins tts.espeak --health",
        "coursewright plugins --json",
    ),
)
@click.argument("which", required=False, metavar="[CAPABILITY | PROVIDER]")
@click.option("--health", "with_health", is_flag=True, help="Ask each provider whether it can serve now.")
@click.option("--json", "as_json", is_flag=True, help="Print providers and failures as JSON.")
def command(which: str | None, with_health: bool, as_json: bool) -> None:
    """List what is installed: providers, their options and health.

    Give a capability (tts) to see its providers, a provider (tts.espeak) to see it in detail.
    """
    catalog = installed()
    offers = _chosen(catalog, which)
    health = health_of(offers, environment_settings()) if with_health else {}
    listing = Listing(
        providers=[listed(offer, health.get(offer.id)) for offer in offers], failures=list(catalog.failures)
    )
    if as_json:
        print_json(listing)
        return
    if which in catalog.offers:
        _show_in_detail(listing.providers[0])
    else:
        _show_all(listing.providers)
    for failure in listing.failures:
        click.echo(wrapped(f"{failure.plugin} cannot be used: {failure.reason}", hang=2), err=True)


def _chosen(catalog: Catalog, which: str | None) -> list[Offer]:
    """The offers that were asked for, in the order of capabilities and preference. Raises InputError."""
    if which is None or which in CAPABILITIES:
        capabilities = [which] if which else list(CAPABILITIES)
        classes = [provider for capability in capabilities for provider in catalog.of(capability)]
        return [catalog.offers[f"{provider.capability}.{provider.name}"] for provider in classes]
    if which in catalog.offers:
        return [catalog.offers[which]]
    raise InputError(
        f"no provider or capability is called {quoted(which)}",
        field="which",
        remedy=did_you_mean(which, [*catalog.offers, *CAPABILITIES], what="there are"),
    )


def listed(offer: Offer, health: Health | None = None) -> Listed:
    """What is known about a provider."""
    provider = offer.provider
    return Listed(
        id=offer.id,
        capability=provider.capability,
        name=provider.name,
        version=provider.version,
        plugin=offer.plugin,
        plugin_version=version_of(offer.plugin),
        cost=provider.cost,
        summary=provider.summary,
        deterministic=provider.deterministic,
        preference=provider.preference,
        concurrency=provider.concurrency,
        options=list(options_of(provider.Options)),
        service=list(options_of(provider.Service)),
        unit=provider.unit,
        licence=provider.licence,
        sends=provider.sends,
        health=health,
    )


def version_of(distribution: str) -> str:
    """The installed version; empty for a plugin that no distribution stands for."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def options_of(options: type[msgspec.Struct]) -> Iterable[Option]:
    """The options in the order in which the struct declares them."""
    (schema,), components = msgspec.json.schema_components([options], ref_template="{name}")
    properties = components[schema["$ref"]]["properties"]
    for name, keywords in properties.items():
        keywords = dict(keywords)
        if "$ref" in keywords:
            keywords |= components[keywords.pop("$ref")]
        yield Option(
            name=name,
            type=_type(keywords),
            default=keywords.pop("default", msgspec.UNSET),
            description=keywords.pop("description", ""),
            limits={key: value for key, value in keywords.items() if key not in ("type", "title")},
        )


def _type(keywords: dict[str, Any]) -> str:
    if "type" in keywords:
        return str(keywords["type"])
    if "enum" in keywords:
        return "string" if all(isinstance(value, str) for value in keywords["enum"]) else "value"
    return " or ".join(_type(each) for each in keywords.get("anyOf", [])) or "value"


def _show_all(providers: list[Listed]) -> None:
    capability = ""
    for provider in providers:
        if provider.capability != capability:
            click.echo(("\n" if capability else "") + _heading(provider.capability))
            capability = provider.capability
        click.echo(wrapped(f"{provider.id}  {_facts(provider)}", indent=2))
        click.echo(wrapped(provider.summary, indent=6))
        click.echo(wrapped(_origin(provider), indent=6))
        if provider.options:
            click.echo(wrapped("options: " + ", ".join(option.name for option in provider.options), indent=6, hang=9))
        _show_health(provider, indent=6)
    if not providers:
        click.echo("no provider is installed")


def _show_in_detail(provider: Listed) -> None:
    click.echo(click.style(provider.id, bold=True) + f"  {_facts(provider)}")
    click.echo(wrapped(provider.summary, indent=2))
    click.echo(wrapped(_origin(provider), indent=2))
    reuse = "results are reused" if provider.deterministic else "results differ each time, and are not reused"
    at_once = f"; at most {provider.concurrency} at once" if provider.concurrency else ""
    click.echo(wrapped(f"{reuse}{at_once}", indent=2))
    if provider.licence:
        click.echo(wrapped(f"licence: {provider.licence}", indent=2, hang=2))
    if provider.sends:
        click.echo(wrapped(f"leaves this machine: {provider.sends}", indent=2, hang=2))
    _show_health(provider, indent=2)
    click.echo("options:" if provider.options else "no options")
    for option in provider.options:
        click.echo(wrapped(f"{option.name}: {_described(option)}", indent=2, hang=4))
    if provider.service:
        click.echo(f'set by the operator, under [services."{provider.id}"]:')
    for option in provider.service:
        click.echo(wrapped(f"{option.name}: {_described(option)}", indent=2, hang=4))


def _heading(capability: str) -> str:
    return click.style(capability, bold=True) + f"  {CAPABILITIES[capability].summary}"


def _facts(provider: Listed) -> str:
    return f"version {provider.version}, {provider.cost}"


def _origin(provider: Listed) -> str:
    return f"from {provider.plugin} {provider.plugin_version}".rstrip()


def _show_health(provider: Listed, *, indent: int) -> None:
    if provider.health is not None:
        health = provider.health
        text = f"{health.state}: {health.reason}" if health.reason else health.state
        click.echo(wrapped(text + (f" → {health.remedy}" if health.remedy else ""), indent=indent, hang=2))


def _described(option: Option) -> str:
    text = option.type + limits_in_words(option.limits)
    if option.default is not msgspec.UNSET:
        text += f"; default {msgspec.json.encode(option.default).decode()}"
    return f"{text}. {option.description}".rstrip(". ") + "."


_WORDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "of the form {}",
}


def limits_in_words(limits: dict[str, Any]) -> str:
    """`, 80 to 450`: what JSON Schema's keywords say, for people."""
    rest = dict(limits)
    words = []
    if "minimum" in rest and "maximum" in rest:
        words.append(f"{rest.pop('minimum')} to {rest.pop('maximum')}")
    if "enum" in rest:
        words.append("one of " + ", ".join(msgspec.json.encode(value).decode() for value in rest["enum"]))
    words += [_WORDS[keyword].format(value) for keyword, value in rest.items() if keyword in _WORDS]
    return "".join(f", {word}" for word in words)
