"""How the providers of a capability are: which there are, where they run, whether they can serve now."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from coursewright.capabilities import CAPABILITIES
from coursewright.catalog import AnyProvider, Catalog, Offer
from coursewright.cli.health import health_of
from coursewright.cli.plugins import options_of
from coursewright.document.problems import did_you_mean
from coursewright.errors import InputError
from coursewright.kit.health import forget
from coursewright.providers import Health
from coursewright.run.daemon import in_daemon_thread
from coursewright.run.hosting import hosted
from coursewright.settings import PREFIX, Settings
from msgspec import Meta

from coursewright_api.database.columns import now
from coursewright_api.fields import FieldError
from coursewright_api.problems import invalid, not_found

KEPT_S = 30.0
PATIENCE_S = 10.0
"""The contract tests ask of every provider to answer within this."""
AGAIN_S = 5.0
"""Asked to look now, it looks as often as this at most: asking costs the service that is asked."""

State = Literal["ready", "degraded", "not_configured", "unreachable"]


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator may set for a provider."""

    name: str
    variable: Annotated[str, Meta(description="The environment variable that sets it.")]
    description: str
    given: Annotated[bool, Meta(description="Is it set? Otherwise its default holds, if it has one.")]


class ProviderState(msgspec.Struct, frozen=True, kw_only=True):
    """One installed provider."""

    id: str
    summary: str
    state: State
    message: Annotated[str, Meta(description="What is the matter; empty when it is ready.")] = ""
    remedy: Annotated[str, Meta(description="What to do about it.")] = ""
    preferred: Annotated[bool, Meta(description="Does it serve now where a pipeline names nobody?")]
    where: Annotated[Literal["here", "elsewhere"], Meta(description="On the service's machine, or on another.")]
    host: Annotated[str, Meta(description="Which machine or Space, where there is one.")] = ""
    cost: str
    sends: Annotated[str, Meta(description="What leaves the machine, and to whom.")] = ""
    licence: str = ""
    needs: list[Need] = []


class CapabilityStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All providers of a capability, most preferred first."""

    capability: str
    available: Annotated[bool, Meta(description="Can any of them serve?")]
    checked_at: datetime
    providers: list[ProviderState]


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider said when it was asked now."""

    provider: str
    available: bool
    state: State
    message: str
    remedy: str
    took_s: float


class ProviderStatus:
    """Asks providers how they are, in threads, and not more often than needed."""

    def __init__(self, settings: Settings, catalog: Callable[[], Awaitable[Catalog]]) -> None:
        self._settings = settings
        self._catalog = catalog
        self._turns = {name: asyncio.Lock() for name in CAPABILITIES}
        self._known: dict[str, tuple[float, CapabilityStatus]] = {}
        self._asked: dict[str, tuple[float, Validation]] = {}

    async def of(self, capability: str) -> CapabilityStatus:
        """All providers of it; the answer may be half a minute old. Raises a 404 for any other capability."""
        turn = self._turn(capability)
        async with turn:
            asked_at, known = self._known.get(capability, (0.0, None))
            if known is not None and time.monotonic() - asked_at < KEPT_S:
                return known
            catalog = await self._catalog()
            order = preferred(catalog, capability, self._settings)
            health = await self._health(order)
            serving = [offer.id for offer in order if health[offer.id].state != "unavailable"]
            first = next(iter([*serving, *health]), "")
            found = CapabilityStatus(
                capability=capability,
                available=bool(serving),
                checked_at=now(),
                providers=[_state_of(offer, health[offer.id], self._settings, first=first) for offer in order],
            )
            self._known[capability] = (time.monotonic(), found)
            return found

    async def ask(self, capability: str, name: str) -> Validation:
        """Ask the preferred provider, or the named one, now. Raises a 404 or 422; a failure is an answer."""
        turn = self._turn(capability)
        order = preferred(await self._catalog(), capability, self._settings)
        if not order:
            return Validation(
                provider="",
                available=False,
                state="not_configured",
                message=f"no provider of '{capability}' is installed",
                remedy=f"install a plugin for it, such as coursewright-{capability}-…",
                took_s=0.0,
            )
        if not name:
            name = next(each.id for each in (await self.of(capability)).providers if each.preferred)
        offer = _named(order, capability, name)
        async with turn:
            asked_at, known = self._asked.get(offer.id, (0.0, None))
            if known is not None and time.monotonic() - asked_at < AGAIN_S:
                return known
            begun = time.monotonic()
            forget()
            health = (await self._health([offer]))[offer.id]
            state = _state_of(offer, health, self._settings, first="")
            answer = Validation(
                provider=offer.id,
                available=health.state != "unavailable",
                state=state.state,
                message=health.reason or "it can serve",
                remedy=health.remedy,
                took_s=round(time.monotonic() - begun, 3),
            )
            self._asked[offer.id] = (time.monotonic(), answer)
            self._known.pop(capability, None)
            return answer

    async def _health(self, offers: list[Offer]) -> dict[str, Health]:
        return await in_daemon_thread(lambda: health_of(offers, self._settings, patience_s=PATIENCE_S))

    def _turn(self, capability: str) -> asyncio.Lock:
        if capability not in self._turns:
            raise not_found("capability")
        return self._turns[capability]


def preferred(catalog: Catalog, capability: str, settings: Settings) -> list[Offer]:
    """In the order in which the compiler would choose for a pipeline that names nobody."""
    offers = [catalog.offers[f"{each.capability}.{each.name}"] for each in catalog.of(capability)]
    wish = settings.providers.get(capability, "")
    wish = wish if "." in wish else f"{capability}.{wish}"
    return sorted(offers, key=lambda offer: (offer.id != wish, bool(offer.provider.sends)))  # sorting is stable


def _named(offers: Iterable[Offer], capability: str, name: str) -> Offer:
    known = {offer.id: offer for offer in offers}
    found = known.get(name) or known.get(f"{capability}.{name}")
    if found is None:
        hint = did_you_mean(name, known, what="there are")
        raise invalid([FieldError(parameter="query:provider", code="unknown", message=f"is no provider of it; {hint}")])
    return found


def _state_of(offer: Offer, health: Health, settings: Settings, *, first: str) -> ProviderState:
    kind = offer.provider
    where, host = _place(kind, settings)
    return ProviderState(
        id=offer.id,
        summary=kind.summary,
        state=_state(health, host),
        message=health.reason,
        remedy=health.remedy,
        preferred=offer.id == first,
        where=where,
        host=host,
        cost=kind.cost,
        sends=kind.sends,
        licence=kind.licence,
        needs=_needs(kind, settings),
    )


def _state(health: Health, host: str) -> State:
    if health.state != "unavailable":
        return health.state
    # A remedy that names a setting is for what was never set up; and what is on this machine is not out of reach.
    return "not_configured" if not host or f"{PREFIX}SE" in health.remedy else "unreachable"


def _place(kind: type[AnyProvider], settings: Settings) -> tuple[Literal["here", "elsewhere"], str]:
    """Where its service is. Only the host: an address may hold what nobody should read."""
    try:
        service = hosted(kind, settings).service
    except InputError:
        return "elsewhere", ""
    written = next((text for name in ("url", "address") if (text := getattr(service, name, ""))), "")
    if not written:
        return ("elsewhere" if kind.sends else "here"), ""
    try:
        host = urlsplit(written).hostname
    except ValueError:
        host = None
    if host is None:
        return "elsewhere", written.rpartition("@")[2]
    return ("here" if _is_loopback(host) else "elsewhere"), host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _needs(kind: type[AnyProvider], settings: Settings) -> list[Need]:
    provider_id = f"{kind.capability}.{kind.name}"
    given = settings.services.get(provider_id, {})
    prefix = f"{PREFIX}SERVICE_{provider_id.replace('.', '_').upper()}__"
    found = [
        Need(
            name=option.name,
            variable=f"{prefix}{option.name.upper()}",
            description=option.description,
            given=option.name in given,
        )
        for option in options_of(kind.Service)
    ]
    secret = given.get("secret") or getattr(kind.Service(), "secret", "")
    if isinstance(secret, str) and secret:
        found.append(
            Need(
                name=secret,
                variable=f"{PREFIX}SECRET_{secret}",
                description="The key of the service, where it wants one.",
                given=bool(settings.secrets.get(secret)),
            )
        )
    return found
