"""The cookies of a browser's session, and the checks that keep other sites from using them."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from coursewright_api.auth.sessions import Grant, Sessions
from coursewright_api.database.columns import now
from coursewright_api.problems import forbidden
from coursewright_api.settings import ServerSettings

ACCESS = "coursewright_access"
REFRESH = "coursewright_refresh"
CSRF = "coursewright_csrf"
CSRF_HEADER = "X-CSRF-Token"
_REFRESH_PATH = "/api/auth"
"""The refresh token goes nowhere else."""


def cookies_for(grant: Grant, sessions: Sessions, server: ServerSettings) -> list[Cookie]:
    """The cookies that carry a session. Without `remember` the browser forgets them when it closes."""
    lasts_s = max(0, int((grant.session_expires_at - now()).total_seconds())) if grant.remembered else None
    return [
        _cookie(ACCESS, grant.access_token, "/", lasts_s, server),
        _cookie(REFRESH, grant.refresh_token, _REFRESH_PATH, lasts_s, server),
        _cookie(CSRF, sessions.csrf_token(grant.session_id), "/", lasts_s, server, readable=True),
    ]


def no_cookies(server: ServerSettings) -> list[Cookie]:
    """What makes a browser forget its session."""
    return [
        _cookie(ACCESS, "", "/", 0, server),
        _cookie(REFRESH, "", _REFRESH_PATH, 0, server),
        _cookie(CSRF, "", "/", 0, server, readable=True),
    ]


def _cookie(
    key: str, value: str, path: str, max_age: int | None, server: ServerSettings, *, readable: bool = False
) -> Cookie:
    return Cookie(
        key=key,
        value=value,
        path=path,
        max_age=max_age,
        httponly=not readable,
        secure=server.secure,
        samesite="lax",
    )


def check_csrf(connection: ASGIConnection[Any, Any, Any, Any], sessions: Sessions, session_id: UUID) -> None:
    """A request that a cookie vouches for must show that one of our own pages made it. Raises a 403."""
    shown = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(shown.encode("utf-8", "replace"), sessions.csrf_token(session_id).encode()):
        raise forbidden(
            "the CSRF token is missing or wrong",
            code="csrf",
            remedy=f"send the value of the cookie {CSRF} in the header {CSRF_HEADER}",
        )


def check_origin(connection: ASGIConnection[Any, Any, Any, Any], server: ServerSettings) -> None:
    """Refuse what a browser sends from another site's page: without cookies too, lest it log somebody in."""
    origin = connection.headers.get("origin")
    if origin is None or origin in {server.url, *server.allowed_origins}:
        return
    if urlsplit(origin).netloc != connection.headers.get("host") or origin == "null":
        raise forbidden(
            f"pages of {origin[:100]} may not call this service",
            code="origin",
            remedy="add that site to allowed_origins (COURSEWRIGHT_SERVER_ALLOWED_ORIGINS)",
        )
