"""Asking providers how they are, all at once and with bounded patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from coursewright.catalog import Offer
from coursewright.errors import CoursewrightError
from coursewright.providers import Health
from coursewright.run.hosting import hosted
from coursewright.settings import Settings

PATIENCE_S = 10.0
"""The contract tests ask of every provider to answer within this."""


def health_of(offers: Iterable[Offer], settings: Settings, *, patience_s: float = PATIENCE_S) -> dict[str, Health]:
    """The health of each provider by id. One that raises, hangs or answers nonsense is `unavailable`."""
    answers: dict[str, Health] = {}
    threads = {}
    for offer in offers:
        # Daemons: a provider that hangs must not keep the command from ending.
        threads[offer.id] = threading.Thread(target=_ask, args=(offer, settings, answers), daemon=True)
        threads[offer.id].start()
    ends = time.monotonic() + patience_s
    for thread in threads.values():
        thread.join(max(0.0, ends - time.monotonic()))
    silent = Health(
        state="unavailable",
        reason=f"it did not answer within {patience_s:g} s",
        remedy="try again; if it stays so, tell the plugin's author",
    )
    return {provider_id: answers.get(provider_id, silent) for provider_id in threads}


def _ask(offer: Offer, settings: Settings, answers: dict[str, Health]) -> None:
    try:
        answer = hosted(offer.provider, settings).check()
        fault = "" if isinstance(answer, Health) else f"check() returned {answer!r}, which is no Health"
    except CoursewrightError as error:
        answers[offer.id] = Health(state="unavailable", reason=error.message, remedy=error.remedy)
        return
    except BaseException as error:  # whatever a stranger's check raises, SystemExit too
        fault = f"check() raised {type(error).__name__}: {error}"
    answers[offer.id] = (
        Health(state="unavailable", reason=fault, remedy="tell the plugin's author") if fault else answer
    )
