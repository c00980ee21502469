"""Finding out who asks, before any route is called."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from coursewright_api.auth.api_keys import PREFIX, ApiKeys
from coursewright_api.auth.cookies import ACCESS, check_csrf, check_origin
from coursewright_api.auth.identity import SAFE_METHODS, Identity, check_scope
from coursewright_api.auth.sessions import Sessions
from coursewright_api.problems import unauthorized
from coursewright_api.settings import ServerSettings

PUBLIC = "public"
"""A route with this in its `opt` needs nobody to be logged in, and then `request.user` is not set."""


class Authentication(ASGIMiddleware):
    """Sets `request.user`, an `Identity`, or raises a 401.

    A header `Authorization` decides alone: when it is there and no good, no cookie is looked at. A cookie is
    believed only together with its CSRF token where something may change, in the same line of thought, so that
    no request can count as a browser's for one check and as a program's for the other.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(self, sessions: Sessions, api_keys: ApiKeys, server: ServerSettings) -> None:
        self._sessions = sessions
        self._api_keys = api_keys
        self._server = server

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        method = str(scope.get("method", "GET"))
        browser_may_write = method not in SAFE_METHODS or scope["type"] == ScopeType.WEBSOCKET
        if browser_may_write and "authorization" not in connection.headers:
            check_origin(connection, self._server)
        if not scope["route_handler"].opt.get(PUBLIC):
            identity = await self.identify(connection, method)
            check_scope(identity, method)
            scope["user"] = identity
            scope["auth"] = identity.session_id
        await next_app(scope, receive, send)

    async def identify(self, connection: ASGIConnection[Any, Any, Any, Any], method: str) -> Identity:
        """Who asks. Raises a 401, or a 403 for a cookie without its CSRF token."""
        header = connection.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            token = token.strip()
            if scheme.lower() != "bearer" or not token:
                raise unauthorized("the header Authorization holds no bearer token", code="token_invalid")
            if token.startswith(PREFIX):
                return await self._api_keys.identify(token)
            return await self._sessions.identify(token)
        if cookie := connection.cookies.get(ACCESS):
            identity = await self._sessions.identify(cookie)
            if method not in SAFE_METHODS and identity.session_id is not None:
                check_csrf(connection, self._sessions, identity.session_id)
            return identity
        raise unauthorized("nobody is logged in", remedy="log in at /api/auth/login, or send an API key")
