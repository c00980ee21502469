"""Whether a Space could be called now, asked as cheaply as can be."""

from __future__ import annotations

import time

from coursewright.errors import Busy
from coursewright.kit.gradio import hub
from coursewright.kit.gradio.address import address_of
from coursewright.kit.gradio.faults import Faults
from coursewright.kit.gradio.session import WAKING, Session
from coursewright.kit.gradio.signature import Endpoint
from coursewright.kit.gradio.waiting import patiently
from coursewright.kit.gradio.words import plain
from coursewright.providers import Health, Host
from coursewright.secrets import Secret

PROBE_S = 9.0
"""A health check may take 10 s."""


def probe(address: str, what: str, token: Secret | None, host: Host) -> tuple[Health, dict[str, Endpoint] | None]:
    """The Space's health, and what it offers when it is awake. Raises the family when it cannot be used."""
    ends = time.monotonic() + PROBE_S
    found = hub.Found(url="")
    place = address_of(address)
    if place.name:
        found = _ask_hub(place.name, what, token)
        hub.assert_usable(found, what, plain(found.words))
        if found.stage in hub.ASLEEP:
            return _asleep(what, host), None
        if found.stage in hub.STARTING:
            return _starting(what, found.stage), None
    try:
        with Session(
            found.url or address, what=what, token=token, host=host, patience_s=ends - time.monotonic()
        ) as session:
            endpoints = session.endpoints
    except Busy as busy:
        return Health(state="degraded", reason=busy.message, remedy=busy.remedy), None
    quota = _quota_left(token, ends - time.monotonic()) if token and found.zero_gpu else ""
    return Health(reason=quota), endpoints


def _ask_hub(name: str, what: str, token: Secret | None) -> hub.Found:
    try:
        return patiently(lambda: hub.find(name, token), context=None, stop=lambda: None, patience_s=hub.HUB_S)
    except TimeoutError:
        raise Busy("Hugging Face did not answer in time", remedy="try again later") from None
    except Exception as error:
        raise Faults(what, token=token.reveal() if token else "").of(error) from error


def _asleep(what: str, host: Host) -> Health:
    took = host.recall(WAKING)
    return Health(
        state="degraded",
        reason=f"{what} is asleep; waking it took {took:.0f} s last time" if took else f"{what} is asleep",
        remedy="nothing: the first request wakes it",
    )


def _starting(what: str, stage: str) -> Health:
    doing = "being built" if stage == "BUILDING" else "starting"
    return Health(state="degraded", reason=f"{what} is {doing}", remedy="wait some minutes")


def _quota_left(token: Secret, patience_s: float) -> str:
    try:
        quota = patiently(
            lambda: hub.zero_gpu_quota(token), context=None, stop=lambda: None, patience_s=max(0.0, patience_s)
        )
    except TimeoutError:
        return ""
    if quota is None:
        return ""
    resets = f", new at {quota.resets_at:%Y-%m-%d %H:%M %Z}".rstrip() if quota.resets_at else ""
    return f"Hugging Face tells {quota.current_s:.0f} of {quota.base_s:.0f} s of GPU quota{resets}"
