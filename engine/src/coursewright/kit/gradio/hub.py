"""What Hugging Face says of a Space: where it runs, whether it is awake, and what is left of a GPU quota.

The client library would ask the same, but waits without an end for a Space that is being built. Importing this
module imports huggingface_hub.
"""

from __future__ import annotations

import datetime
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import msgspec

from coursewright.errors import Unavailable
from coursewright.kit.gradio.silence import keep_silent
from coursewright.secrets import Secret

HUB_S = 8.0
"""For one answer of the Hub."""

# Stages are those of huggingface_hub's SpaceStage, and SLEEPING, which the Hub tells beside them.
ASLEEP = frozenset({"SLEEPING", "STOPPED"})
STARTING = frozenset({"APP_STARTING", "BUILDING"})
_BROKEN = {
    "NO_APP_FILE": "has no app in it",
    "CONFIG_ERROR": "is wrongly configured",
    "BUILD_ERROR": "could not be built",
    "RUNTIME_ERROR": "has crashed",
    "DELETING": "is being deleted",
    "PAUSED": "was paused by its owner",
}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A Space as the Hub knows it."""

    url: str
    stage: str = "RUNNING"
    hardware: str = ""
    words: str = ""
    """The Hub's own words about a stage that is none to work with."""

    @property
    def zero_gpu(self) -> bool:
        """Does each caller spend a quota of his own?"""
        return self.hardware.startswith("zero")


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of GPU a day, as the Hub tells them to the owner of a token."""

    base_s: float
    current_s: float
    resets_at: datetime.datetime | None = None


def find(name: str, token: Secret | None) -> Found:
    """Ask the Hub for a Space. Raises huggingface_hub's errors and those of the HTTP library it uses."""
    keep_silent()
    info = huggingface_hub.HfApi().space_info(name, timeout=HUB_S, token=token.reveal() if token else False)
    raw: dict[str, Any] = info.runtime.raw if info.runtime is not None else {}
    words = raw.get("errorMessage")
    return Found(
        url=info.host or f"https://{name.lower().replace('/', '-').replace('_', '-').replace('.', '-')}.hf.space",
        stage=str(raw.get("stage") or "RUNNING"),
        hardware=str((info.runtime.hardware if info.runtime is not None else None) or ""),
        words=words if isinstance(words, str) else "",
    )


def assert_usable(found: Found, what: str, words: str) -> None:
    """Raises Unavailable for a Space that no waiting helps."""
    if reason := _BROKEN.get(found.stage):
        remedy = "ask its owner to start it again" if found.stage == "PAUSED" else "tell its owner"
        raise Unavailable(
            f"{what} {reason} (Hugging Face says {found.stage})",
            remedy=f"{remedy}, run a copy of your own and set its address, or use another provider",
            detail=words,
        )


def zero_gpu_quota(token: Secret) -> Quota | None:
    """What is left of the token's GPU quota, where the Hub tells; None where it does not.

    `GET /api/spaces/zero-gpu/quota` is not documented: nothing may depend on its answer.
    """
    import httpx  # not the library that huggingface_hub uses: its session has no time limit

    from coursewright.kit.gradio.wire import tls

    endpoint = huggingface_hub.constants.ENDPOINT
    try:
        answer = httpx.get(
            f"{endpoint}/api/spaces/zero-gpu/quota",
            headers={"authorization": f"Bearer {token.reveal()}"},
            timeout=HUB_S / 2,
            verify=tls(),
        )
        told = answer.raise_for_status().json()
        resets_at = told.get("resetsAt")
        return Quota(
            base_s=float(told["base"]),
            current_s=float(told["current"]),
            resets_at=datetime.datetime.fromisoformat(resets_at) if isinstance(resets_at, str) else None,
        )
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return None
