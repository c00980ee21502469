"""What admins do: accounts of others, and the audit log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from coursewright_api.auth import rules, structs
from coursewright_api.auth.accounts import ADMINS, new_user
from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity
from coursewright_api.auth.links import Link, Links
from coursewright_api.auth.sessions import Sessions
from coursewright_api.database import Database, is_duplicate
from coursewright_api.database.columns import now
from coursewright_api.database.states import EndReason, LinkPurpose, Role, UserState
from coursewright_api.database.tables import Asset, AuditEvent, User
from coursewright_api.pages import after
from coursewright_api.problems import conflict, invalid, not_found

_HOLDINGS = """
SELECT "users"."id" AS "user_id", "users"."username" AS "username",
    COUNT(*) AS "files", CAST(SUM("asset"."size_bytes") AS BIGINT) AS "size_bytes"
FROM "asset" JOIN "users" ON "users"."id" = "asset"."owner"
GROUP BY "users"."id", "users"."username" ORDER BY 4 DESC, 2
"""
_MOST_HOLDINGS = 100


class Administration:
    """Looks after accounts. Every change is in the audit log, and there is always an admin who can log in."""

    def __init__(self, database: Database, sessions: Sessions, links: Links) -> None:
        self._database = database
        self._sessions = sessions
        self._links = links

    async def users(
        self, *, text: str, role: Role | None, state: UserState | None, limit: int, cursor: str
    ) -> list[dict[str, Any]]:
        """Accounts by user name, one more than `limit` when there are more."""
        query = User.select().order_by(User.username_key).limit(limit + 1)
        if start := after(cursor, tuple[str]):
            query = query.where(User.username_key > start[0].replace("\0", ""))
        if role is not None:
            query = query.where(User.role == role.value)
        if state is not None:
            query = query.where(User.state == state.value)
        if words := text.strip().lower().translate({ord(mark): None for mark in "\\%\0"}):
            query = query.where(User.username_key.like(f"%{words}%") | User.email.like(f"%{words}%"))
        return await query

    async def user(self, user_id: UUID) -> dict[str, Any]:
        """An account. Raises a 404."""
        row = await User.select().where(User.id == user_id).first()
        if row is None:
            raise not_found("user")
        return row

    async def invite(self, admin: Identity, data: structs.Invitation, origin: Origin) -> tuple[dict[str, Any], Link]:
        """A new account without a password, and the link by which its owner chooses one. Raises 409, 422."""
        if errors := [*rules.email_errors(data.email), *rules.username_errors(data.username)]:
            raise invalid(errors)
        user = new_user(data.email, data.username, data.full_name, "", data.role)
        try:
            async with self._database.transaction():
                await user.save()
                link = await self._links.make(LinkPurpose.password, user.id)
                await self._note(Action.invited, admin, user.username, origin, role=data.role.value)
        except Exception as error:
            if not is_duplicate(error):
                raise
            taken = await User.exists().where(User.email == user.email)
            field = "email" if taken else "username"
            raise conflict(f"there is an account with that {field} already", field=field) from None
        return await self.user(user.id), link

    async def reset(self, admin: Identity, user_id: UUID, origin: Origin) -> Link:
        """A link by which the account's owner chooses a new password. Raises a 404."""
        row = await self.user(user_id)
        async with self._database.transaction():
            link = await self._links.make(LinkPurpose.password, user_id)
            await self._note(Action.link_made, admin, row["username"], origin)
        return link

    async def set_state(self, admin: Identity, user_id: UUID, state: UserState, origin: Origin) -> dict[str, Any]:
        """Close an account, which ends its sessions and stills its API keys at once, or open it again."""
        async with self._database.exclusive(ADMINS):
            row = await self.user(user_id)
            if row["state"] != state.value:
                await User.update({User.state: state, User.updated_at: now()}).where(User.id == user_id)
                if state is UserState.disabled:
                    await self._sessions.end(EndReason.disabled, user_id=user_id)
                    await self._an_admin_must_remain()
                action = Action.user_disabled if state is UserState.disabled else Action.user_enabled
                await self._note(action, admin, row["username"], origin)
        return await self.user(user_id)

    async def set_role(self, admin: Identity, user_id: UUID, role: Role, origin: Origin) -> dict[str, Any]:
        """Give an account another role, which counts from the next request on."""
        async with self._database.exclusive(ADMINS):
            row = await self.user(user_id)
            if row["role"] != role.value:
                await User.update({User.role: role, User.updated_at: now()}).where(User.id == user_id)
                await self._an_admin_must_remain()
                await self._note(
                    Action.role_changed, admin, row["username"], origin, before=row["role"], after=role.value
                )
        return await self.user(user_id)

    async def audit(
        self, *, action: Action | None, actor: UUID | None, limit: int, cursor: str
    ) -> list[dict[str, Any]]:
        """Events, newest first, one more than `limit` when there are more."""
        query = AuditEvent.select().order_by(AuditEvent.id, ascending=False).limit(limit + 1)
        if start := after(cursor, tuple[int]):
            query = query.where(AuditEvent.id < max(0, min(start[0], 2**62)))
        if action is not None:
            query = query.where(AuditEvent.action == action.value)
        if actor is not None:
            query = query.where(AuditEvent.actor == actor)
        return await query

    async def storage(self, quota_bytes: int) -> structs.Storage:
        """What files take, of all and of those who have most."""
        rows = [structs.Holding(**row) for row in await Asset.raw(_HOLDINGS)]
        return structs.Storage(
            files=sum(row.files for row in rows),
            size_bytes=sum(row.size_bytes for row in rows),
            quota_bytes=quota_bytes or None,
            people=rows[:_MOST_HOLDINGS],
        )

    async def _an_admin_must_remain(self) -> None:
        """Raises a 409, and the transaction that is open is undone."""
        left = User.exists().where(
            User.role == Role.admin.value, User.state == UserState.active.value, User.password_hash != ""
        )
        if not await left:
            raise conflict(
                "this would leave nobody who can administer the service",
                code="last_admin",
                remedy="make somebody else an admin first",
            )

    async def _note(self, action: Action, admin: Identity, subject: str, origin: Origin, **detail: Any) -> None:
        await note(action, actor=admin.user_id, name=admin.username, subject=subject, origin=origin, **detail)
