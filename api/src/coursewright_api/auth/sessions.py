"""Sessions: a login, and the family of refresh tokens that follow from it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity
from coursewright_api.auth.keys import Keys
from coursewright_api.auth.tokens import Claims, Tokens
from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.states import EndReason, Role, UserState
from coursewright_api.database.tables import Session, User
from coursewright_api.problems import ApiError, unauthorized
from coursewright_api.settings import ServerSettings

_LIVE = """
SELECT "users"."username", "users"."email", "users"."role"
FROM "session" JOIN "users" ON "users"."id" = "session"."user"
WHERE "session"."id" = {} AND "session"."user" = {} AND "session"."ended_at" IS NULL AND "session"."expires_at" > {}
AND "users"."state" = {}
"""
"""As SQL, since every request asks it: putting it together of columns took longer than answering it."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a session, fresh."""

    access_token: str
    refresh_token: str
    access_expires_at: datetime
    session_id: UUID
    session_expires_at: datetime
    remembered: bool


def ended() -> ApiError:
    """One answer for every reason, so that a stolen token learns nothing."""
    return unauthorized("the session has ended", code="session_ended")


class Sessions:
    """Begins, continues and ends sessions."""

    def __init__(self, database: Database, keys: Keys, server: ServerSettings) -> None:
        self._database = database
        self._keys = keys
        self._server = server
        self._tokens = Tokens(keys)

    async def begin(self, user_id: UUID, *, remember: bool, origin: Origin) -> Grant:
        """A new session, within the transaction that is open. Those that are long over are forgotten."""
        began = now()
        lasts_s = self._server.remember_s if remember else self._server.session_s
        await Session.delete().where(Session.user == user_id, Session.expires_at < began - timedelta(days=30))
        session = Session(
            id=uuid4(),
            user=user_id,
            remembered=remember,
            address=origin.address,
            user_agent=origin.user_agent,
            created_at=began,
            used_at=began,
            expires_at=began + timedelta(seconds=lasts_s),
        )
        await session.save()
        return self._grant(user_id, session.id, 0, session.expires_at, remember)

    async def refresh(self, token: str, origin: Origin) -> Grant:
        """New tokens for a refresh token, which is thereby used up.

        One that was used before is in two hands: the session ends for both. Raises a 401.
        """
        claims = self._tokens.read("refresh", token)
        moment = now()
        session = Session
        rows = (
            await session.update(
                {
                    session.generation: claims.generation + 1,
                    session.used_at: moment,
                    session.address: origin.address,
                    session.user_agent: origin.user_agent,
                }
            )
            .where(
                session.id == claims.session_id,
                session.user == claims.user_id,
                session.generation == claims.generation,
                session.ended_at.is_null(),
                session.expires_at > moment,
            )
            .returning(session.expires_at, session.remembered)
        )
        if not rows:
            await self._look_for_reuse(claims, origin)
            raise ended()
        if not await User.exists().where(User.id == claims.user_id, User.state == UserState.active.value):
            raise ended()
        return self._grant(
            claims.user_id,
            claims.session_id,
            claims.generation + 1,
            rows[0]["expires_at"],
            rows[0]["remembered"],
        )

    async def _look_for_reuse(self, claims: Claims, origin: Origin) -> None:
        async with self._database.transaction():
            reused = (
                await Session.update({Session.ended_at: now(), Session.end_reason: EndReason.token_reused})
                .where(
                    Session.id == claims.session_id,
                    Session.generation > claims.generation,
                    Session.ended_at.is_null(),
                )
                .returning(Session.id)
            )
            if reused:
                await note(
                    Action.token_reused,
                    actor=claims.user_id,
                    name="",
                    subject=str(claims.session_id),
                    origin=origin,
                )

    async def identify(self, access_token: str) -> Identity:
        """Whose access token that is, as the database knows them now. Raises a 401."""
        claims = self._tokens.read("access", access_token)
        row = await self._live(claims)
        if row is None:
            raise ended()
        return Identity(
            user_id=claims.user_id,
            username=row["username"],
            email=row["email"],
            role=Role(row["role"]),
            session_id=claims.session_id,
        )

    @staticmethod
    async def _live(claims: Claims) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = await Session.raw(
            _LIVE, claims.session_id, claims.user_id, now(), UserState.active.value
        )
        return found[0] if found else None

    def session_of(self, refresh_token: str) -> Claims:
        """What a refresh token says, whether or not it is used up. Raises a 401."""
        return self._tokens.read("refresh", refresh_token)

    async def end(self, reason: EndReason, *, user_id: UUID, only: UUID | None = None, but: UUID | None = None) -> int:
        """End one session of a user (`only`), or all (`but` one); how many ended."""
        query = Session.update({Session.ended_at: now(), Session.end_reason: reason}).where(
            Session.user == user_id, Session.ended_at.is_null(), Session.expires_at > now()
        )
        if only is not None:
            query = query.where(Session.id == only)
        if but is not None:
            query = query.where(Session.id != but)
        return len(await query.returning(Session.id))

    def csrf_token(self, session_id: UUID) -> str:
        """What a browser must send along with its cookie: only our own pages can read it."""
        return self._keys.mac("csrf", str(session_id))

    def _grant(self, user_id: UUID, session_id: UUID, generation: int, expires_at: datetime, remembered: bool) -> Grant:
        access_until = min(now() + timedelta(seconds=self._server.access_token_s), expires_at)
        about: dict[str, Any] = {"user_id": user_id, "session_id": session_id, "generation": generation}
        return Grant(
            access_token=self._tokens.make("access", expires_at=access_until, **about),
            refresh_token=self._tokens.make("refresh", expires_at=expires_at, **about),
            access_expires_at=access_until,
            session_id=session_id,
            session_expires_at=expires_at,
            remembered=remembered,
        )
