"""`/api/generate/…/status` and `/validate`: whether the services that make courses can be reached."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import FromPath, QueryParameter

from coursewright_api.auth.routes import Asked
from coursewright_api.database.states import Role
from coursewright_api.generate.listing import Providers, providers_of
from coursewright_api.generate.status import CapabilityStatus, Validation
from coursewright_api.problems import documented
from coursewright_api.service import Services

Capability = FromPath[str]
Provider = Annotated[str, QueryParameter(max_length=80, description="Which one; else the preferred one.")]


class StatusController(Controller):
    """The health of providers, by capability."""

    path = "/api/generate"
    tags = ("Providers",)

    @get("/{capability:str}/status", summary="The providers of a capability", responses=documented(401, 403, 404))
    async def status(self, service: Services, capability: Capability) -> CapabilityStatus:
        """Most preferred first, each with its state. The answer may be half a minute old."""
        return await service.provider_status.of(capability)

    @get("/{capability:str}/validate", summary="Ask a provider now", responses=documented(401, 403, 404, 422))
    async def validate(self, service: Services, capability: Capability, provider: Provider = "") -> Validation:
        """Can it serve? It has ten seconds to say so; one that does not answer is not available."""
        return await service.provider_status.ask(capability, provider)

    @post(
        "/{capability:str}/validate",
        summary="Ask a provider now",
        status_code=200,
        responses=documented(401, 403, 404, 422),
    )
    async def validate_again(self, service: Services, capability: Capability, provider: Provider = "") -> Validation:
        """As by `GET`."""
        return await service.provider_status.ask(capability, provider)


class ProviderController(Controller):
    """What is installed."""

    path = "/api/providers"
    tags = ("Providers",)

    @get("", summary="All providers, by capability", responses=documented(401, 403))
    async def providers(self, request: Asked, service: Services) -> Providers:
        """Without asking any how it is. Plugins that could not be loaded are told to designers."""
        catalog = await service.pipelines.compiler.catalog()
        with_failures = request.user.role.includes(Role.designer)
        return await service.in_thread(providers_of, catalog, service.settings, with_failures=with_failures)
