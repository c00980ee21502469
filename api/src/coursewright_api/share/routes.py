"""`/api/share`: links to results, for their owners; and what a link leads to, for programs."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from coursewright_api.auth.audit import Origin
from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.auth.routes import Asked, Id
from coursewright_api.pages import Cursor, Limit, Page, page_of
from coursewright_api.problems import documented
from coursewright_api.service import Asker, Service, Services
from coursewright_api.share.structs import Opening, ShareChange, Shared, ShareInfo, ShareRequest

_PUBLIC: dict[str, Any] = {"opt": {PUBLIC: True}, "security": [{}]}
Token = FromPath[str]


class ShareController(Controller):
    """Links by which anybody may watch the results of a job."""

    path = "/api/share"
    tags = ("Share links",)

    @post("", summary="Make a link to a job's results", responses=documented(401, 403, 404, 409, 422))
    async def make(self, data: JSONBody[ShareRequest], request: Asked, service: Services, origin: Asker) -> ShareInfo:
        """Whoever has the link may watch until it ends, is revoked, or the job is deleted."""
        return service.share.showing.info(await service.share.links.make(request.user, data, origin))

    @get("", summary="List your links, newest first", responses=documented(401, 403, 422))
    async def links(
        self,
        request: Asked,
        service: Services,
        job_id: Annotated[UUID | None, QueryParameter(description="Only those to this job.")] = None,
        limit: Limit = 50,
        cursor: Cursor = "",
    ) -> Page[ShareInfo]:
        rows = await service.share.links.all_of(request.user.user_id, job_id=job_id, limit=limit, cursor=cursor)
        return page_of(rows, limit, service.share.showing.info, "created_at", "id")

    @get("/{link_id:uuid}", summary="One of your links", responses=documented(401, 403, 404))
    async def link(self, request: Asked, service: Services, link_id: Id) -> ShareInfo:
        return service.share.showing.info(await service.share.links.get(request.user.user_id, link_id))

    @patch("/{link_id:uuid}", summary="Change a link", responses=documented(401, 403, 404, 409, 422))
    async def change(
        self, data: JSONBody[ShareChange], request: Asked, service: Services, origin: Asker, link_id: Id
    ) -> ShareInfo:
        """Its address stays. With another password, everybody who watches is asked for it."""
        return service.share.showing.info(await service.share.links.change(request.user, link_id, data, origin))

    @delete("/{link_id:uuid}", summary="Revoke a link", responses=documented(401, 403, 404))
    async def revoke(self, request: Asked, service: Services, origin: Asker, link_id: Id) -> None:
        """At once, for those who watch too. It cannot be undone; make another link instead."""
        await service.share.links.revoke(request.user, link_id, origin)

    @get("/open/{token:str}", summary="What a link leads to", responses=documented(401, 404, 410, 422, 429), **_PUBLIC)
    async def open(
        self,
        service: Services,
        origin: Asker,
        token: Token,
        password: Annotated[
            str, HeaderParameter(name="X-Share-Password", max_length=800, description="For a link that has one.")
        ] = "",
    ) -> Shared:
        """The files' addresses need no credentials, and end after some hours: ask again then."""
        return await _shared(service, token, password.encode("latin-1", "replace").decode("utf-8", "replace"), origin)

    @post(
        "/open/{token:str}",
        summary="What a link with a password leads to",
        status_code=200,
        responses=documented(401, 404, 410, 422, 429),
        **_PUBLIC,
    )
    async def open_with_password(
        self, data: JSONBody[Opening], service: Services, origin: Asker, token: Token
    ) -> Shared:
        return await _shared(service, token, data.password, origin)


async def _shared(service: Service, token: str, password: str, origin: Origin) -> Shared:
    link = await service.share.openings.link(token)
    ticket = await service.share.openings.admit(link, password=password, origin=origin)
    await service.share.openings.count(link)
    return service.share.showing.shared(link, ticket, await service.share.openings.results(link))
