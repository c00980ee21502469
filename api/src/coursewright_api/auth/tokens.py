"""Access and refresh tokens: JWTs with a pinned algorithm, a key and an audience for each kind."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import jwt
import msgspec

from coursewright_api.auth.keys import Keys
from coursewright_api.problems import ApiError, unauthorized

ALGORITHM = "HS256"
ISSUER = "coursewright"
KEPT = 4096
"""Good tokens that are known again, some 500 bytes each."""
Kind = Literal["access", "refresh"]
_REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. Whether the session still lasts, only the database knows."""

    user_id: UUID
    session_id: UUID
    token_id: str
    generation: int
    expires_at: datetime


class Tokens:
    """Makes and reads tokens."""

    def __init__(self, keys: Keys) -> None:
        self._keys: dict[Kind, bytes] = {"access": keys.derived("access"), "refresh": keys.derived("refresh")}
        # What a signature says of a text never changes, and each client sends the same token for minutes.
        self._signed = lru_cache(KEPT)(self._decoded)

    def make(self, kind: Kind, *, user_id: UUID, session_id: UUID, generation: int, expires_at: datetime) -> str:
        """A signed token."""
        claims = {
            "iss": ISSUER,
            "aud": audience(kind),
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": secrets.token_urlsafe(16),
            "gen": generation,
            "iat": int(datetime.now(UTC).timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return jwt.encode(claims, self._keys[kind], algorithm=ALGORITHM)

    def read(self, kind: Kind, token: str) -> Claims:
        """What a token says. Raises a 401 for any that we did not sign for this use, or that has expired."""
        claims = self._signed(kind, token)
        if claims.expires_at <= datetime.now(UTC):
            raise expired(kind)
        return claims

    def _decoded(self, kind: Kind, token: str) -> Claims:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys[kind],
                algorithms=[ALGORITHM],
                audience=audience(kind),
                issuer=ISSUER,
                options={"require": _REQUIRED},
            )
            return Claims(
                user_id=UUID(claims["sub"]),
                session_id=UUID(claims["sid"]),
                token_id=str(claims["jti"]),
                generation=int(claims["gen"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except jwt.ExpiredSignatureError:
            raise expired(kind) from None
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
            raise unauthorized(f"this is no valid {kind} token", code="token_invalid") from None


def audience(kind: Kind) -> str:
    """Whom a token is for."""
    return f"coursewright:{kind}"


def expired(kind: Kind) -> ApiError:
    """The answer to a token whose time is over."""
    if kind == "access":
        return unauthorized("the access token has expired", code="token_expired", remedy="refresh it")
    return unauthorized("the session has expired", code="session_ended")
