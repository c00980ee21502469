"""Assets: a person's files, as rows beside the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.run.references import artifact_of, reference_of
from coursewright.store.contract import Store
from piccolo.columns import Column
from piccolo.query.functions.aggregate import Sum

from coursewright_api.assets.structs import AssetChange, Sort
from coursewright_api.consents.keeping import Consents
from coursewright_api.database import Database
from coursewright_api.database.columns import beyond, contains, now
from coursewright_api.database.engines import PgEngine
from coursewright_api.database.states import AssetState, AssetType, JobState
from coursewright_api.database.tables import Asset, Job
from coursewright_api.fields import FieldError
from coursewright_api.files.links import Files, Link
from coursewright_api.files.names import safe_name
from coursewright_api.pages import Order, after
from coursewright_api.problems import ApiError, conflict, invalid, not_found
from coursewright_api.settings import ServerSettings
from coursewright_api.threads import Threads

Row = dict[str, Any]

_COLUMNS: dict[Sort, tuple[Column, type[Any]]] = {
    Sort.created: (Asset.created_at, datetime),
    Sort.name: (Asset.name, str),
    Sort.size: (Asset.size_bytes, int),
}


_PURGED_AT_ONCE = 1000


class Assets:
    """Lists, renames, deletes and restores assets, and says which of them a job may use."""

    def __init__(
        self,
        database: Database,
        store: Store,
        files: Files,
        consents: Consents,
        server: ServerSettings,
        in_thread: Threads,
    ) -> None:
        self._database = database
        self._store = store
        self._files = files
        self._consents = consents
        self._server = server
        self._in_thread = in_thread

    async def page(
        self,
        owner_id: UUID,
        *,
        type: AssetType | None = None,
        state: AssetState | None = None,
        text: str = "",
        job_id: UUID | None = None,
        sort: Sort = Sort.created,
        order: Order = Order.desc,
        limit: int,
        cursor: str = "",
    ) -> list[Row]:
        """A person's assets, one more than `limit` when there are more."""
        column, kind = _COLUMNS[sort]
        rising = order is Order.asc
        query = Asset.select().where(Asset.owner == owner_id, Asset.deleted_at.is_null()).limit(limit + 1)
        query = query.order_by(column, Asset.id, ascending=rising)
        if start := after(cursor, tuple[kind, UUID]):  # type: ignore[valid-type]  # one of three
            query = query.where(beyond(column, start[0], Asset.id, start[1], rising=rising))
        if type is not None:
            query = query.where(Asset.type == type.value)
        if state is not None:
            query = query.where(Asset.state == state.value)
        if job_id is not None:
            query = query.where(Asset.job == job_id)
        if words := text.strip().translate({ord(mark): None for mark in "\\%_\0"}):
            query = query.where(contains(Asset.name, words) | contains(Asset.description, words))
        return await query

    async def one(self, owner_id: UUID, asset_id: UUID) -> Row:
        """One of a person's assets. Raises a 404."""
        row = await Asset.select().where(_living(owner_id, asset_id)).first()
        if row is None:
            raise not_found("asset")
        return row

    async def change(self, owner_id: UUID, asset_id: UUID, change: AssetChange) -> Row:
        """Give it another name or description. Raises a 404."""
        values: dict[Column | str, Any] = {Asset.updated_at: now()}
        if change.name is not None:
            values[Asset.name] = change.name
        if change.description is not None:
            values[Asset.description] = change.description
        await Asset.update(values).where(_living(owner_id, asset_id))
        return await self.one(owner_id, asset_id)

    async def delete(self, owner_id: UUID, asset_id: UUID) -> None:
        """Hide it; it is removed for good after `undelete_s`. Raises a 404, and a 409 while a job uses it."""
        async with self._database.transaction():
            # First the row, whose lock a job that is being made may hold: what that one says is seen then.
            gone = await Asset.update({Asset.deleted_at: now()}).where(_living(owner_id, asset_id)).returning(Asset.id)
            if not gone:
                raise not_found("asset")
            if job := await self._job_with(owner_id, str(asset_id)):
                raise conflict(
                    f"the job '{job['title'] or job['id']}' still uses it",
                    code="asset_in_use",
                    remedy="wait until that job is over, or cancel it",
                )

    async def restore(self, owner_id: UUID, asset_id: UUID) -> Row:
        """Undo the deletion. Raises a 404 when it is gone for good, and a 413 when there is no room for it any more."""
        async with self._database.exclusive(room_of(owner_id)):
            row = await Asset.select().where(Asset.owner == owner_id, Asset.id == asset_id).first()
            if row is None or (row["deleted_at"] is not None and self._is_over(row["deleted_at"])):
                raise not_found("asset")
            if row["deleted_at"] is not None:
                await self.check_room(owner_id, row["size_bytes"])
                await Asset.update({Asset.deleted_at: None, Asset.updated_at: now()}).where(Asset.id == asset_id)
        return await self.one(owner_id, asset_id)

    async def used_bytes(self, owner_id: UUID) -> int:
        """What a person's assets take, announced uploads included."""
        found = await Asset.select(Sum(Asset.size_bytes)).where(Asset.owner == owner_id, Asset.deleted_at.is_null())
        return int(found[0]["sum"] or 0)

    async def check_room(self, owner_id: UUID, more_bytes: int) -> None:
        """Raises a 413 when so much more is more than the person may have. Within `exclusive(room_of(…))`."""
        quota, used = self._server.quota_bytes, await self.used_bytes(owner_id)
        if quota and used + more_bytes > quota:
            raise ApiError(
                413,
                "quota_exceeded",
                f"the file has {more_bytes:,} bytes; of your {quota:,} bytes {used:,} are used",
                remedy="delete files that are no longer needed, or ask an admin for more",
            )

    async def usable(self, owner_id: UUID, inputs: Mapping[str, UUID | str]) -> dict[str, tuple[Row, Artifact]]:
        """The assets that a job's inputs name, by input, with their bytes. Raises a 422 naming each input at fault.

        Within the transaction that saves the job: none of them can then be deleted meanwhile.
        """
        wanted = {name: _as_uuid(value) for name, value in inputs.items()}
        ids = sorted({each for each in wanted.values() if each is not None}, key=str)
        found: dict[UUID, Row] = {}
        if ids:
            query = Asset.select().where(Asset.owner == owner_id, Asset.id.is_in(ids), Asset.deleted_at.is_null())
            if isinstance(self._database.engine, PgEngine) and self._database.engine.transaction_exists():
                query = query.lock_rows("SHARE")  # in SQLite each of our transactions is alone
            found = {row["id"]: row for row in await query}
        usable, errors = {}, []
        for name, asset_id in wanted.items():
            row = found.get(asset_id) if asset_id is not None else None
            if row is None:
                errors.append(FieldError(pointer=_pointer(name), code="unknown", message="there is no such asset"))
            elif (artifact := artifact_in(row)) is None or row["state"] != AssetState.ready.value:
                message = f"'{row['name']}' is not ready" + (f": {row['reason']}" if row["reason"] else "")
                errors.append(FieldError(pointer=_pointer(name), code="not_ready", message=message))
            else:
                usable[name] = row, artifact
        if errors:
            raise invalid(errors)
        return usable

    async def add_result(
        self,
        *,
        owner_id: UUID,
        job_id: UUID,
        output: str,
        artifact: Artifact,
        name: str = "",
        preview: Artifact | None = None,
        duration_s: float | None = None,
    ) -> UUID:
        """A result of a job as an asset, within the transaction that is open; its id.

        Asked twice for the same bytes of the same output, it adds nothing.
        """
        asset_id = uuid5(job_id, f"{output} {artifact.digest} {artifact.name}")
        await self.hold(asset_id, artifact, preview)
        if not await Asset.exists().where(Asset.id == asset_id):
            moment = now()
            await Asset(
                id=asset_id,
                owner=owner_id,
                type=AssetType.result,
                state=AssetState.ready,
                name=(name or artifact.name or output)[:200],
                file_name=safe_name(artifact.name, otherwise=output),
                digest=artifact.digest,
                media_type=artifact.media_type,
                size_bytes=artifact.size_bytes,
                duration_s=duration_s,
                preview=reference(preview),
                job=job_id,
                output=output[:64],
                created_at=moment,
                updated_at=moment,
            ).save()
        return asset_id

    async def results_of(self, job_id: UUID) -> list[Row]:
        """The assets that a job made, in the order of their making."""
        return await Asset.select().where(Asset.job == job_id, Asset.deleted_at.is_null()).order_by(Asset.created_at)

    async def release_results(self, job_ids: Iterable[UUID]) -> None:
        """Let go the bytes of jobs that are about to be deleted, whose assets go with them."""
        if ids := list(job_ids):
            await self.release([row["id"] for row in await Asset.select(Asset.id).where(Asset.job.is_in(ids))])

    async def hold(self, asset_id: UUID, artifact: Artifact, preview: Artifact | None = None) -> None:
        """Keep bytes from garbage collection as long as the asset is there: by a record of the asset's own."""
        holding = {"lasting": True, "asset": str(asset_id), "artifacts": [each for each in (artifact, preview) if each]}
        await self._in_thread(self._store.write_record, _record_key(asset_id), msgspec.json.encode(holding))

    async def release(self, asset_ids: Sequence[UUID]) -> None:
        """Let bytes go, which are collected unless something else holds them."""
        for asset_id in asset_ids:
            await self._in_thread(self._store.delete_record, _record_key(asset_id))

    async def purge(self) -> int:
        """Remove for good what was deleted long enough ago; how many."""
        before = now() - timedelta(seconds=self._server.undelete_s)
        rows = await Asset.select(Asset.id).where(Asset.deleted_at < before).limit(_PURGED_AT_ONCE)
        doomed = [row["id"] for row in rows]
        if not doomed:
            return 0
        await self._consents.forget(doomed)  # while their rows still say whose bytes they are for
        await self.release(doomed)  # rows last: what is cut off here is taken up by the next sweep
        await Asset.delete().where(Asset.id.is_in(doomed))
        return len(doomed)

    def download(self, row: Row, *, inline: bool = False, expires_in_s: float | None = None) -> Link:
        """A link to an asset's bytes. Raises a 409 while it is not ready."""
        artifact = artifact_in(row)
        if artifact is None or row["state"] != AssetState.ready.value:
            raise conflict("the file is not ready", code="not_ready", remedy="wait until its state is 'ready'")
        return self._files.link(artifact, name=row["file_name"], inline=inline, expires_in_s=expires_in_s)

    def preview(self, row: Row) -> Link:
        """A link to a small picture of it. Raises a 404 when there is none."""
        if (artifact := artifact_of(row["preview"])) is None:
            raise not_found("preview")
        return self._files.link(artifact, inline=True)

    def _is_over(self, deleted_at: datetime) -> bool:
        return deleted_at < now() - timedelta(seconds=self._server.undelete_s)

    async def _job_with(self, owner_id: UUID, asset_id: str) -> Row | None:
        """An unfinished job of the person that names the asset among its inputs."""
        unfinished = [state.value for state in JobState if not state.over]
        jobs = await Job.select(Job.id, Job.title, Job.inputs).where(
            Job.owner == owner_id, Job.state.is_in(unfinished), Job.inputs.like(f"%{asset_id}%")
        )
        return next((job for job in jobs if asset_id in _texts(msgspec.json.decode(job["inputs"]))), None)


def artifact_in(row: Row) -> Artifact | None:
    """The bytes of an asset, once it has some."""
    if not row["digest"]:
        return None
    return Artifact(
        digest=row["digest"], media_type=row["media_type"], size_bytes=row["size_bytes"], name=row["file_name"]
    )


def reference(artifact: Artifact | None) -> str:
    """How a row names other bytes; "" for none."""
    return "" if artifact is None else reference_of(artifact)


def room_of(owner_id: UUID) -> str:
    """The name of the lock by which one person's room is given out."""
    return f"room of {owner_id}"


def _living(owner_id: UUID, asset_id: UUID) -> Any:
    return (Asset.id == asset_id) & (Asset.owner == owner_id) & Asset.deleted_at.is_null()


def _record_key(asset_id: UUID) -> str:
    return hashlib.sha256(f"asset {asset_id}".encode()).hexdigest()


def _texts(value: Any) -> list[str]:
    """All texts in a JSON value."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [text for part in parts for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def _as_uuid(value: UUID | str) -> UUID | None:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        return None


def _pointer(name: str) -> str:
    return "/inputs/" + name.replace("~", "~0").replace("/", "~1")
