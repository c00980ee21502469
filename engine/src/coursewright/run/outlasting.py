"""Prefect's client, made to outlast outages of its server, for processes that nobody waits for. Imports Prefect."""

from __future__ import annotations

from typing import Any

from prefect.client import base
from prefect.utilities.math import clamped_poisson_interval

_LONGEST_WAIT_S = 4.0


def outlast() -> None:
    """Let this process wait for the server, and find it within seconds when it is back.

    Prefect's client doubles its waits without bound, and does not wait at all where it was not connected before: a
    run that ended while the server was away would count as running for ever. There is no setting for it.
    """

    def bounded(average_interval: float, clamping_factor: float = 0.3) -> float:
        return clamped_poisson_interval(min(average_interval, _LONGEST_WAIT_S), clamping_factor)

    base.clamped_poisson_interval = bounded  # type: ignore[attr-defined]  # the name that the client calls
    for client in (base.PrefectHttpxAsyncClient, base.PrefectHttpxSyncClient):
        client._has_connected = _Always()  # type: ignore[assignment]  # an attribute of its instances


class _Always:
    """An attribute that is true, whatever is assigned."""

    def __get__(self, instance: object, owner: type) -> bool:
        return True

    def __set__(self, instance: object, value: Any) -> None:
        """Nothing changes."""
