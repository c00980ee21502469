"""`/api/consents`, and the consents of an asset."""

from __future__ import annotations

from typing import Any

from coursewright.consent import STATEMENT
from litestar import Controller, delete, get, post
from litestar.params import JSONBody

from coursewright_api.auth.routes import Asked, Id
from coursewright_api.consents.structs import ConsentInfo, ConsentRequest, Statement
from coursewright_api.pages import Cursor, Limit, Page, page_of
from coursewright_api.problems import documented
from coursewright_api.service import Asker, Services


class ConsentController(Controller):
    """A portrait or a voice of a person is used with their consent only."""

    path = "/api"
    tags = ("Consents",)

    @post("/assets/{asset_id:uuid}/consents", summary="File a consent", responses=documented(401, 403, 404, 409, 422))
    async def give(
        self, data: JSONBody[ConsentRequest], request: Asked, service: Services, origin: Asker, asset_id: Id
    ) -> ConsentInfo:
        """For a portrait or a voice sample of yours: say who agreed to what. Without it no job may use the asset."""
        return _info(await service.consents.give(request.user, asset_id, data, origin))

    @get("/assets/{asset_id:uuid}/consents", summary="The consents for an asset", responses=documented(401, 403, 404))
    async def of_asset(self, request: Asked, service: Services, asset_id: Id) -> list[ConsentInfo]:
        """Newest first, revoked ones too."""
        return [_info(row) for row in await service.consents.of_asset(request.user.user_id, asset_id)]

    @get("/consents", summary="List your consents", responses=documented(401, 403, 422))
    async def consents(
        self, request: Asked, service: Services, limit: Limit = 50, cursor: Cursor = ""
    ) -> Page[ConsentInfo]:
        """Newest first, revoked ones too."""
        rows = await service.consents.all_of(request.user.user_id, limit=limit, cursor=cursor)
        return page_of(rows, limit, _info, "created_at", "id")

    @get("/consents/statement", summary="The usual text to agree to", responses=documented(401, 403))
    async def statement(self) -> Statement:
        """Show it to the person. What they agree to may be another text."""
        return Statement(statement=STATEMENT)

    @delete("/consents/{consent_id:uuid}", summary="Revoke a consent", responses=documented(401, 403, 404))
    async def revoke(self, request: Asked, service: Services, origin: Asker, consent_id: Id) -> None:
        """At once: nothing new is made from the asset. What was made before stays until you delete it."""
        await service.consents.revoke(request.user, consent_id, origin)


def _info(row: dict[str, Any]) -> ConsentInfo:
    same = ("id", "person", "purpose", "statement", "given_at", "created_at", "revoked_at")
    return ConsentInfo(asset_id=row["asset"], recording_id=row["recording"], **{name: row[name] for name in same})
