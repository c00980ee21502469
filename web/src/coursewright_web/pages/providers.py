"""Who does the work: what is installed, and how it is."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor


class ProviderPages(PageController):
    """Everybody may look."""

    path = "/providers"

    @get("/")
    async def providers(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        return renderer.page(request, "providers.html", visitor=visitor)
