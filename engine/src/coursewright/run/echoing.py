"""A run that only says back what it was given, to see whether a worker takes runs. Imports Prefect."""

from __future__ import annotations

import asyncio
import os
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.states import Completed, Running


def main() -> int:
    """Answer the flow run that the worker's environment names."""
    return asyncio.run(_answer(UUID(os.environ["PREFECT__FLOW_RUN_ID"])))


async def _answer(flow_run_id: UUID) -> int:
    async with get_client() as client:
        flow_run = await client.read_flow_run(flow_run_id)
        await client.set_flow_run_state(flow_run_id, Running())
        message = str(flow_run.parameters.get("message", ""))
        await client.set_flow_run_state(flow_run_id, Completed(message=message))
    return 0
