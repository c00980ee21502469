"""What assets need from time to time, in every process of the service: none does harm beside another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from coursewright_api.assets.inspection import Inspector
from coursewright_api.assets.records import Assets
from coursewright_api.assets.uploads import Uploads

log = logging.getLogger(__name__)

EVERY_S = 300.0


@contextlib.asynccontextmanager
async def kept_up(assets: Assets, uploads: Uploads, inspector: Inspector) -> AsyncIterator[None]:
    """Sweep now and then while the service runs; at its end, let go what is being looked at."""
    sweeping = asyncio.create_task(_sweep(assets, uploads))
    try:
        yield
    finally:
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping
        inspector.close()  # what is being looked at goes back to where it was
        await uploads.close()


async def _sweep(assets: Assets, uploads: Uploads) -> None:
    while True:
        for work in (uploads.sweep, assets.purge):
            try:
                await work()
            except Exception as error:  # database or store may be away for a while
                log.warning("assets could not be swept: %s", type(error).__name__)
        await asyncio.sleep(EVERY_S)
