"""Accounts of others, the audit log, storage and workers."""

from __future__ import annotations

from typing import Any

from coursewright_api.auth.audit import Action
from coursewright_api.database.states import Role
from litestar import Response, get

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor, check_role


class AdminPages(PageController):
    """For admins."""

    path = "/admin"

    @get("/")
    async def admin(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        check_role(visitor, Role.admin)
        return renderer.page(request, "admin.html", visitor=visitor, actions=[each.value for each in Action])
