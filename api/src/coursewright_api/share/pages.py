"""`/s`: the player page that a share link leads to, and the files it shows."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import ArtifactDamaged
from litestar import Controller, Request, Response, get, post, route
from litestar.datastructures import Cookie
from litestar.enums import HttpMethod, RequestEncodingType
from litestar.exceptions import HTTPException
from litestar.params import Body, FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Stream

from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.files.links import Signed
from coursewright_api.files.ranges import Unsatisfiable, wanted
from coursewright_api.files.sending import respond
from coursewright_api.problems import ApiError, handle, not_found
from coursewright_api.service import Asker, Service, Services
from coursewright_api.share.opening import Result, one
from coursewright_api.share.package import Member, NotPlayable, Package, pieces
from coursewright_api.share.rendering import html
from coursewright_api.share.showing import PATH, course_path, media_path, page_path
from coursewright_api.share.structs import Role
from coursewright_api.share.tokens import TICKET_S

FRAMED = "framed"
"""A route with this in its `opt` may be shown in another site's frame."""
_COOKIE = "coursewright_share"
_SANDBOX = (
    "sandbox allow-scripts; default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; form-action 'none'; "
    "base-uri 'self'"
)
"""A package is a stranger's program. It runs in an origin of its own, so that nothing of the service is open to it, and
asks nobody else for anything."""

Token = FromPath[str]
Ticket = FromPath[str]
Anybody = Request[Any, Any, Any]
_READ = [HttpMethod.GET, HttpMethod.HEAD]


class PasswordForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the password's form sends."""

    password: Annotated[str, msgspec.Meta(max_length=200)] = ""


def _page_of_error(request: Anybody, error: Exception) -> Response[Any]:
    """Any error as a page in plain words; a missing password as the form that asks for it."""
    answer = handle(request, error)
    problem = answer.content
    if problem.code in {"password_needed", "password_wrong"}:
        wrong = problem.detail if problem.code == "password_wrong" else ""
        return html(request, "password.html", status=401, wrong=wrong, path=request.url.path)
    page = html(request, "message.html", status=problem.status, title=problem.detail, remedy=problem.remedy)
    if wait := answer.headers.get("Retry-After"):
        page.headers["Retry-After"] = wait
    return page


class PlayerController(Controller):
    """For browsers: what programs get from `/api/share/open`."""

    path = PATH
    opt = {PUBLIC: True, FRAMED: True}  # noqa: RUF012  # Litestar's way
    include_in_schema = False
    exception_handlers = {Exception: _page_of_error, HTTPException: _page_of_error}  # noqa: RUF012  # Litestar's way

    @get("/{token:str}")
    async def page(
        self,
        request: Anybody,
        service: Services,
        origin: Asker,
        token: Token,
        view: Annotated[str, QueryParameter(max_length=20)] = "",
        ticket: Annotated[str, QueryParameter(max_length=200)] = "",
    ) -> Response[Any]:
        link = await service.share.openings.link(token)
        shown = ticket or request.cookies.get(_COOKIE, "")
        ticket = await service.share.openings.admit(link, ticket=shown, origin=origin)
        return await _player(request, service, token, link, ticket, view)

    @post("/{token:str}", status_code=200)
    async def unlock(
        self,
        request: Anybody,
        service: Services,
        origin: Asker,
        token: Token,
        data: Annotated[PasswordForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
    ) -> Response[Any]:
        link = await service.share.openings.link(token)
        ticket = await service.share.openings.admit(link, password=data.password, origin=origin)
        answer = await _player(request, service, token, link, ticket, "")
        answer.cookies.append(
            Cookie(
                key=_COOKIE,
                value=ticket,
                path=f"{PATH}/{token}",
                max_age=TICKET_S,
                httponly=True,
                secure=service.server.secure,
                samesite="lax",
            )
        )
        return answer

    @route("/{token:str}/media/{ticket:str}/{asset_id:uuid}/{name:str}", http_method=_READ)
    async def media(
        self,
        request: Anybody,
        service: Services,
        token: Token,
        ticket: Ticket,
        asset_id: FromPath[UUID],
        name: FromPath[str],
        download: FromQuery[bool] = False,
    ) -> Response[Any]:
        link = await service.share.openings.link(token)
        service.share.openings.admitted(link, ticket)
        found = next((each for each in await service.share.openings.results(link) if each.id == asset_id), None)
        packed = found is not None and found.role is Role.course
        if found is None or ((download or packed) and not link["may_download"]):
            raise not_found("file")
        artifact = found.artifact
        inline = not download
        if service.store.direct is not None and found.role is not Role.captions:
            return Redirect(service.files.link(artifact, inline=inline).url, status_code=307)
        expires = int(service.share.tokens.expires_at(ticket).timestamp())
        signed = Signed(expires=expires, media_type=artifact.media_type, inline=inline)
        try:
            path = await service.in_thread(service.store.fetch, artifact)
        except ArtifactDamaged:
            raise not_found("file") from None
        return await respond(request, path, artifact, signed)

    @get("/{token:str}/package/{ticket:str}")
    async def course(self, service: Services, token: Token, ticket: Ticket) -> Redirect:
        return Redirect(course_path(token, ticket, (await _course(service, token, ticket)).entry), status_code=307)

    @route("/{token:str}/package/{ticket:str}/{member:path}", http_method=_READ)
    async def packaged(
        self, request: Anybody, service: Services, token: Token, ticket: Ticket, member: FromPath[str]
    ) -> Response[Any]:
        package = await _course(service, token, ticket)
        found = package.members.get(member.removeprefix("/"))
        if found is None:
            raise not_found("file in the course")
        return _send(request, package, found)


async def _course(service: Service, token: str, ticket: str) -> Package:
    """The package that a ticket gives a right to."""
    link = await service.share.openings.link(token)
    service.share.openings.admitted(link, ticket)
    result = one(await service.share.openings.results(link), Role.course)
    if result is None:
        raise not_found("course")
    return await _package(service, result.artifact)


async def _player(
    request: Anybody, service: Service, token: str, link: dict[str, Any], ticket: str, view: str
) -> Response[Any]:
    results = await service.share.openings.results(link)
    film = one(results, Role.film) or one(results, Role.sound)
    course = one(results, Role.course)
    if course is not None and (film is None or view == "course"):
        await _package(service, course.artifact)  # what cannot be played says so now
        film = None
    else:
        view = "film"
    await service.share.openings.count(link)
    both = course is not None and bool(one(results, Role.film) or one(results, Role.sound))
    poster = one(results, Role.poster)
    return html(
        request,
        "player.html",
        media_from=_elsewhere(service, film),
        title=link["title"],
        film=media_path(token, ticket, film) if film else "",
        is_sound=film is not None and film.role is Role.sound,
        poster=media_path(token, ticket, poster) if poster else "",
        tracks=_tracks(token, ticket, results),
        course="" if film or course is None else course_path(token, ticket),
        tabs=[(each, page_path(token, ticket, each), (each == "film") == bool(film)) for each in ("film", "course")]
        if both
        else [],
        files=[
            (each.artifact.name, each.artifact.size_bytes / 1e6, media_path(token, ticket, each, download=True))
            for each in results
        ]
        if link["may_download"]
        else [],
    )


def _tracks(token: str, ticket: str, results: list[Result]) -> list[tuple[str, str]]:
    """(address, language) of captions, whose names end in `.en.vtt`."""
    found = []
    for each in results:
        if each.role is Role.captions:
            parts = each.artifact.name.rsplit(".", 2)
            found.append((media_path(token, ticket, each), parts[1] if len(parts) == 3 else ""))
    return found


def _elsewhere(service: Service, film: Result | None) -> str:
    """The origin that the film comes from, when it is not ours."""
    if film is None or service.store.direct is None:
        return ""
    parts = urlsplit(service.files.link(film.artifact, inline=True).url)
    return f"{parts.scheme}://{parts.netloc}"


async def _package(service: Service, artifact: Artifact) -> Package:
    try:
        return await service.in_thread(service.share.packages.open, artifact)
    except ArtifactDamaged:
        raise not_found("course") from None
    except NotPlayable:
        raise ApiError(404, "not_playable", "this course cannot be played here", remedy="ask for the film") from None


def _send(request: Anybody, package: Package, member: Member) -> Response[Any]:
    etag = f'"{member.checksum:08x}-{member.size_bytes}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",  # asked again each time: a revoked link ends at once
        "Content-Security-Policy": _SANDBOX,
        "Access-Control-Allow-Origin": "*",  # the sandbox is another origin; the address is what lets it in
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(None, status_code=304, headers=headers)
    start, end, status = 0, member.size_bytes, 200
    if member.start is not None:  # of what is compressed, the middle cannot be found
        headers["Accept-Ranges"] = "bytes"
        if request.headers.get("if-range", etag) == etag:
            try:
                part = wanted(request.headers.get("range"), member.size_bytes)
            except Unsatisfiable:
                raise ApiError(
                    416,
                    "range_unsatisfiable",
                    "the range lies outside the file",
                    headers={"Content-Range": f"bytes */{member.size_bytes}"},
                ) from None
            if part is not None:
                (start, end), status = part, 206
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{member.size_bytes}"
        headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(None, status_code=status, headers={**headers, "Content-Type": member.media_type})
    return Stream(
        pieces(package, member, start, end), status_code=status, headers=headers, media_type=member.media_type
    )
