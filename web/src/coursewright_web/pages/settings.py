"""What people look after themselves: profile, password, sessions, API keys, usage."""

from __future__ import annotations

from typing import Any

from coursewright_api.auth import rules
from litestar import Response, get

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor


class SettingsPages(PageController):
    """One page with tabs."""

    path = "/settings"

    @get("/")
    async def settings(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        return renderer.page(request, "settings.html", visitor=visitor, shortest=rules.MIN_PASSWORD)
