"""Who asks, and what they may do."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard

from coursewright_api.database.states import Role
from coursewright_api.problems import forbidden

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Scope(StrEnum):
    """What an API key may be used for, within what its owner may do."""

    read = "read"
    write = "write"
    admin = "admin"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The person a request comes from: `request.user`. By a session, or by an API key."""

    user_id: UUID
    username: str
    email: str
    role: Role
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    scopes: frozenset[Scope] | None = None
    """None: a session, which may do all that the person may."""

    def may(self, scope: Scope) -> bool:
        """Is that within the API key's scopes? Always true for a session."""
        return self.scopes is None or scope in self.scopes


def check_scope(identity: Identity, method: str) -> None:
    """An API key needs the scope `read` to look and `write` to change. Raises a 403."""
    needed = Scope.read if method in SAFE_METHODS else Scope.write
    if not identity.may(needed):
        raise forbidden(
            f"this API key lacks the scope '{needed.value}'", code="scope_missing", remedy="use a key that has it"
        )


def requires(role: Role) -> Guard:
    """A guard: only this role, or one that includes it. For admins, an API key needs the scope `admin` as well."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        identity: Identity = connection.user
        if not identity.role.includes(role):
            raise forbidden(f"this is for the role '{role.value}'", code="role_missing", remedy="ask an admin")
        if role is Role.admin and not identity.may(Scope.admin):
            raise forbidden("this API key lacks the scope 'admin'", code="scope_missing")

    return guard


def by_session(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: not with an API key, so that a key that leaks cannot make others or lock its owner out."""
    if connection.user.session_id is None:
        raise forbidden("this cannot be done with an API key", code="session_needed", remedy="log in")
