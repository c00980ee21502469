"""`/metrics`: what this process does and how much waits, for Prometheus. Each process tells of its own requests."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import time
from typing import Any

from coursewright import __version__
from coursewright.settings import Settings
from litestar import Controller, Request, Response, get
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, BeforeMessageSendHookHandler, Message, Receive, Scope, Send
from piccolo.columns import Column
from piccolo.query.functions import Count
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.engines import PgEngine
from coursewright_api.database.states import JobState
from coursewright_api.database.tables import Job
from coursewright_api.problems import documented, forbidden, unauthorized
from coursewright_api.service import Service, Services
from coursewright_api.settings import ServerSettings

log = logging.getLogger(__name__)

TOKEN = "METRICS_TOKEN"  # noqa: S105  # the secret's name
_BEGAN = "coursewright_began"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNKNOWN = "none"
"""The route of what has none: paths come from anybody, and each would be a series of its own."""
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COUNT_EVERY_S = 10.0
"""Counting a million jobs takes a tenth of a second."""


class Metrics:
    """The figures of one process. No label holds what a person wrote."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        Info("coursewright", "The version.", registry=self.registry).info({"version": __version__})
        self._requests = Counter(
            "coursewright_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._durations = Histogram(
            "coursewright_http_request_duration_seconds",
            "Seconds until the answer began.",
            ["method", "route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._streams = self._gauge("event_streams", "Event streams that are open in this process.")
        self._connections = self._gauge("database_connections", "PostgreSQL connections of this process.", "state")
        self._database_up = self._gauge("database_up", "1 while the database answers.")
        self._jobs = self._gauge("jobs", "Jobs of the whole service.", "state")
        self._oldest = self._gauge("jobs_oldest_pending_seconds", "How long the job has waited that waits longest.")
        self._counted = float("-inf")

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"coursewright_{name}", words, labels, registry=self.registry)

    def count(self, method: str, route: str, status: int, took_s: float | None) -> None:
        """A request was answered."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, status).inc()
        if took_s is not None:
            self._durations.labels(method, route).observe(took_s)

    async def text(self, service: Service) -> bytes:
        """All figures, as Prometheus reads them."""
        self._streams.set(service.hub.count)
        self._count_connections(service.database)
        try:
            await self._count_jobs()
            self._database_up.set(1)
        except Exception as error:  # the others are wanted all the more
            log.warning("jobs cannot be counted now: %s", type(error).__name__)
            self._database_up.set(0)
        return generate_latest(self.registry)

    def _count_connections(self, database: Database) -> None:
        if isinstance(database.engine, PgEngine) and (pool := database.engine.pool) is not None:
            idle = pool.get_idle_size()
            self._connections.labels("idle").set(idle)
            self._connections.labels("used").set(pool.get_size() - idle)

    async def _count_jobs(self) -> None:
        if time.monotonic() - self._counted < _COUNT_EVERY_S:
            await Job.exists().where(Job.state == JobState.pending)
            return
        state: Column = Job.state
        rows = await Job.select(state, Count()).group_by(state)
        counts = {row["state"]: row["count"] for row in rows}
        for each in JobState:
            self._jobs.labels(each.value).set(counts.get(each.value, 0))
        pending = Job.select(Job.created_at).where(Job.state == JobState.pending)
        oldest = await pending.order_by(Job.created_at).first()
        self._oldest.set((now() - oldest["created_at"]).total_seconds() if oldest else 0)
        self._counted = time.monotonic()


class Timing(ASGIMiddleware):
    """Notes when a request began. The first of the middlewares, so that all others count."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["state"][_BEGAN] = time.perf_counter()
        await next_app(scope, receive, send)


def counting(metrics: Metrics) -> BeforeMessageSendHookHandler:
    """Counts each answer when it begins; those that no route gives, too."""

    async def count(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start" or scope["type"] != ScopeType.HTTP:
            return
        began = scope["state"].get(_BEGAN)
        took_s = None if began is None else time.perf_counter() - began
        route = scope.get("path_template") or _UNKNOWN if began is not None else _UNKNOWN
        metrics.count(scope["method"], route, message["status"], took_s)

    return count


class MetricsController(Controller):
    """For Prometheus."""

    path = "/metrics"
    tags = ("Health",)
    opt = {PUBLIC: True}  # noqa: RUF012  # Litestar's way
    security = ({"metrics": []}, {})

    @get(
        "/", summary="Figures of this process, for Prometheus", media_type="text/plain", responses=documented(401, 403)
    )
    async def read(self, request: Request[Any, Any, Any], service: Services) -> Response[bytes]:
        """With the operator's METRICS_TOKEN as bearer token; where none is set, from this machine alone."""
        check_reader(request, service.settings, service.server)
        metrics: Metrics = request.app.state.metrics
        return Response(await metrics.text(service), media_type="text/plain; version=0.0.4; charset=utf-8")


def check_reader(request: Request[Any, Any, Any], settings: Settings, server: ServerSettings) -> None:
    """Raise a problem unless the operator lets this one read.

    Without a token it must come from this machine; behind a proxy everybody seems to, so that is not believed where
    the service is said to be behind one.
    """
    if wanted := settings.secrets.get(TOKEN):
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), wanted.encode()):
            raise unauthorized("the metrics need their own token", remedy=f"send the secret {TOKEN} as bearer token")
        return
    proxied = server.public_url or server.trusted_proxies or "x-forwarded-for" in request.headers
    if proxied or not _is_loopback(request.client.host if request.client else ""):
        raise forbidden(
            "the metrics are for this machine alone", remedy=f"set the secret {TOKEN}, and send it as bearer token"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
