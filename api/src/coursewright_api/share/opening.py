"""Opening a share link: may this viewer in, and what is there to see?"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from coursewright.capabilities.artifacts import Artifact

from coursewright_api.auth.audit import Origin
from coursewright_api.auth.passwords import Passwords
from coursewright_api.auth.throttle import Allowance, Throttles, network
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType, UserState
from coursewright_api.database.tables import Asset, ShareLink
from coursewright_api.problems import ApiError, unauthorized
from coursewright_api.share.structs import Role
from coursewright_api.share.tokens import Tokens

MOST_FILES = 200
PASSWORD_BY_ADDRESS = Allowance(name="share password address", tries=20, window_s=900)
PASSWORD_BY_LINK = Allowance(name="share password link", tries=300, window_s=900)
"""A class that mistypes it together is let in; guessing it from many places is not."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A result that the link shows."""

    id: UUID
    role: Role
    artifact: Artifact


class Openings:
    """Lets viewers in."""

    def __init__(self, tokens: Tokens, passwords: Passwords, throttles: Throttles) -> None:
        self._tokens = tokens
        self._passwords = passwords
        self._throttles = throttles

    async def link(self, token: str) -> dict[str, Any]:
        """The link's row. Raises a 404, or a 410 for one that has ended."""
        link_id = self._tokens.link_id(token)
        if link_id is None:
            raise _nowhere()
        table: Any = ShareLink
        row: dict[str, Any] | None = (
            await table.select(*table.all_columns(), table.owner.state).where(table.id == link_id).first()
        )
        if row is None:
            raise _nowhere()
        if row["revoked_at"] is not None or row["owner.state"] != UserState.active.value:
            raise ApiError(410, "link_revoked", "this link was withdrawn", remedy="ask whoever gave it to you")
        if row["expires_at"] <= now():
            raise ApiError(
                410, "link_expired", "this link has expired", remedy="ask whoever gave it to you for another"
            )
        return row

    async def admit(self, link: dict[str, Any], *, ticket: str = "", password: str = "", origin: Origin) -> str:
        """A ticket for who has one, or the password, or needs none. Raises a 401, or a 429 after many guesses."""
        if ticket and self._tokens.admits(ticket, link):
            return ticket
        if link["password_hash"]:
            if not password:
                raise unauthorized("this link has a password", code="password_needed", remedy="send it")
            await self._check(link, password, origin)
        return self._tokens.ticket(link)

    def admitted(self, link: dict[str, Any], ticket: str) -> None:
        """Raises a 401 unless that ticket lets its owner in."""
        if not self._tokens.admits(ticket, link):
            raise unauthorized("this address has expired", code="ticket_expired", remedy="open the link again")

    async def count(self, link: dict[str, Any]) -> None:
        """One more viewer."""
        await ShareLink.update({ShareLink.opened: ShareLink.opened + 1}).where(ShareLink.id == link["id"])

    async def results(self, link: dict[str, Any]) -> list[Result]:
        """What the viewer may have: the results, or without the permission to download what the player plays."""
        rows = (
            await Asset.select(Asset.id, Asset.digest, Asset.media_type, Asset.size_bytes, Asset.file_name)
            .where(
                Asset.job == link["job"],
                Asset.owner == link["owner"],
                Asset.type == AssetType.result.value,
                Asset.state == AssetState.ready.value,
                Asset.deleted_at.is_null(),
            )
            .order_by(Asset.created_at, Asset.id)
            .limit(MOST_FILES)
        )
        results = [_result(row) for row in rows if row["digest"]]
        return [each for each in results if link["may_download"] or each.role is not Role.other]

    async def _check(self, link: dict[str, Any], password: str, origin: Origin) -> None:
        whose = f"{link['id']} {network(origin.address)}"
        await self._throttles.count(PASSWORD_BY_LINK, str(link["id"]))
        await self._throttles.count(PASSWORD_BY_ADDRESS, whose)
        if not await self._passwords.verify(link["password_hash"], password):
            raise unauthorized("that is not the password", code="password_wrong", remedy="try again")
        await self._throttles.forgive(PASSWORD_BY_LINK, str(link["id"]))
        await self._throttles.forgive(PASSWORD_BY_ADDRESS, whose)


def _nowhere() -> ApiError:
    return ApiError(404, "not_found", "there is no such share link", remedy="ask whoever gave it to you")


def one(results: list[Result], role: Role) -> Result | None:
    """The first of that role."""
    return next((each for each in results if each.role is role), None)


def _result(row: dict[str, Any]) -> Result:
    artifact = Artifact(
        digest=row["digest"], media_type=row["media_type"], size_bytes=row["size_bytes"], name=row["file_name"]
    )
    return Result(id=row["id"], role=_role(artifact), artifact=artifact)


def _role(artifact: Artifact) -> Role:
    kind, _, subtype = artifact.media_type.partition("/")
    name = artifact.name.lower()
    if kind == "video":
        return Role.film
    if kind == "audio":
        return Role.sound
    if (artifact.media_type == "text/vtt" or name.endswith(".vtt")) and not name.endswith(".chapters.vtt"):
        return Role.captions
    if kind == "image" and subtype in {"png", "jpeg", "webp"}:
        return Role.poster
    return Role.course if artifact.media_type == "application/zip" else Role.other
