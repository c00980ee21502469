"""Making a course: the formats there are, and the wizard of one."""

from __future__ import annotations

from typing import Any

from coursewright_api.service import Services
from litestar import Response, get
from litestar.params import FromPath

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor


class CreatePages(PageController):
    """The wizard asks for what the pipeline's JSON Schema names; no page knows a pipeline."""

    path = "/create"

    @get("/")
    async def formats(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        return renderer.page(request, "create.html", visitor=visitor)

    @get("/{name:str}")
    async def wizard(
        self, request: Asked, renderer: Renders, service: Services, visitor: Visitor, name: FromPath[str]
    ) -> Response[Any]:
        pipeline = await service.pipelines.get(name)
        return renderer.page(request, "wizard.html", visitor=visitor, pipeline=pipeline)
