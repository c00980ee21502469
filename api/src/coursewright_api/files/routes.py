"""`/api/files`: bytes of the local store, for whoever has a signed link."""

from __future__ import annotations

from typing import Annotated, Any

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import ArtifactDamaged
from litestar import Controller, Request, Response, route
from litestar.enums import HttpMethod
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter

from coursewright_api.auth.middleware import PUBLIC
from coursewright_api.files.links import PATH, Signed
from coursewright_api.files.sending import respond
from coursewright_api.problems import documented, not_found
from coursewright_api.service import Services


class FilesController(Controller):
    """What a link leads to. Links come from other routes, such as the download of an asset."""

    path = PATH
    tags = ("Files",)
    opt = {PUBLIC: True}  # noqa: RUF012  # Litestar's way
    security = ({},)

    @route(
        "/{digest:str}/{name:str}",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        summary="The bytes behind a link",
        responses={
            200: ResponseSpec(None, description="The bytes", generate_examples=False),
            206: ResponseSpec(None, description="The part that `Range` asks for", generate_examples=False),
            304: ResponseSpec(None, description="The same as `If-None-Match` names", generate_examples=False),
            **documented(403, 404, 416, 422),
        },
    )
    async def file(
        self,
        request: Request[Any, Any, Any],
        service: Services,
        digest: FromPath[str],
        name: FromPath[str],
        expires: Annotated[int, QueryParameter(ge=0, le=2**53, description="UNIX time.")],
        signature: Annotated[str, QueryParameter(max_length=64)],
        media_type: Annotated[str, QueryParameter(name="type", max_length=127)],
        inline: Annotated[bool, QueryParameter(description="May a browser show it?")] = False,
    ) -> Response[Any]:
        """Single ranges, `If-Range` and `If-None-Match` work; the ETag is the SHA-256."""
        signed = Signed(expires=expires, media_type=media_type, inline=inline)
        service.files.check(digest, name, signed, signature)
        artifact = Artifact(digest=digest, media_type=media_type, size_bytes=0, name=name)
        try:
            path = await service.in_thread(service.store.fetch, artifact)
        except ArtifactDamaged:
            raise not_found("file") from None
        return await respond(request, path, artifact, signed)
