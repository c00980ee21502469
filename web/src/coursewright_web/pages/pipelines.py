"""Course formats: the gallery, and the page of one."""

from __future__ import annotations

from typing import Any

from coursewright_api.database.states import Role
from coursewright_api.service import Services
from litestar import Response, get
from litestar.params import FromPath

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor, check_role

Name = FromPath[str]


class PipelinePages(PageController):
    """Everybody may look; designers write, import, restore and delete."""

    path = "/pipelines"

    @get("/")
    async def pipelines(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        return renderer.page(request, "pipelines.html", visitor=visitor)

    @get("/{name:str}")
    async def pipeline(
        self, request: Asked, renderer: Renders, service: Services, visitor: Visitor, name: Name
    ) -> Response[Any]:
        row = await service.pipelines.get(name)
        return renderer.page(request, "pipelines-one.html", visitor=visitor, pipeline=row)

    @get("/{name:str}/edit")
    async def edit(
        self, request: Asked, renderer: Renders, service: Services, visitor: Visitor, name: Name
    ) -> Response[Any]:
        check_role(visitor, Role.designer)
        row = await service.pipelines.get(name)
        return renderer.page(request, "pipelines-edit.html", visitor=visitor, pipeline=row)

    @get("/-/new")
    async def new(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        """At an address that no pipeline's name can be."""
        check_role(visitor, Role.designer)
        return renderer.page(request, "pipelines-edit.html", visitor=visitor, pipeline=None)
