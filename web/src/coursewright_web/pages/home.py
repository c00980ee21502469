"""The first page."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor


class HomeController(PageController):
    """What is going on, what needs me, what I made."""

    @get("/")
    async def dashboard(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        return renderer.page(request, "dashboard.html", visitor=visitor)
