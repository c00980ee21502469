"""Is a provider there? Asked once in a run, before its first request."""

from __future__ import annotations

import asyncio

from coursewright.catalog import AnyProvider
from coursewright.errors import ProviderError, Unavailable
from coursewright.providers import Health, Provider
from coursewright.run.daemon import in_daemon_thread

HEALTH_PATIENCE_S = 10.0
"""A provider that cannot say in this time whether it is there is not."""


class Readiness:
    """What providers said of themselves in this run."""

    def __init__(self) -> None:
        self._health: dict[str, asyncio.Future[Health]] = {}

    async def must_be_ready(self, provider_id: str, provider: AnyProvider) -> None:
        """Raise Unavailable when the provider says so."""
        if provider_id not in self._health:
            self._health[provider_id] = asyncio.ensure_future(_ask(provider_id, provider))
        health = await asyncio.shield(self._health[provider_id])
        if health.state == "unavailable":
            raise Unavailable(health.reason or f"'{provider_id}' is not available", remedy=health.remedy)


async def _ask(provider_id: str, provider: AnyProvider) -> Health:
    if type(provider).check is Provider.check:  # the default is "ready": no thread for that
        return Health()
    try:
        async with asyncio.timeout(HEALTH_PATIENCE_S):
            return await in_daemon_thread(provider.check)
    except TimeoutError:
        return Health(state="unavailable", reason=f"'{provider_id}' did not answer within {HEALTH_PATIENCE_S:g} s")
    except ProviderError as error:
        return Health(state="unavailable", reason=error.message, remedy=error.remedy)
    except Exception as error:  # whatever a stranger's check raises
        return Health(state="unavailable", reason=f"its check failed: {type(error).__name__}: {error}")
