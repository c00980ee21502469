"""`/api/assets`: a person's files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post, put
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromQuery, JSONBody, QueryParameter
from litestar.response import Redirect

from coursewright_api.assets import structs
from coursewright_api.assets.parts import MOST_PARTS
from coursewright_api.assets.records import Row
from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.auth.routes import Asked, Id
from coursewright_api.database.states import AssetState, AssetType
from coursewright_api.fields import errors_of
from coursewright_api.files.links import PATH as FILES
from coursewright_api.files.links import Link
from coursewright_api.pages import Cursor, Limit, Order, Page, page_of
from coursewright_api.problems import ApiError, documented, invalid
from coursewright_api.service import Service, Services

_MAX_JSON_BYTES = 65_536
_REDIRECTED = {302: ResponseSpec(None, description="Where the file is, with `redirect`.", generate_examples=False)}
_BY = {structs.Sort.created: "created_at", structs.Sort.name: "name", structs.Sort.size: "size_bytes"}


@dataclass
class _Creation(Operation):
    """What the one route takes: a form with a file, or the id of a file that was sent directly."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        form = Schema(
            type=OpenAPIType.OBJECT,
            required=["file", "type"],
            properties={
                "file": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
                "type": Schema(type=OpenAPIType.STRING, enum=[each.value for each in structs.UploadType]),
                "name": text,
                "description": text,
            },
        )
        registration = Schema(
            type=OpenAPIType.OBJECT,
            required=["asset_id"],
            properties={
                "asset_id": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID),
                "name": text,
                "description": text,
            },
        )
        self.request_body = RequestBody(
            required=True,
            content={
                RequestEncodingType.MULTI_PART: OpenAPIMediaType(schema=form),
                RequestEncodingType.JSON: OpenAPIMediaType(schema=registration),
            },
        )


@dataclass
class _Bytes(Operation):
    """A file as the body."""

    def __post_init__(self) -> None:
        whole = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(required=True, content={"*/*": whole})


class AssetController(Controller):
    """Portraits, voice samples, scripts, documents, slide themes, and what jobs made."""

    path = "/api/assets"
    tags = ("Assets",)

    @get("/", summary="List your assets", responses=documented(401, 403, 422))
    async def assets(
        self,
        request: Asked,
        service: Services,
        asset_type: Annotated[AssetType | None, QueryParameter(name="type")] = None,
        asset_state: Annotated[AssetState | None, QueryParameter(name="status")] = None,
        text: Annotated[str, QueryParameter(max_length=200, description="Part of name or description.")] = "",
        job_id: Annotated[UUID | None, QueryParameter(description="Only what this job made.")] = None,
        sort: FromQuery[structs.Sort] = structs.Sort.created,
        order: FromQuery[Order] = Order.desc,
        limit: Limit = 50,
        cursor: Cursor = "",
    ) -> Page[structs.AssetInfo]:
        rows = await service.assets.page(
            request.user.user_id,
            type=asset_type,
            state=asset_state,
            text=text,
            job_id=job_id,
            sort=sort,
            order=order,
            limit=limit,
            cursor=cursor,
        )
        return page_of(rows, limit, info_of, _BY[sort], "id")

    @post(
        "/",
        summary="Upload a file",
        operation_class=_Creation,
        request_max_body_size=None,
        responses=documented(401, 403, 404, 409, 413, 415, 422, 503),
    )
    async def create(self, request: Asked, service: Services) -> structs.AssetDetail:
        """As a form (`curl -F type=portrait -F file=@ada.png`). What the bytes are is found by decoding them.

        With `{"asset_id": …}` it confirms a file that was sent directly, as `/confirm` does.
        """
        kind, options = request.content_type
        owner_id = request.user.user_id
        if kind == RequestEncodingType.JSON.value:
            registration = await _json(request)
            change = structs.AssetChange(name=registration.name, description=registration.description)
            return _detail(service, await service.uploads.confirm(owner_id, registration.asset_id, change))
        if kind != RequestEncodingType.MULTI_PART.value or not options.get("boundary"):
            raise ApiError(
                415,
                "unsupported_media_type",
                "the body is neither a form with a file (multipart/form-data) nor JSON",
                remedy="send the file as `curl -F type=portrait -F file=@ada.png` does",
            )
        row = await service.uploads.take_form(
            owner_id, _chunks(request), boundary=options["boundary"], length_bytes=_length(request)
        )
        return _detail(service, row)

    @post(
        ["/presigned-url", "/uploads"],
        summary="Announce a file that is sent to the store directly",
        responses=documented(401, 403, 413, 422),
    )
    async def announce(
        self, data: JSONBody[structs.UploadRequest], request: Asked, service: Services
    ) -> structs.Ticket:
        """Send the bytes as the answer says, then confirm. Of a large file's parts, repeat those without an answer."""
        row, target = await service.uploads.announce(request.user.user_id, data)
        return structs.Ticket(asset=info_of(row), upload=target)

    @post(
        "/{asset_id:uuid}/presigned-url",
        summary="Go on with a file that was announced",
        status_code=200,
        responses=documented(401, 403, 404, 409),
    )
    async def announce_again(self, request: Asked, service: Services, asset_id: Id) -> structs.Ticket:
        """New addresses, before those there are expire or soon after. The parts that came count."""
        row, target = await service.uploads.renew(request.user.user_id, asset_id)
        return structs.Ticket(asset=info_of(row), upload=target)

    @get("/usage", summary="What your files take", responses=documented(401, 403))
    async def usage(self, request: Asked, service: Services) -> structs.Usage:
        return structs.Usage(
            used_bytes=await service.assets.used_bytes(request.user.user_id),
            quota_bytes=service.server.quota_bytes,
            max_bytes={kind.value: most for kind, most in service.uploads.max_bytes.items()},
        )

    @get("/{asset_id:uuid}", summary="An asset", responses=documented(401, 403, 404))
    async def asset(self, request: Asked, service: Services, asset_id: Id) -> structs.AssetDetail:
        return _detail(service, await service.assets.one(request.user.user_id, asset_id))

    @put("/{asset_id:uuid}", summary="Rename or describe an asset", responses=documented(401, 403, 404, 422))
    async def change(
        self, data: JSONBody[structs.AssetChange], request: Asked, service: Services, asset_id: Id
    ) -> structs.AssetDetail:
        return _detail(service, await service.assets.change(request.user.user_id, asset_id, data))

    @patch("/{asset_id:uuid}", summary="Rename or describe an asset", responses=documented(401, 403, 404, 422))
    async def change_some(
        self, data: JSONBody[structs.AssetChange], request: Asked, service: Services, asset_id: Id
    ) -> structs.AssetDetail:
        """The same as PUT."""
        return _detail(service, await service.assets.change(request.user.user_id, asset_id, data))

    @delete("/{asset_id:uuid}", summary="Delete an asset", responses=documented(401, 403, 404, 409))
    async def remove(self, request: Asked, service: Services, asset_id: Id) -> None:
        """It can be restored for `undelete_s`. Refused while a job that is not over uses it."""
        await service.assets.delete(request.user.user_id, asset_id)

    @post(
        "/{asset_id:uuid}/restore",
        summary="Undo a deletion",
        status_code=200,
        responses=documented(401, 403, 404, 413),
    )
    async def restore(self, request: Asked, service: Services, asset_id: Id) -> structs.AssetDetail:
        return _detail(service, await service.assets.restore(request.user.user_id, asset_id))

    @post(
        "/{asset_id:uuid}/confirm",
        summary="Say that a file was sent",
        status_code=200,
        responses=documented(401, 403, 404, 409, 422, 503),
    )
    async def confirm(self, request: Asked, service: Services, asset_id: Id) -> structs.AssetDetail:
        """It is then looked at. Asked again, it tells how far that is: `ready`, or `failed` with the reason."""
        return _detail(service, await service.uploads.confirm(request.user.user_id, asset_id, structs.AssetChange()))

    @get(
        "/{asset_id:uuid}/download",
        summary="A link to an asset's bytes",
        responses=documented(401, 403, 404, 409, 422) | _REDIRECTED,
    )
    async def download(
        self,
        request: Asked,
        service: Services,
        asset_id: Id,
        redirect: Annotated[bool, QueryParameter(description="Go there at once.")] = False,
        inline: Annotated[bool, QueryParameter(description="Let a browser show it.")] = False,
    ) -> Response[Link | None]:
        row = await service.assets.one(request.user.user_id, asset_id)
        return _leading_to(service.assets.download(row, inline=inline), redirect=redirect)

    @get(
        "/{asset_id:uuid}/preview",
        summary="A thumbnail, or a waveform",
        responses=documented(401, 403, 404, 422) | _REDIRECTED,
    )
    async def preview(
        self,
        request: Asked,
        service: Services,
        asset_id: Id,
        redirect: Annotated[bool, QueryParameter(description="Go there at once.")] = True,
    ) -> Response[Link | None]:
        """A picture of at most 320 pixels a side. Documents without pages have none."""
        row = await service.assets.one(request.user.user_id, asset_id)
        return _leading_to(service.assets.preview(row), redirect=redirect)


class UploadController(Controller):
    """Where announced files are sent when the store is a folder of the service."""

    path = f"{FILES}/uploads"
    tags = ("Files",)
    opt = {PUBLIC: True}  # noqa: RUF012  # Litestar's way
    security = ({},)

    @put(
        "/{upload_id:uuid}",
        summary="Send an announced file",
        operation_class=_Bytes,
        status_code=204,
        request_max_body_size=None,
        responses=documented(403, 404, 409, 411, 422, 503),
    )
    async def upload(
        self,
        request: Request[Any, Any, Any],
        service: Services,
        upload_id: Id,
        size: Annotated[int, QueryParameter(ge=1, le=2**50)],
        expires: Annotated[int, QueryParameter(ge=0, le=2**53, description="UNIX time.")],
        signature: Annotated[str, QueryParameter(max_length=64)],
        part: Annotated[
            int | None, QueryParameter(ge=0, lt=MOST_PARTS, description="Left out: the whole file.")
        ] = None,
    ) -> None:
        """The bytes as they are, with their exact length in `Content-Length`."""
        service.files.check_upload(str(upload_id), size, expires, part, signature)
        length = _length(request)
        if length is None:
            raise ApiError(411, "length_required", "the header Content-Length is missing", remedy="send it")
        if length != size:
            raise ApiError(
                422,
                "wrong_length",
                f"{size:,} bytes were announced, and Content-Length is {length:,}",
                remedy="send exactly the announced file, or announce it anew",
            )
        await service.uploads.receive(upload_id, _chunks(request), size_bytes=size, part=part)


def info_of(row: Row) -> structs.AssetInfo:
    """The public side of an asset's row, for its owner."""
    return structs.AssetInfo(**_values(row))


def _detail(service: Service, row: Row) -> structs.AssetDetail:
    ready = row["state"] == AssetState.ready.value
    return structs.AssetDetail(download=service.assets.download(row) if ready else None, **_values(row))


def _values(row: Row) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": AssetType(row["type"]),
        "state": AssetState(row["state"]),
        "notes": msgspec.json.decode(row["notes"], type=list[str]) if row["notes"] else [],
        "has_preview": bool(row["preview"]),
        "job_id": row["job"],
    }
    return made | {name: row[name] for name in structs.AssetInfo.__struct_fields__ if name not in made}


def _leading_to(link: Link, *, redirect: bool) -> Response[Link | None]:
    if redirect:
        return Redirect(link.url, status_code=302)
    return Response(link)


async def _json(request: Request[Any, Any, Any]) -> structs.Registration:
    body = bytearray()
    async for chunk in _chunks(request):
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            raise ApiError(413, "too_large", "the request's body is too large", remedy="send less")
    try:
        value = msgspec.json.decode(bytes(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ApiError(400, "malformed", "the body is not well-formed JSON", remedy="send JSON as UTF-8") from None
    if errors := errors_of(value, structs.Registration):
        raise invalid(errors)
    return msgspec.convert(value, structs.Registration)


async def _chunks(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The body as it arrives. What breaks off is the client's fault."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientException:
        raise ApiError(400, "incomplete", "the body broke off", remedy="send it again") from None


def _length(request: Request[Any, Any, Any]) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None
