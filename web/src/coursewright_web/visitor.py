"""Who looks at a page."""

from __future__ import annotations

from typing import Any

from coursewright_api.auth.cookies import ACCESS
from coursewright_api.auth.identity import Identity
from coursewright_api.database.states import Role
from coursewright_api.problems import ApiError, forbidden
from coursewright_api.service import Services
from litestar import Request
from litestar.di import NamedDependency

Asked = Request[Any, Any, Any]


class LoginNeeded(Exception):
    """A page that is for those who are logged in. `renewable`: the browser may still hold a refresh token."""

    def __init__(self, *, renewable: bool) -> None:
        super().__init__("nobody is logged in")
        self.renewable = renewable


async def identified(request: Asked, service: Services) -> Identity:
    """The person, for pages that need one. Raises LoginNeeded."""
    try:
        return await service.authentication.identify(request, "GET")
    except ApiError as error:
        if error.status != 401:
            raise
        # The cookie of the refresh token is not sent here; that of the access token lives as long.
        raise LoginNeeded(renewable=error.code == "token_expired" and ACCESS in request.cookies) from None


async def maybe_identified(request: Asked, service: Services) -> Identity | None:
    """The person, or None."""
    try:
        return await identified(request, service)
    except LoginNeeded:
        return None


def check_role(visitor: Identity, role: Role) -> None:
    """Raises a 403 for pages that are for others."""
    if not visitor.role.includes(role):
        raise forbidden(f"this page is for the role '{role.value}'", code="role_missing", remedy="ask an admin")


Visitor = NamedDependency[Identity]
"""How a page asks who looks: `visitor: Visitor`. Nobody else reaches it."""
MaybeVisitor = NamedDependency[Identity | None]
"""The same for pages that anybody may see."""
