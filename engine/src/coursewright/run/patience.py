"""How often a provider is asked again, and how long to wait before: by the class of its error."""

from __future__ import annotations

import random

from coursewright.errors import BadInput, Busy, Cancelled, ProviderBug, ProviderError, Unavailable
from coursewright.plan import Retry

PATIENCE: dict[type[ProviderError], int] = {Busy: 4, Unavailable: 2}
"""Attempts by class of error where a pipeline says nothing: a busy service is worth waiting for, a missing
one rarely returns within seconds, and what timed out once has already cost its whole deadline."""

MAX_BACKOFF_S = 60.0


def attempts(retry: Retry | None, error: ProviderError) -> int:
    """How many times in all the provider is asked, when this is how it answers."""
    if isinstance(error, BadInput | Cancelled):
        return 1
    if retry is None:
        return PATIENCE.get(type(error), 1)
    return retry.attempts if error.retries or isinstance(error, ProviderBug) else 1


def wait_s(retry: Retry | None, attempt: int, error: ProviderError) -> float:
    """Exponential backoff with jitter, or what the service asked for."""
    asked = error.retry_after_s if isinstance(error, Busy) else None
    backoff_s = (retry.backoff_s if retry else 1.0) * 2 ** (attempt - 1)
    chosen_s = asked if asked is not None else backoff_s * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, no secret
    return min(chosen_s, MAX_BACKOFF_S)
