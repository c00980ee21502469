"""Places that all workers share, kept by Prefect as global concurrency limits. Imports Prefect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import PrefectException

from coursewright.run.gates import shared_limits
from coursewright.settings import Limit

log = logging.getLogger("coursewright.run")

LEASE_S = 120.0
"""How long a place stays taken after its worker was killed; Prefect's least is 60 s."""
_LOCKED = 423
"""What Prefect answers while all places are taken."""


class PrefectSlots:
    """`coursewright.run.gates.Slots` over Prefect's API. Without its server nobody waits: the run goes on alone."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._held: set[UUID] = set()

    async def agree(self, limits: Mapping[str, Limit]) -> None:
        """Tell Prefect the limits; the settings of the run that began last hold for all."""
        try:
            for name, (places, per_second) in shared_limits(limits).items():
                await self._client.upsert_global_concurrency_limit_by_name(name, places, per_second)
        except (httpx.HTTPError, PrefectException) as error:
            self._alone(error)

    async def take(self, name: str) -> object | None:
        mode: Any = "rate_limit" if name.endswith(":per-minute") else "concurrency"
        try:
            response = await self._client.increment_concurrency_slots_with_lease([name], 1, mode, LEASE_S)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == _LOCKED:
                return None
            return self._alone(error)
        except httpx.HTTPError as error:
            return self._alone(error)
        lease = UUID(response.json()["lease_id"])
        if mode == "concurrency":
            self._held.add(lease)
        return lease

    async def give_back(self, place: object) -> None:
        if isinstance(place, UUID):
            self._held.discard(place)
            with suppress(httpx.HTTPError):  # it comes back by itself when the lease is over
                await self._client.release_concurrency_slots_with_lease(place)

    async def keep(self) -> None:
        """Renew what is held, for ever."""
        while True:
            await asyncio.sleep(LEASE_S / 3)
            for lease in list(self._held):
                with suppress(httpx.HTTPError):
                    await self._client.renew_concurrency_lease(lease, LEASE_S)

    @staticmethod
    def _alone(error: Exception) -> object:
        log.warning("Prefect does not keep the limits of providers now: %s", error)
        return object()


@asynccontextmanager
async def prefect_slots(limits: Mapping[str, Limit]) -> AsyncIterator[PrefectSlots | None]:
    """The shared places for these limits, which Prefect is told first; None when nothing is limited."""
    if not limits:
        yield None
        return
    async with get_client() as client:
        slots = PrefectSlots(client)
        await slots.agree(limits)
        keeping = asyncio.create_task(slots.keep())
        try:
            yield slots
        finally:
            keeping.cancel()
