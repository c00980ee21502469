"""`/api/pipelines`: what courses can be made, and how."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.params import FromPath, PathParameter, QueryParameter

from coursewright_api.auth.identity import Identity, requires
from coursewright_api.auth.routes import Asked
from coursewright_api.database.tables import Role
from coursewright_api.pages import Cursor, Limit, Page, page_of
from coursewright_api.pipelines import structs, view
from coursewright_api.problems import ApiError, documented
from coursewright_api.service import Service, Services

Name = FromPath[str]
Number = Annotated[int, PathParameter(ge=1)]
_DESIGNERS = (requires(Role.designer),)


class PipelineController(Controller):
    """Course formats. Everybody may read and check them; designers change them."""

    path = "/api/pipelines"
    tags = ("Pipelines",)

    @get("", summary="List pipelines, by name", responses=documented(401, 403, 422))
    async def pipelines(
        self,
        request: Asked,
        service: Services,
        text: Annotated[str, QueryParameter(max_length=200, description="Part of name or title.")] = "",
        limit: Limit = 50,
        cursor: Cursor = "",
    ) -> structs.PipelinePage:
        """Those that new jobs can be made with. New and changed files of the operator's folder are taken first."""
        await service.pipelines.refresh()
        rows = await service.pipelines.page(text=text, limit=limit, cursor=cursor)
        shown = {row["name"]: await _info(service, row) for row in rows[:limit]}
        page = page_of(rows, limit, lambda row: shown[row["name"]], "name")
        problems = list(service.pipelines.problems) if _is_designer(request.user) else []
        return structs.PipelinePage(items=page.items, next_cursor=page.next_cursor, problems=problems)

    @get("/{name:str}", summary="A pipeline", responses=documented(401, 403, 404))
    async def pipeline(self, service: Services, name: Name) -> Response[structs.Pipeline]:
        """Its current version. The `ETag` is the version's number: send it as `If-Match` with a change."""
        return await _answer(service, await service.pipelines.get(name))

    @get("/{name:str}/versions", summary="The versions of a pipeline", responses=documented(401, 403, 404, 422))
    async def versions(
        self, service: Services, name: Name, limit: Limit = 50, cursor: Cursor = ""
    ) -> Page[structs.Version]:
        """Newest first; those of a deleted pipeline too."""
        rows = await service.pipelines.versions(name, limit=limit, cursor=cursor)
        return page_of(rows, limit, view.version, "number")

    @get("/{name:str}/versions/{number:int}", summary="A version", responses=documented(401, 403, 404, 422))
    async def version(self, service: Services, name: Name, number: Number) -> structs.Pipeline:
        return await _full(service, await service.pipelines.get(name, number))


async def _info(service: Service, row: dict[str, Any]) -> structs.PipelineInfo:
    catalog = await service.pipelines.compiler.catalog()
    try:
        plan, fault = await service.pipelines.plan_of(row), ""
    except ApiError as error:
        plan, fault = None, error.message
    return view.info(row, plan, catalog, fault=fault)


async def _full(service: Service, row: dict[str, Any]) -> structs.Pipeline:
    catalog = await service.pipelines.compiler.catalog()
    try:
        plan, fault = await service.pipelines.plan_of(row), ""
    except ApiError as error:
        plan, fault = None, error.message
    return view.full(row, plan, catalog, fault=fault)


async def _answer(service: Service, row: dict[str, Any], status: int = 200) -> Response[structs.Pipeline]:
    shown = await _full(service, row)
    return Response(shown, status_code=status, headers={"ETag": f'"{row["number"]}"'})


def _is_designer(who: Identity) -> bool:
    return who.role.includes(Role.designer)
