"""API keys: for programs, named, limited to scopes, revocable, shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity, Scope
from coursewright_api.database import Database, is_duplicate
from coursewright_api.database.columns import now
from coursewright_api.database.states import Role, UserState
from coursewright_api.database.tables import ApiKey
from coursewright_api.problems import conflict, forbidden, not_found, unauthorized

PREFIX = "cwk_"
"""What every key begins with, so that scanners for leaked secrets recognise it."""
MOST = 50
"""Keys that one person may have at once."""
_NOTED_EVERY = timedelta(minutes=5)
"""How exactly the last use is known: a write at each request would cost more than the request."""


def digest(key: str) -> str:
    """What is kept of a key, or of a one-time link."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeys:
    """Makes, lists, revokes and recognises keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(
        self, owner: Identity, name: str, scopes: Iterable[Scope], expires_at: datetime | None, origin: Origin
    ) -> tuple[str, dict[str, Any]]:
        """The key, which is never shown again, and its row. Raises a 409 when the name is taken."""
        wanted = sorted({scope.value for scope in scopes})
        if Scope.admin.value in wanted and owner.role is not Role.admin:
            raise forbidden("only an admin's key can have the scope 'admin'", code="role_missing")
        if await ApiKey.count().where(ApiKey.user == owner.user_id, ApiKey.revoked_at.is_null()) >= MOST:
            raise conflict(f"there are {MOST} keys already", remedy="revoke one that is no longer used")
        key = PREFIX + secrets.token_urlsafe(32)
        row = ApiKey(
            id=uuid4(),
            user=owner.user_id,
            name=name,
            hint=key[:10],
            digest=digest(key),
            scopes=" ".join(wanted),
            created_at=now(),
            expires_at=expires_at,
        )
        try:
            async with self._database.transaction():
                await row.save()
                await note(
                    Action.api_key_made,
                    actor=owner.user_id,
                    name=owner.username,
                    subject=name,
                    origin=origin,
                    scopes=wanted,
                )
        except Exception as error:
            if is_duplicate(error):
                raise conflict(f"there is a key named '{name}' already", field="name") from None
            raise
        return key, row.to_dict()

    async def all_of(self, user_id: UUID) -> list[dict[str, Any]]:
        """The keys that are not revoked, newest first."""
        query = ApiKey.select().where(ApiKey.user == user_id, ApiKey.revoked_at.is_null())
        return await query.order_by(ApiKey.created_at, ascending=False)

    async def revoke(self, owner: Identity, key_id: UUID, origin: Origin) -> None:
        """Make a key worthless at once. Raises a 404, for another's key too."""
        async with self._database.transaction():
            rows = (
                await ApiKey.update({ApiKey.revoked_at: now()})
                .where(ApiKey.id == key_id, ApiKey.user == owner.user_id, ApiKey.revoked_at.is_null())
                .returning(ApiKey.name)
            )
            if not rows:
                raise not_found("API key")
            await note(
                Action.api_key_revoked,
                actor=owner.user_id,
                name=owner.username,
                subject=rows[0]["name"],
                origin=origin,
            )

    async def identify(self, key: str) -> Identity:
        """Whose key that is. Raises a 401."""
        table: Any = ApiKey
        moment = now()
        row = (
            await table.select(
                table.id,
                table.scopes,
                table.used_at,
                table.expires_at,
                table.user.id,
                table.user.username,
                table.user.email,
                table.user.role,
            )
            .where(
                table.digest == digest(key),
                table.revoked_at.is_null(),
                table.user.state == UserState.active.value,
            )
            .first()
        )
        if row is None or (row["expires_at"] is not None and row["expires_at"] <= moment):
            raise unauthorized("this API key is not valid", code="api_key_invalid", remedy="make a new one")
        if row["used_at"] is None or moment - row["used_at"] > _NOTED_EVERY:
            await ApiKey.update({ApiKey.used_at: moment}).where(ApiKey.id == row["id"])
        return Identity(
            user_id=row["user.id"],
            username=row["user.username"],
            email=row["user.email"],
            role=Role(row["user.role"]),
            api_key_id=row["id"],
            scopes=frozenset(Scope(scope) for scope in row["scopes"].split()),
        )
