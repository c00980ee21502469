"""A person's files."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor


class AssetPages(PageController):
    """Photos, voices, documents, themes and results."""

    path = "/assets"

    @get("/")
    async def assets(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        return renderer.page(request, "assets.html", visitor=visitor)
