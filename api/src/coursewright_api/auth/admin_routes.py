"""`/api/admin`: accounts of others, and the audit log."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post, put
from litestar.params import FromQuery, JSONBody, QueryParameter

from coursewright_api.auth import structs
from coursewright_api.auth.audit import Action
from coursewright_api.auth.identity import requires
from coursewright_api.auth.routes import Asked, Id
from coursewright_api.database.states import Role, UserState
from coursewright_api.pages import Cursor, Limit, Page, page_of
from coursewright_api.problems import documented
from coursewright_api.service import Asker, Services


class AdminController(Controller):
    """For admins, by a session or by an API key with the scope `admin`."""

    path = "/api/admin"
    tags = ("Administration",)
    guards = (requires(Role.admin),)

    @get("/users", summary="List accounts, by user name", responses=documented(401, 403, 422))
    async def users(
        self,
        service: Services,
        text: Annotated[str, QueryParameter(max_length=254, description="Part of user name or address.")] = "",
        role: FromQuery[Role | None] = None,
        user_state: Annotated[UserState | None, QueryParameter(name="state")] = None,
        limit: Limit = 50,
        cursor: Cursor = "",
    ) -> Page[structs.Account]:
        rows = await service.admin.users(text=text, role=role, state=user_state, limit=limit, cursor=cursor)
        return page_of(rows, limit, _account, "username_key")

    @post(
        "/users",
        summary="Open an account for somebody",
        responses=documented(401, 403, 409, 422),
    )
    async def invite(
        self, data: JSONBody[structs.Invitation], request: Asked, service: Services, origin: Asker
    ) -> structs.Invited:
        """Give the link in the answer to its owner, who chooses the password. It works once."""
        row, link = await service.admin.invite(request.user, data, origin)
        return structs.Invited(account=_account(row), link=link.url, token=link.token, expires_at=link.expires_at)

    @get("/users/{user_id:uuid}", summary="An account", responses=documented(401, 403, 404))
    async def user(self, service: Services, user_id: Id) -> structs.Account:
        return _account(await service.admin.user(user_id))

    @post(
        "/users/{user_id:uuid}/disable",
        summary="Close an account",
        status_code=200,
        responses=documented(401, 403, 404, 409),
    )
    async def disable(self, request: Asked, service: Services, origin: Asker, user_id: Id) -> structs.Account:
        """Its sessions end, and its API keys stop working, at once."""
        return _account(await service.admin.set_state(request.user, user_id, UserState.disabled, origin))

    @post(
        "/users/{user_id:uuid}/enable",
        summary="Open a closed account again",
        status_code=200,
        responses=documented(401, 403, 404),
    )
    async def enable(self, request: Asked, service: Services, origin: Asker, user_id: Id) -> structs.Account:
        return _account(await service.admin.set_state(request.user, user_id, UserState.active, origin))

    @put(
        "/users/{user_id:uuid}/role",
        summary="Change an account's role",
        responses=documented(401, 403, 404, 409, 422),
    )
    async def role(
        self,
        data: JSONBody[structs.RoleChange],
        request: Asked,
        service: Services,
        origin: Asker,
        user_id: Id,
    ) -> structs.Account:
        return _account(await service.admin.set_role(request.user, user_id, data.role, origin))

    @post(
        "/users/{user_id:uuid}/reset",
        summary="Make a link for a new password",
        status_code=200,
        responses=documented(401, 403, 404),
    )
    async def reset(self, request: Asked, service: Services, origin: Asker, user_id: Id) -> structs.LinkMade:
        """Give it to the account's owner. It works once; the present password works until then."""
        link = await service.admin.reset(request.user, user_id, origin)
        return structs.LinkMade(link=link.url, token=link.token, expires_at=link.expires_at)

    @get("/audit", summary="The audit log, newest first", responses=documented(401, 403, 422))
    async def audit(
        self,
        service: Services,
        action: FromQuery[Action | None] = None,
        actor: Annotated[UUID | None, QueryParameter(description="The id of the account that did it.")] = None,
        limit: Limit = 50,
        cursor: Cursor = "",
    ) -> Page[structs.AuditEntry]:
        rows = await service.admin.audit(action=action, actor=actor, limit=limit, cursor=cursor)
        return page_of(rows, limit, _audit_entry, "id")

    @get("/storage", summary="What files take", responses=documented(401, 403))
    async def storage(self, service: Services) -> structs.Storage:
        return await service.admin.storage(service.server.quota_bytes)


def _account(row: dict[str, Any]) -> structs.Account:
    made: dict[str, Any] = {
        "role": Role(row["role"]),
        "state": UserState(row["state"]),
        "invited": not row["password_hash"],
    }
    same = {name: row[name] for name in structs.Account.__struct_fields__ if name not in made}
    return structs.Account(**made, **same)


def _audit_entry(row: dict[str, Any]) -> structs.AuditEntry:
    return structs.AuditEntry(
        id=row["id"],
        at=row["at"],
        action=Action(row["action"]),
        actor_id=row["actor"],
        actor=row["actor_name"],
        subject=row["subject"],
        address=row["address"],
        detail=msgspec.json.decode(row["detail"]) if row["detail"] else {},
    )
