"""The application: routes, errors, headers, documentation."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import AsyncIterator, Callable, Sequence

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.plugins import InitPlugin
from litestar.types import BeforeMessageSendHookHandler, Message, Scope

from coursewright_api.assets.routes import AssetController, UploadController
from coursewright_api.assets.upkeep import kept_up
from coursewright_api.auth.admin_routes import AdminController
from coursewright_api.auth.cookies import CSRF_HEADER
from coursewright_api.auth.routes import AuthController
from coursewright_api.consents.routes import ConsentController
from coursewright_api.description import name_all_methods, openapi
from coursewright_api.fields import StrictRequest
from coursewright_api.files.routes import FilesController
from coursewright_api.generate.routes import GenerateController
from coursewright_api.generate.status_routes import ProviderController, StatusController
from coursewright_api.health import HealthController
from coursewright_api.jobs.routes import JobController
from coursewright_api.jobs.script_routes import ScriptController
from coursewright_api.jobs.stream_routes import StreamController, follow_job
from coursewright_api.jobs.upkeep import jobs_kept_up
from coursewright_api.metrics import Metrics, MetricsController, Timing, counting
from coursewright_api.pipelines.routes import PipelineController
from coursewright_api.problems import handle
from coursewright_api.service import Service, origin_of
from coursewright_api.settings import ServerSettings
from coursewright_api.share.pages import FRAMED, PlayerController
from coursewright_api.share.routes import ShareController
from coursewright_api.stats.routes import StatsController
from coursewright_api.worker.routes import WorkerController

SITE = "coursewright.site"
"""The entry-point group of what joins the service from another distribution, such as the pages for browsers: each is
called with the `Service`, and gives a plugin of Litestar."""
_NO_FRAMES = "X-Frame-Options"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    _NO_FRAMES: "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""What every response has unless its route says otherwise: right for JSON, and safe for what somebody forgets."""


def site_of(service: Service) -> list[InitPlugin]:
    """What other distributions add to the service; none need be installed."""
    entries = sorted(importlib.metadata.entry_points(group=SITE), key=lambda each: each.name)
    return [entry.load()(service) for entry in entries]


def create_app(service: Service, site: Sequence[InitPlugin] = ()) -> Litestar:
    """The ASGI application. It opens the database, and migrates it, when it starts."""
    server = service.server
    metrics = Metrics()

    async def provide_service() -> Service:
        return service

    return Litestar(
        route_handlers=[
            AuthController,
            AdminController,
            ConsentController,
            HealthController,
            MetricsController,
            PipelineController,
            StatusController,
            ProviderController,
            AssetController,
            UploadController,
            FilesController,
            JobController,
            ScriptController,
            StreamController,
            GenerateController,
            WorkerController,
            follow_job,
            PlayerController,
            ShareController,
            StatsController,
        ],
        middleware=[Timing(), service.authentication],
        dependencies={
            "service": Provide(provide_service),
            "origin": Provide(origin_of, sync_to_thread=False),
        },
        exception_handlers={Exception: handle},
        lifespan=[_opened(service)],
        before_send=[_headers(server), name_all_methods, counting(metrics)],
        state=State({"metrics": metrics}),
        plugins=site,
        request_max_body_size=server.max_body_bytes,
        cors_config=_cors(server),
        openapi_config=openapi(),
        request_class=StrictRequest,
        logging_config=None,
        debug=False,
    )


def _opened(service: Service) -> Callable[[Litestar], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await service.database.open()
        try:
            await service.throttles.sweep()
            async with (
                kept_up(service.assets, service.uploads, service.inspector),
                service.pipelines.scanning(),
                jobs_kept_up(service),
            ):
                yield
        finally:
            await service.database.close()

    return lifespan


def _headers(server: ServerSettings) -> BeforeMessageSendHookHandler:
    fixed = dict(_HEADERS)
    if server.secure:
        fixed["Strict-Transport-Security"] = "max-age=31536000"

    async def add(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = MutableScopeHeaders.from_message(message)
            route = scope.get("route_handler")
            framed = route is not None and route.opt.get(FRAMED)
            for name, value in fixed.items():
                if not (framed and name == _NO_FRAMES):
                    headers.setdefault(name, value)

    return add


def _cors(server: ServerSettings) -> CORSConfig | None:
    if not server.allowed_origins:
        return None
    return CORSConfig(
        allow_origins=list(server.allowed_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", CSRF_HEADER],
        expose_headers=["Retry-After"],
        allow_credentials=True,
        max_age=600,
    )
