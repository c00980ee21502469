"""`/api/pipelines`: what courses can be made, and how."""

from __future__ import annotations

from typing import Annotated, Any

from coursewright.catalog import Catalog
from coursewright.compile.forms import schema_of_inputs
from coursewright.plan import Plan
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, HeaderParameter, JSONBody, MultipartBody, PathParameter, QueryParameter

from coursewright_api.auth.identity import Identity, requires
from coursewright_api.auth.routes import Asked
from coursewright_api.database.states import Role
from coursewright_api.fields import FieldError
from coursewright_api.pages import Cursor, Limit, Page, page_of
from coursewright_api.pipelines import archive, structs, view
from coursewright_api.pipelines.given import given_values
from coursewright_api.pipelines.versions import bundle_of_row, current_page, page_of_name
from coursewright_api.problems import ApiError, documented, invalid
from coursewright_api.service import Asker, Service, Services

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
        rows = await current_page(text=text, limit=limit, cursor=cursor)
        shown = {row["name"]: await _info(service, row) for row in rows[:limit]}
        page = page_of(rows, limit, lambda row: shown[row["name"]], "name")
        problems = list(service.pipelines.problems) if _is_designer(request.user) else []
        return structs.PipelinePage(items=page.items, next_cursor=page.next_cursor, problems=problems)

    @get("/schema.json", summary="The JSON Schema of pipelines", responses=documented(401, 403))
    async def schema(self, service: Services) -> dict[str, Any]:
        """For editors: with the capabilities, providers and options that are installed."""
        return await service.pipelines.compiler.schema()

    @get("/{name:str}", summary="A pipeline", responses=documented(401, 403, 404))
    async def pipeline(self, service: Services, name: Name) -> Response[structs.Pipeline]:
        """Its current version. The `ETag` is the version's number: send it as `If-Match` with a change."""
        return await _answer(service, await service.pipelines.get(name))

    @get("/{name:str}/versions", summary="The versions of a pipeline", responses=documented(401, 403, 404, 422))
    async def versions(
        self, service: Services, name: Name, limit: Limit = 50, cursor: Cursor = ""
    ) -> Page[structs.Version]:
        """Newest first; those of a deleted pipeline too."""
        rows = await page_of_name(name, limit=limit, cursor=cursor)
        return page_of(rows, limit, view.version, "number")

    @get("/{name:str}/versions/{number:int}", summary="A version", responses=documented(401, 403, 404, 422))
    async def version(self, service: Services, name: Name, number: Number) -> structs.Pipeline:
        return await _full(service, await service.pipelines.get(name, number))

    @post("/check", summary="Check a pipeline", status_code=200, responses=documented(401, 403, 413, 422))
    async def check(self, data: JSONBody[structs.CheckRequest], service: Services) -> structs.CheckAnswer:
        """Every problem at once, each with its place and a way out. Nothing is kept, and nobody is asked."""
        found = await service.pipelines.check(data.text, data.files)
        plan = found.plan
        if plan is None:
            return structs.CheckAnswer(ok=False, problems=found.problems)
        return structs.CheckAnswer(
            ok=True,
            problems=found.problems,
            name=plan.name,
            title=plan.title,
            inputs=schema_of_inputs(plan),
            graph=view.graph(plan),
        )

    @post(
        "/{name:str}/estimate",
        summary="Estimate a job",
        status_code=200,
        responses=documented(401, 403, 404, 422),
    )
    async def estimate(
        self, data: JSONBody[structs.EstimateRequest], request: Asked, service: Services, name: Name
    ) -> structs.Estimate:
        """What it would take and cost, and what it would send to whom. Nothing is made, and nobody is asked."""
        row, plan = await service.pipelines.current(name, data.providers)
        values, files = given_values(plan, data.inputs)
        usable = await service.assets.usable(request.user.user_id, {key: str(each) for key, each in files.items()})
        values |= {key: artifact for key, (_, artifact) in usable.items()}
        return await service.pipelines.estimate(plan, values, version_id=row["id"])

    @post("", summary="Create a pipeline", guards=_DESIGNERS, responses=documented(401, 403, 409, 413, 422, 503))
    async def create(
        self, data: JSONBody[structs.CreateRequest], request: Asked, service: Services, origin: Asker
    ) -> Response[structs.Pipeline]:
        """Its name is the one in the text. Only those of the `files` are kept that the text names."""
        row = await service.pipelines.create(request.user, data.text, data.files, data.note, origin)
        return await _answer(service, row, 201)

    @post("/try", summary="Keep a pipeline for a try", guards=_DESIGNERS, responses=documented(401, 403, 413, 422))
    async def try_out(
        self, data: JSONBody[structs.CheckRequest], request: Asked, service: Services, origin: Asker
    ) -> Response[structs.Pipeline]:
        """A version that only those jobs run that name it by `version`; the current one stays."""
        return await _answer(service, await service.pipelines.try_out(request.user, data.text, data.files, origin), 201)

    @put("/{name:str}", summary="Change a pipeline", guards=_DESIGNERS, responses=documented(401, 403, 404, 409, 422))
    async def change(
        self,
        data: JSONBody[structs.ChangeRequest],
        request: Asked,
        service: Services,
        origin: Asker,
        name: Name,
        if_match: Annotated[
            str | None,
            HeaderParameter(name="If-Match", max_length=40, description="The `ETag` of the version that was changed."),
        ] = None,
    ) -> Response[structs.Pipeline]:
        """A new version, which new jobs run; jobs that exist keep theirs. Refused when somebody else was quicker."""
        base = _base(data.base_version, if_match)
        row = await service.pipelines.change(
            request.user, name, data.text, data.files, base=base, remark=data.note, origin=origin
        )
        return await _answer(service, row)

    @post(
        "/{name:str}/restore",
        summary="Make a version current",
        status_code=200,
        guards=_DESIGNERS,
        responses=documented(401, 403, 404, 422),
    )
    async def restore(
        self, data: JSONBody[structs.RestoreRequest], request: Asked, service: Services, origin: Asker, name: Name
    ) -> Response[structs.Pipeline]:
        """An earlier one, or one of a pipeline that was deleted."""
        return await _answer(service, await service.pipelines.restore(request.user, name, data.version, origin))

    @delete("/{name:str}", summary="Delete a pipeline", guards=_DESIGNERS, responses=documented(401, 403, 404))
    async def remove(self, request: Asked, service: Services, origin: Asker, name: Name) -> None:
        """No new job can be made with it. Its versions stay for jobs that have them, and for `restore`."""
        await service.pipelines.delete(request.user, name, origin)

    @get(
        "/{name:str}/export",
        summary="A pipeline as a zip",
        media_type=archive.MEDIA_TYPE,
        responses=documented(401, 403, 404),
    )
    async def export(self, service: Services, name: Name) -> Response[bytes]:
        """The YAML, and the texts that it reads beside it: what `coursewright run` takes, and `/import`."""
        bundle = bundle_of_row(await service.pipelines.get(name))
        data = await service.in_thread(archive.packed, name, bundle.text, bundle.files)
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        return Response(data, media_type=archive.MEDIA_TYPE, headers=headers)

    @post(
        "/import",
        summary="Import a pipeline",
        guards=_DESIGNERS,
        responses=documented(401, 403, 409, 413, 422, 503),
    )
    async def take(
        self,
        data: MultipartBody[structs.ImportForm],
        request: Asked,
        service: Services,
        origin: Asker,
        replace: Annotated[bool, QueryParameter(description="Make a new version where the name is taken.")] = False,
    ) -> Response[structs.Pipeline]:
        """As a form: `file` is a zip as `/export` makes it, or a YAML file alone."""
        text, files = await service.in_thread(archive.unpacked, await data.file.read())
        row = await service.pipelines.take(request.user, text, files, replace=replace, origin=origin)
        return await _answer(service, row, 201)


async def _info(service: Service, row: dict[str, Any]) -> structs.PipelineInfo:
    catalog, plan, more = await _parts(service, row)
    return view.info(row, plan, catalog, **more)


async def _full(service: Service, row: dict[str, Any]) -> structs.Pipeline:
    catalog, plan, more = await _parts(service, row)
    return view.full(row, plan, catalog, **more)


async def _parts(service: Service, row: dict[str, Any]) -> tuple[Catalog, Plan | None, dict[str, Any]]:
    catalog = await service.pipelines.compiler.catalog()
    usual_s = await service.pipelines.usual.seconds(row["id"])
    try:
        return catalog, await service.pipelines.plan_of(row), {"usual_s": usual_s}
    except ApiError as error:
        if error.status != 422:
            raise
        return catalog, None, {"usual_s": usual_s, "fault": error.message}


async def _answer(service: Service, row: dict[str, Any], status: int = 200) -> Response[structs.Pipeline]:
    shown = await _full(service, row)
    return Response(shown, status_code=status, headers={"ETag": f'"{row["number"]}"'})


def _is_designer(who: Identity) -> bool:
    return who.role.includes(Role.designer)


def _base(number: int | None, if_match: str | None) -> int | None:
    """The version that was changed; None for `If-Match: *`. Raises a 422 when neither says it."""
    if number is not None:
        return number
    tag = (if_match or "").strip().removeprefix("W/").strip('"')
    if tag == "*":
        return None
    if tag.isascii() and tag.isdigit():
        return int(tag)
    if if_match is not None:
        raise invalid([FieldError(parameter="header:If-Match", message="is not the ETag of a version")])
    raise invalid(
        [FieldError(pointer="/base_version", code="missing", message="is missing; send it, or the header If-Match")]
    )
