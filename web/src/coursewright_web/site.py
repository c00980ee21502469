"""How the pages join the service: a plugin of Litestar, found by the entry-point group `coursewright.site`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from coursewright_api.problems import handle
from coursewright_api.service import Service
from coursewright_api.share.rendering import WORDS
from litestar import Request, Response
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.plugins import InitPlugin
from litestar.response import Redirect

from coursewright_web import assets, pages
from coursewright_web.rendering import Renderer
from coursewright_web.visitor import LoginNeeded

_PROGRAMS = ("/api", "/health", "/metrics", "/ws", "/s/", "/static")
"""Where errors stay what they are, even for a browser: its own pages ask there."""


class Site(InitPlugin):
    """Adds pages, what they load, and errors that people can read."""

    def __init__(self, service: Service) -> None:
        self._renderer = Renderer(service.store)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        renderer = self._renderer

        async def provide_renderer() -> Renderer:
            return renderer

        app_config.dependencies["renderer"] = Provide(provide_renderer)
        app_config.state[WORDS] = renderer.words
        app_config.route_handlers.extend([assets.StaticController, *pages.CONTROLLERS])
        app_config.exception_handlers.update({Exception: self._handle, HTTPException: self._handle})
        return app_config

    def _handle(self, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        """A page for people, where a page was asked for; else the problem itself."""
        if isinstance(error, LoginNeeded):
            return self._log_in(request, error)
        answer = handle(request, error)
        if request.url.path.startswith(_PROGRAMS) or "text/html" not in request.headers.get("accept", ""):
            return answer
        return self._renderer.error(request, answer)

    def _log_in(self, request: Request[Any, Any, Any], error: LoginNeeded) -> Response[Any]:
        """To the login; or, when a session may still be renewed, to a page that does so and comes back."""
        if error.renewable:
            return self._renderer.page(request, "resume.html")
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Redirect("/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}", status_code=303)
