"""How files come in: in a form, or sent to the store directly and then confirmed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import InputError
from coursewright.store.contract import Store

from coursewright_api.assets.forms import FormReader, too_large
from coursewright_api.assets.inspection import Found, Inspector, Task
from coursewright_api.assets.parts import cut
from coursewright_api.assets.records import Assets, Row, reference, room_of
from coursewright_api.assets.staging import Staging
from coursewright_api.assets.structs import AssetChange, Form, UploadRequest, UploadTarget, UploadType
from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState
from coursewright_api.database.tables import Asset
from coursewright_api.fields import FieldError
from coursewright_api.files.links import Files
from coursewright_api.files.names import safe_name
from coursewright_api.problems import ApiError, conflict, not_found
from coursewright_api.settings import ServerSettings
from coursewright_api.threads import Threads

log = logging.getLogger(__name__)

PROCESSING_S = 300.0
"""Longer than looking at a file can take: who was at it is gone."""
_LEFT_BEHIND_S = 2 * 24 * 3600.0
_FORM_BYTES = 65_536
"""What a form may have beside its file."""


class Uploads:
    """Takes files, has them looked at, and puts into the store what they turned out to be."""

    def __init__(
        self,
        database: Database,
        store: Store,
        files: Files,
        assets: Assets,
        staging: Staging,
        inspector: Inspector,
        server: ServerSettings,
        in_thread: Threads,
    ) -> None:
        self._database = database
        self._store = store
        self._files = files
        self._assets = assets
        self._staging = staging
        self._inspector = inspector
        self._server = server
        self._in_thread = in_thread
        self._running: set[asyncio.Task[Row]] = set()
        self.max_bytes = {kind: int(getattr(server, f"{kind.value}_max_bytes")) for kind in UploadType}

    async def take_form(
        self, owner_id: UUID, chunks: AsyncIterator[bytes], *, boundary: str, length_bytes: int | None
    ) -> Row:
        """A file in a form, looked at and stored. Raises 400, 413, and a 422 saying why it is not kept."""
        most = max(self.max_bytes.values())
        if length_bytes is not None and length_bytes > most + _FORM_BYTES:
            raise too_large("file", most)
        asset_id = uuid4()
        async with self._staging.incoming() as incoming:
            reader = FormReader(incoming, self.max_bytes)
            form = await reader.read(chunks, boundary)
            file_name = reader.file_name or ""
            await self._reserve(owner_id, asset_id, form, file_name, incoming.size_bytes, AssetState.processing)
            await self._staging.keep(incoming, asset_id, None)
        row = await self._assets.one(owner_id, asset_id)
        row = await asyncio.shield(self._begun(self._process(row, forget=True)))
        if row["state"] == AssetState.failed.value:
            message = row["reason"]
            raise ApiError(
                422, "file_refused", message, errors=[FieldError(pointer="/file", code="file_refused", message=message)]
            )
        return row

    async def announce(self, owner_id: UUID, request: UploadRequest) -> tuple[Row, UploadTarget]:
        """Make room for a file, and say where its bytes are to be sent. Raises a 413."""
        if request.size_bytes > self.max_bytes[request.type]:
            raise too_large(request.type.value, self.max_bytes[request.type])
        asset_id = uuid4()
        form = Form(type=request.type, name=request.name, description=request.description)
        await self._reserve(owner_id, asset_id, form, request.file_name, request.size_bytes, AssetState.pending)
        target = await self._in_thread(self._target, asset_id, request.size_bytes, request.media_type)
        return await self._assets.one(owner_id, asset_id), target

    async def renew(self, owner_id: UUID, asset_id: UUID) -> tuple[Row, UploadTarget]:
        """New addresses for a file that was announced; what came of it stays. Raises 404, 409."""
        moment = now()
        await Asset.update(
            {Asset.upload_expires_at: moment + timedelta(seconds=self._server.upload_s), Asset.updated_at: moment}
        ).where(Asset.id == asset_id, Asset.owner == owner_id, Asset.state == AssetState.pending.value)
        row = await self._assets.one(owner_id, asset_id)
        _check_pending(row)
        return row, await self._in_thread(self._target, asset_id, row["size_bytes"])

    async def receive(
        self, asset_id: UUID, chunks: AsyncIterator[bytes], *, size_bytes: int, part: int | None = None
    ) -> None:
        """The bytes of an announced file, or of a part of it, by our own upload link.

        Raises 404, 409, and a 422 for another length.
        """
        row = await Asset.select().where(Asset.id == asset_id, Asset.deleted_at.is_null()).first()
        if row is None:
            raise not_found("upload")
        _check_pending(row)
        async with self._staging.incoming() as incoming:
            async for chunk in chunks:
                await incoming.write(chunk)
                if incoming.size_bytes > size_bytes:
                    break
            if incoming.size_bytes != size_bytes:
                raise _wrong_length(size_bytes, incoming.size_bytes)
            await self._staging.keep(incoming, asset_id, part)

    async def confirm(self, owner_id: UUID, asset_id: UUID, change: AssetChange) -> Row:
        """The bytes are there: look at them. Asked again, it tells how far that is. Raises 404, 409."""
        row = await self._assets.one(owner_id, asset_id)
        waits = _waits(row)
        if change != AssetChange():
            row = await self._assets.change(owner_id, asset_id, change)
        if not waits:
            return row
        await self._bring(row)
        claimed = (
            await Asset.update({Asset.state: AssetState.processing, Asset.updated_at: now()})
            .where(Asset.id == asset_id, Asset.state == row["state"], Asset.updated_at == row["updated_at"])
            .returning(Asset.id)
        )
        if not claimed:
            return await self._assets.one(owner_id, asset_id)
        row = await self._assets.one(owner_id, asset_id)
        return await asyncio.shield(self._begun(self._process(row)))

    async def sweep(self) -> None:
        """Remove what was announced and never came, and what killed processes left behind."""
        waiting = (AssetState.pending.value, AssetState.processing.value)
        late = now() - timedelta(seconds=PROCESSING_S)
        rows = (
            await Asset.delete()
            .where(Asset.state.is_in(list(waiting)), Asset.upload_expires_at < now(), Asset.updated_at < late)
            .returning(Asset.id)
        )
        for row in rows:
            await self._forget(row["id"])
        await self._in_thread(self._staging.sweep, older_than_s=_LEFT_BEHIND_S + self._server.upload_s)

    async def close(self) -> None:
        """Wait for what is being looked at."""
        if self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _reserve(
        self, owner_id: UUID, asset_id: UUID, form: Form, file_name: str, size_bytes: int, state: AssetState
    ) -> None:
        name = safe_name(file_name)
        moment = now()
        async with self._database.exclusive(room_of(owner_id)):
            await self._assets.check_room(owner_id, size_bytes)
            await Asset(
                id=asset_id,
                owner=owner_id,
                type=form.type.value,
                state=state,
                name=form.name or name,
                description=form.description,
                file_name=name,
                size_bytes=size_bytes,
                upload_expires_at=moment + timedelta(seconds=self._server.upload_s),
                created_at=moment,
                updated_at=moment,
            ).save()

    def _target(self, asset_id: UUID, size_bytes: int, media_type: str = "application/octet-stream") -> UploadTarget:
        """Where the bytes of an announced file go. It signs a lot, so not in the loop."""
        upload, lasts_s = str(asset_id), self._server.upload_s

        def url(size_bytes: int, part: int | None = None) -> str:
            if (direct := self._store.direct) is not None:
                return direct.upload_url(upload, expires_in_s=lasts_s, part=part)
            return self._files.upload_link(upload, size_bytes, expires_in_s=lasts_s, part=part).url

        part_bytes, sizes = cut(size_bytes)
        return UploadTarget(
            url=url(size_bytes),
            parts=[url(size, part) for part, size in enumerate(sizes)],
            part_bytes=part_bytes,
            headers={"Content-Type": media_type},
            expires_at=now() + timedelta(seconds=lasts_s),
        )

    async def _bring(self, row: Row) -> None:
        """See that all announced bytes are in the staging folder. Raises a 409 or 422."""
        asset_id, wanted = row["id"], row["size_bytes"]
        there = await self._in_thread(self._staging.size_bytes, asset_id)
        if there is None:
            sent = self._store.direct or self._staging.parts
            there = await self._in_thread(sent.uploaded_bytes, str(asset_id))
            if there == wanted:
                await self._in_thread(sent.fetch_upload, str(asset_id), self._staging.path(asset_id))
                there = await self._in_thread(self._staging.size_bytes, asset_id)
        if there is None:
            raise conflict("its bytes were not sent yet", code="upload_missing", remedy="send them, then confirm")
        if there != wanted:
            raise _wrong_length(wanted, there)

    def _begun(self, work: Any) -> asyncio.Task[Row]:
        """The work as a task that goes on when the one who asked has gone."""
        task: asyncio.Task[Row] = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _process(self, row: Row, *, forget: bool = False) -> Row:
        """Look at the file and store what it is; the row as it then is. `forget` leaves no row of a refused file."""
        asset_id = row["id"]
        try:
            with self._staging.work_folder(asset_id) as folder:
                found = await self._inspector.inspect(
                    Task(
                        type=UploadType(row["type"]),
                        source=self._staging.path(asset_id),
                        folder=folder,
                        name=row["file_name"],
                        max_s=self._server.voice_sample_max_s,
                    )
                )
                values = await self._stored(row, found)
        except InputError as error:
            row = {**row, "state": AssetState.failed.value, "reason": str(error).replace("\n  →", ";")}
            values = {Asset.state: AssetState.failed, Asset.reason: row["reason"], Asset.size_bytes: 0}
        except BaseException:
            await self._back(row, forget=forget)
            raise
        await self._forget(asset_id)
        if row["state"] == AssetState.failed.value and forget:
            await Asset.delete().where(Asset.id == asset_id)
            return row
        values |= {Asset.updated_at: now(), Asset.upload_expires_at: None}
        await Asset.update(values).where(Asset.id == asset_id)
        return await Asset.select().where(Asset.id == asset_id).first() or row

    async def _stored(self, row: Row, found: Found) -> dict[Any, Any]:
        """Put what was found into the store; what the row says of it."""
        name = safe_name(row["file_name"], suffix=found.suffix)
        artifact = await self._put(found.path, name, found.media_type)
        preview = None
        if found.preview is not None:
            preview = await self._put(found.preview, f"preview{found.preview.suffix}", found.preview_type)
        await self._assets.hold(row["id"], artifact, preview)
        return {
            Asset.state: AssetState.ready,
            Asset.reason: "",
            Asset.file_name: name,
            Asset.digest: artifact.digest,
            Asset.media_type: artifact.media_type,
            Asset.size_bytes: artifact.size_bytes,
            Asset.width_px: found.width_px,
            Asset.height_px: found.height_px,
            Asset.duration_s: found.duration_s,
            Asset.preview: reference(preview),
            Asset.notes: msgspec.json.encode(found.notes).decode() if found.notes else "",
        }

    async def _put(self, path: Path, name: str, media_type: str) -> Artifact:
        return await self._in_thread(self._store.put_file, path, name=name, media_type=media_type)

    async def _back(self, row: Row, *, forget: bool) -> None:
        """What failed was not the file: as it was before, so that it can be tried again."""
        if forget:
            await self._forget(row["id"])
            await Asset.delete().where(Asset.id == row["id"])
        else:
            await Asset.update({Asset.state: AssetState.pending}).where(Asset.id == row["id"])

    async def _forget(self, asset_id: UUID) -> None:
        """Remove the bytes as they were uploaded."""
        await self._in_thread(self._staging.drop, asset_id)
        if (direct := self._store.direct) is not None:
            await self._in_thread(direct.drop_upload, str(asset_id))


def _waits(row: Row) -> bool:
    """Is nobody looking at it, though somebody should?"""
    if row["state"] == AssetState.processing.value:
        return bool(row["updated_at"] < now() - timedelta(seconds=PROCESSING_S))
    return bool(row["state"] == AssetState.pending.value)


def _check_pending(row: Row) -> None:
    if row["state"] != AssetState.pending.value:
        raise conflict("this file was confirmed already", code="not_pending")


def _wrong_length(wanted: int, there: int) -> ApiError:
    message = f"{wanted:,} bytes were announced, and {'more' if there > wanted else f'{there:,}'} came"
    return ApiError(422, "wrong_length", message, remedy="send exactly the announced file, or announce it anew")
