"""Links that work once: the first admin's set-up, and a new password."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from coursewright_api.auth.api_keys import digest
from coursewright_api.database.columns import now
from coursewright_api.database.states import LinkPurpose, Role
from coursewright_api.database.tables import OneTimeLink, User
from coursewright_api.problems import ApiError
from coursewright_api.settings import ServerSettings


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link, shown once. Its token stands behind `#`, which browsers do not send: no log can hold it."""

    url: str
    token: str
    expires_at: datetime


_PAGES = {LinkPurpose.setup: "setup", LinkPurpose.password: "password"}


class Links:
    """Makes and uses up links."""

    def __init__(self, server: ServerSettings) -> None:
        self._server = server

    async def make(self, purpose: LinkPurpose, user_id: UUID | None = None) -> Link:
        """A new link. Earlier ones for the same user stop working."""
        token, began = secrets.token_urlsafe(32), now()
        expires_at = began + timedelta(seconds=self._server.link_s)
        await OneTimeLink.delete().where(OneTimeLink.expires_at < began)
        if user_id is not None:
            await OneTimeLink.delete().where(OneTimeLink.user == user_id)
        await OneTimeLink(
            id=uuid4(), purpose=purpose, digest=digest(token), user=user_id, created_at=began, expires_at=expires_at
        ).save()
        return Link(url=f"{self._server.url}/{_PAGES[purpose]}#token={token}", token=token, expires_at=expires_at)

    async def use(self, purpose: LinkPurpose, token: str) -> UUID | None:
        """Use up a link, within the transaction that is open; whom it is for. Raises a 403."""
        rows = (
            await OneTimeLink.update({OneTimeLink.used_at: now()})
            .where(
                OneTimeLink.digest == digest(token),
                OneTimeLink.purpose == purpose.value,
                OneTimeLink.used_at.is_null(),
                OneTimeLink.expires_at > now(),
            )
            .returning(OneTimeLink.user)
        )
        if not rows:
            raise ApiError(
                403,
                "link_invalid",
                "this link was used already, has expired, or never was valid",
                remedy="ask for a new one; for the first admin, start the service again",
            )
        user_id: UUID | None = rows[0]["user"]
        return user_id

    async def setup(self) -> Link | None:
        """The first admin's link, or None when there is an admin."""
        if await User.exists().where(User.role == Role.admin.value):
            return None
        return await self.make(LinkPurpose.setup)
