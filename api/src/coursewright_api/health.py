"""`/health`: does the process live, and is everything there that it needs?"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from coursewright import __version__
from coursewright.errors import CoursewrightError
from coursewright.run.server import answers
from coursewright.store.contract import Store
from litestar import Controller, Response, get
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta

from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.service import Service, Services

PATIENCE_S = 3.0
"""A part that takes longer cannot serve anybody."""
_NO_STEP = "0" * 64
"""A step's key that no step has: asking for its record touches the store and finds nothing."""

State = Literal["ready", "starting", "unavailable"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the service needs."""

    name: Annotated[str, Meta(examples=["database"])]
    state: State
    kind: Annotated[str, Meta(description="Which one it is.", examples=["PostgreSQL"])]
    message: Annotated[str, Meta(description="What is wrong.")] = ""
    took_s: float


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Is the service ready?"""

    state: Literal["ready", "not_ready"]
    parts: list[Part]


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    state: Literal["alive"] = "alive"
    version: str = __version__


class HealthController(Controller):
    """For load balancers, supervisors and people."""

    path = "/health"
    tags = ("Health",)
    opt = {PUBLIC: True}  # noqa: RUF012  # Litestar's way
    security = ({},)

    @get("/live", summary="Does the process answer?", sync_to_thread=False)
    def live(self) -> Alive:
        return Alive()

    @get(
        ["/", "/ready"],
        summary="Is everything there that the service needs?",
        responses={503: ResponseSpec(Health, description="Something is missing", generate_examples=False)},
    )
    async def ready(self, service: Services) -> Response[Health]:
        """200 when all parts are ready, else 503; each part says how it is."""
        parts = await asyncio.gather(
            _part("database", service.database.name, service.database.ping()),
            _part("store", _kind(service), _in_thread(_try_store, service.store, service.settings.local_store)),
            _prefect(service),
        )
        well = all(part.state == "ready" for part in parts)
        health = Health(state="ready" if well else "not_ready", parts=list(parts))
        return Response(health, status_code=200 if well else 503, headers={"Cache-Control": "no-store"})


def _kind(service: Service) -> str:
    return "S3" if service.settings.s3 else "local folder"


async def _part(name: str, kind: str, attempt: Awaitable[Any]) -> Part:
    """The state of a part. What went wrong is said in general: anybody may ask, and errors name addresses."""
    began = time.monotonic()
    message = ""
    try:
        await asyncio.wait_for(attempt, PATIENCE_S)
    except TimeoutError:
        message = f"does not answer within {PATIENCE_S:g} s"
    except Exception as error:
        message = f"cannot be used ({type(error).__name__})"
    took_s = round(time.monotonic() - began, 4)
    return Part(name=name, state="unavailable" if message else "ready", kind=kind, message=message, took_s=took_s)


async def _prefect(service: Service) -> Part:
    kind = "external" if service.settings.prefect_api_url else "embedded"
    try:
        url = service.prefect_url()
    except CoursewrightError:
        message = "did not start; the service's output says why"
        return Part(name="prefect", state="unavailable", kind=kind, message=message, took_s=0)
    if not url:
        return Part(name="prefect", state="starting", kind=kind, message="has no address yet", took_s=0)
    return await _part("prefect", kind, _in_thread(_try_prefect, url))


async def _in_thread(function: Any, *arguments: Any) -> None:
    """A blocking call, left alone when nobody waits for it any more."""
    await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True)


def _try_store(store: Store, folder: Path) -> None:
    store.read_record(_NO_STEP, touch=False)
    if hasattr(store, "root"):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(existing, os.W_OK):
            raise PermissionError


def _try_prefect(url: str) -> None:
    if not answers(url):
        raise ConnectionError
