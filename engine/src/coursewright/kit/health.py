"""Health that is asked for often and must stay cheap for the service that is asked."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from coursewright.providers import Health, Provider

P = TypeVar("P", bound=Provider[Any, Any])

KEPT_S = 60.0

_lock = threading.Lock()
_answers: dict[tuple[Any, ...], tuple[float, Health]] = {}


def cached(check: Callable[[P], Health]) -> Callable[[P], Health]:
    """Decorate `Provider.check`: the same answer for 60 s, by provider, options and service, in this process."""

    @functools.wraps(check)
    def asked(provider: P) -> Health:
        key = (type(provider), msgspec.json.encode(provider.options), msgspec.json.encode(provider.service))
        with _lock:
            found = _answers.get(key)
        if found is not None and time.monotonic() - found[0] < KEPT_S:
            return found[1]
        health = check(provider)
        with _lock:
            _answers[key] = (time.monotonic(), health)
        return health

    return asked


def forget() -> None:
    """Ask anew next time: after a key was set or a service started."""
    with _lock:
        _answers.clear()
