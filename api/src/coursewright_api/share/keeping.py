"""Keeping share links: made, listed, changed and revoked by the owner of a job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity
from coursewright_api.auth.passwords import Passwords
from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.tables import Job, ShareLink
from coursewright_api.pages import after
from coursewright_api.problems import conflict, not_found
from coursewright_api.share.structs import ShareChange, ShareRequest

MOST = 200
"""Links that one job may have: each is a row that anybody could fill the table with."""


class Shares:
    """The links of a person."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def make(self, owner: Identity, data: ShareRequest, origin: Origin) -> dict[str, Any]:
        """A new link to a job's results. Raises 404 for another's job, 409 when there are too many."""
        job = await Job.select(Job.title, Job.pipeline).where(Job.id == data.job_id, Job.owner == owner.user_id).first()
        if job is None:
            raise not_found("job")
        if await ShareLink.count().where(ShareLink.job == data.job_id) >= MOST:
            raise conflict(f"this job has {MOST} links already", remedy="change one of them")
        moment = now()
        row = ShareLink(
            id=uuid4(),
            owner=owner.user_id,
            job=data.job_id,
            title=data.title.strip() or job["title"] or job["pipeline"],
            may_download=data.may_download,
            password_hash=await self._hash(data.password),
            created_at=moment,
            expires_at=moment + timedelta(seconds=data.expires_in_s),
        )
        async with self._database.transaction():
            await row.save()
            await self._note(Action.share_link_made, owner, row.to_dict(), origin, job=data.job_id)
        return row.to_dict()

    async def all_of(self, owner_id: UUID, *, job_id: UUID | None, limit: int, cursor: str) -> list[dict[str, Any]]:
        """The person's links, newest first, one more than `limit` when there are more."""
        query = ShareLink.select().where(ShareLink.owner == owner_id).limit(limit + 1)
        if job_id is not None:
            query = query.where(ShareLink.job == job_id)
        if start := after(cursor, tuple[datetime, UUID]):
            moment, last = start
            query = query.where(ShareLink.created_at <= moment, (ShareLink.created_at < moment) | (ShareLink.id < last))
        return await query.order_by(ShareLink.created_at, ShareLink.id, ascending=False)

    async def get(self, owner_id: UUID, link_id: UUID) -> dict[str, Any]:
        """One of the person's links. Raises a 404."""
        row = await ShareLink.select().where(ShareLink.id == link_id, ShareLink.owner == owner_id).first()
        if row is None:
            raise not_found("share link")
        return row

    async def change(self, owner: Identity, link_id: UUID, data: ShareChange, origin: Origin) -> dict[str, Any]:
        """Change what is given. Raises a 404, or a 409 for a revoked link."""
        row = await self.get(owner.user_id, link_id)
        if row["revoked_at"] is not None:
            raise conflict("this link was revoked", code="share_revoked", remedy="make a new one")
        values: dict[Any, Any] = {}
        if isinstance(data.title, str):
            values[ShareLink.title] = data.title.strip() or row["title"]
        if isinstance(data.expires_in_s, int):
            values[ShareLink.expires_at] = now() + timedelta(seconds=data.expires_in_s)
        if isinstance(data.may_download, bool):
            values[ShareLink.may_download] = data.may_download
        if data.password is None or isinstance(data.password, str):
            values[ShareLink.password_hash] = await self._hash(data.password)
        if values:
            async with self._database.transaction():
                await ShareLink.update(values).where(ShareLink.id == link_id, ShareLink.revoked_at.is_null())
                changed = sorted(column._meta.name for column in values)
                await self._note(Action.share_link_changed, owner, row, origin, changed=changed)
        return await self.get(owner.user_id, link_id)

    async def revoke(self, owner: Identity, link_id: UUID, origin: Origin) -> None:
        """End a link at once, for those who watch too. Doing it again does no harm. Raises a 404."""
        row = await self.get(owner.user_id, link_id)
        async with self._database.transaction():
            ended = (
                await ShareLink.update({ShareLink.revoked_at: now()})
                .where(ShareLink.id == link_id, ShareLink.revoked_at.is_null())
                .returning(ShareLink.id)
            )
            if ended:
                await self._note(Action.share_link_revoked, owner, row, origin)

    async def _hash(self, password: str | None) -> str:
        return await self._passwords.hash(password) if password else ""

    async def _note(self, action: Action, owner: Identity, row: dict[str, Any], origin: Origin, **detail: Any) -> None:
        subject = f"share link {row['id']}"
        await note(action, actor=owner.user_id, name=owner.username, subject=subject, origin=origin, **detail)
