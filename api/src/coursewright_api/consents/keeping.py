"""Keeping consents: a row for each, and a grant in the artifact store, which is what the engine asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from coursewright.capabilities.artifacts import Artifact
from coursewright.consent import Consent as Granted
from coursewright.consent import consents_for, grant, revoke
from coursewright.store.contract import Store

from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity
from coursewright_api.consents.structs import ConsentRequest
from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType
from coursewright_api.database.tables import Asset, Consent
from coursewright_api.fields import FieldError
from coursewright_api.pages import after
from coursewright_api.problems import ApiError, conflict, invalid, not_found
from coursewright_api.threads import Threads

OF_PEOPLE = (AssetType.portrait, AssetType.voice_sample)
_CLOCKS_DIFFER = timedelta(minutes=5)
_DRAWING = "image/svg+xml"
_GRANTS = "consent grants"
"""The name under which grants are written one at a time: none that is being revoked may be granted again."""


class Consents:
    """Files, lists and revokes consents.

    The row is committed before the grant, and a revoked row after its grant is gone. What a crash leaves between the
    two is mended by `missing`, which each job asks.
    """

    def __init__(self, database: Database, store: Store, in_thread: Threads) -> None:
        self._database = database
        self._store = store
        self._in_thread = in_thread

    async def give(self, owner: Identity, asset_id: UUID, data: ConsentRequest, origin: Origin) -> dict[str, Any]:
        """File a consent. Raises 404, 409 for an asset that is not ready, 422."""
        asset = await self._asset(owner.user_id, asset_id)
        if asset["type"] not in OF_PEOPLE:
            raise ApiError(
                422,
                "consent_not_needed",
                f"'{asset['name']}' is no portrait and no voice sample",
                remedy="file consents for those only",
            )
        if asset["state"] != AssetState.ready.value:
            raise conflict(f"'{asset['name']}' is not ready", code="asset_not_ready", remedy="wait until it is")
        moment = now()
        if data.given_at is not None and data.given_at > moment + _CLOCKS_DIFFER:
            raise invalid([FieldError(pointer="/given_at", message="is in the future")])
        await self._check_recording(owner.user_id, data.recording_id)
        row = Consent(
            id=uuid4(),
            owner=owner.user_id,
            asset=asset_id,
            person=data.person.strip(),
            purpose=data.purpose.strip(),
            statement=data.statement,
            recording=data.recording_id,
            given_at=data.given_at or moment,
            created_at=moment,
        )
        async with self._database.transaction():
            await row.save()
            await self._note(Action.consent_given, owner, asset_id, origin, consent=row.id)
        await self._grant(row.id)
        return row.to_dict()

    async def of_asset(self, owner_id: UUID, asset_id: UUID) -> list[dict[str, Any]]:
        """All consents for an asset, revoked ones too, newest first. Raises a 404."""
        await self._asset(owner_id, asset_id)
        query = Consent.select().where(Consent.asset == asset_id, Consent.owner == owner_id)
        return await query.order_by(Consent.created_at, ascending=False)

    async def all_of(self, owner_id: UUID, *, limit: int, cursor: str) -> list[dict[str, Any]]:
        """The person's consents, newest first, one more than `limit` when there are more."""
        query = Consent.select().where(Consent.owner == owner_id).limit(limit + 1)
        if start := after(cursor, tuple[datetime, UUID]):
            moment, last = start
            query = query.where(Consent.created_at <= moment, (Consent.created_at < moment) | (Consent.id < last))
        return await query.order_by(Consent.created_at, Consent.id, ascending=False)

    async def revoke(self, owner: Identity, consent_id: UUID, origin: Origin) -> None:
        """Take a consent back: the engine refuses from now on. Revoking it again does no harm. Raises a 404."""
        async with self._database.exclusive(_GRANTS):
            found = await self._row(consent_id)
            if found is None or found["owner"] != owner.user_id:
                raise not_found("consent")
            await self._take_back([found])
            if found["revoked_at"] is None:
                await Consent.update({Consent.revoked_at: now()}).where(Consent.id == consent_id)
                await self._note(Action.consent_revoked, owner, found["asset"], origin, consent=consent_id)

    async def missing(self, owner_id: UUID, assets: Iterable[UUID]) -> list[UUID]:
        """Those of a person's assets that have no living consent: voice samples and portraits, but for drawings.

        Grants that a crash has kept from the store are written.
        """
        wanted = list(dict.fromkeys(assets))
        if not wanted:
            return []
        rows = await Asset.select(Asset.id, Asset.digest).where(
            Asset.id.is_in(wanted),
            Asset.owner == owner_id,
            Asset.type.is_in([each.value for each in OF_PEOPLE]),
            Asset.media_type != _DRAWING,
        )
        living = await Consent.select(Consent.id, Consent.asset).where(
            Consent.asset.is_in(wanted), Consent.owner == owner_id, Consent.revoked_at.is_null()
        )
        digests = {row["id"]: row["digest"] for row in rows}
        granted = await self._in_thread(self._granted, {digest for digest in digests.values() if digest})
        for row in living:
            if row["asset"] in digests and _granter(row["id"]) not in granted:
                await self._grant(row["id"])
        agreed = {row["asset"] for row in living}
        return [asset for asset in wanted if asset in digests and asset not in agreed]

    async def forget(self, assets: Iterable[UUID]) -> None:
        """Take back all grants for assets whose rows are about to go for good."""
        ids = list(assets)
        if not ids:
            return
        async with self._database.exclusive(_GRANTS):
            await self._take_back(await self._rows(Consent.asset.is_in(ids)))
            await Consent.update({Consent.revoked_at: now()}).where(
                Consent.asset.is_in(ids), Consent.revoked_at.is_null()
            )

    async def _asset(self, owner_id: UUID, asset_id: UUID) -> dict[str, Any]:
        row = await (
            Asset.select().where(Asset.id == asset_id, Asset.owner == owner_id, Asset.deleted_at.is_null()).first()
        )
        if row is None:
            raise not_found("asset")
        return row

    async def _check_recording(self, owner_id: UUID, asset_id: UUID | None) -> None:
        if asset_id is None:
            return
        there = Asset.exists().where(
            Asset.id == asset_id,
            Asset.owner == owner_id,
            Asset.deleted_at.is_null(),
            Asset.state == AssetState.ready.value,
        )
        if not await there:
            raise invalid([FieldError(pointer="/recording_id", message="is no asset of yours that is ready")])

    async def _grant(self, consent_id: UUID) -> None:
        """Write what the engine asks for, unless the consent was revoked meanwhile."""
        async with self._database.exclusive(_GRANTS):
            row = await self._row(consent_id)
            if row is None or row["revoked_at"] is not None or not row["asset.digest"]:
                return
            await self._in_thread(grant, self._store, row["asset.digest"], _granted(row))

    async def _take_back(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            if digest := row["asset.digest"]:
                await self._in_thread(revoke, self._store, digest, _granter(row["id"]))

    async def _row(self, consent_id: UUID) -> dict[str, Any] | None:
        rows = await self._rows(Consent.id == consent_id)
        return rows[0] if rows else None

    async def _rows(self, which: Any) -> list[dict[str, Any]]:
        """Consents with the bytes that they are about, and with the recordings that prove them."""
        table: Any = Consent
        rows: list[dict[str, Any]] = await table.select(
            *table.all_columns(),
            table.asset.digest,
            table.recording.digest,
            table.recording.media_type,
            table.recording.size_bytes,
            table.recording.file_name,
        ).where(which)
        return rows

    def _granted(self, digests: Iterable[str]) -> set[str]:
        return {consent.granted_by for digest in digests for consent in consents_for(self._store, digest)}

    async def _note(self, action: Action, owner: Identity, asset: UUID, origin: Origin, **detail: Any) -> None:
        await note(action, actor=owner.user_id, name=owner.username, subject=f"asset {asset}", origin=origin, **detail)


def _granter(consent_id: UUID) -> str:
    """Each row has a grant of its own: two consents for the same bytes do not depend on each other."""
    return f"consent {consent_id} of the service"


def _granted(row: dict[str, Any]) -> Granted:
    recording = None
    if row["recording.digest"]:
        recording = Artifact(
            digest=row["recording.digest"],
            media_type=row["recording.media_type"],
            size_bytes=row["recording.size_bytes"],
            name=row["recording.file_name"],
        )
    return Granted(
        person=row["person"],
        purpose=row["purpose"],
        given_at=row["given_at"],
        statement=row["statement"],
        granted_by=_granter(row["id"]),
        recording=recording,
    )
