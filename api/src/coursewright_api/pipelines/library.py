"""The pipelines that people can choose from: their versions in the database, and the operator's folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from coursewright.compile import CheckResult
from coursewright.plan import Plan
from coursewright.run.bundles import Bundle
from coursewright.run.daemon import in_daemon_thread
from coursewright.settings import Settings
from coursewright.store.contract import Store
from piccolo.columns.combination import WhereRaw

from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity
from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.tables import PipelineOrigin, PipelineVersion
from coursewright_api.pages import after
from coursewright_api.pipelines.compiling import Compiled, Compiler, label_of
from coursewright_api.pipelines.estimating import estimate
from coursewright_api.pipelines.scan import FileProblem, Scanned, Stamp, scan, stamp_of
from coursewright_api.pipelines.structs import Estimate
from coursewright_api.pipelines.usual import Usual
from coursewright_api.problems import ApiError, conflict, not_found
from coursewright_api.settings import ServerSettings

log = logging.getLogger(__name__)

LOCK = "pipelines"
MAX_TITLE = 200
_NAME = re.compile("[a-z][a-z0-9_-]{0,62}")
_NONE: Mapping[str, str] = MappingProxyType({})
_LIGHT = tuple(
    column
    for column in PipelineVersion.all_columns()
    if column._meta.name not in ("text", "files", "bundle", "description")
)
OnCurrent = Callable[[dict[str, Any]], Awaitable[None]]


class Pipelines:
    """Versions never change: an edit makes another, and one of each name at most is current."""

    def __init__(self, database: Database, store: Store, settings: Settings, server: ServerSettings) -> None:
        self._database = database
        self._folder = Path(server.pipelines_dir) if server.pipelines_dir else None
        self._settings = settings
        self.compiler = Compiler(settings, store)
        self.usual = Usual()
        self._stamp: Stamp | None = None
        self._scanning = asyncio.Lock()
        self.problems: tuple[FileProblem, ...] = ()
        """Files of the folder that are not taken."""
        self.on_current: OnCurrent | None = None
        """Called with the row of a version that has become current, after it is committed."""

    # What jobs are made with

    async def current(self, name: str, overrides: Mapping[str, str] = _NONE) -> tuple[dict[str, Any], Plan]:
        """The version that new jobs run. Raises a 404, or a 422 when it does not compile (any more)."""
        row = await self._current_row(name)
        if row is None and self._folder is not None and self._stamp is None:
            await self.refresh()
            row = await self._current_row(name)
        if row is None:
            raise not_found("pipeline")
        return row, await self.plan_of(row, overrides)

    async def version(self, version_id: UUID, overrides: Mapping[str, str] = _NONE) -> tuple[dict[str, Any], Plan]:
        """A version by its id, current or not. Raises a 404, or a 422 when it does not compile (any more)."""
        row = await PipelineVersion.select().where(PipelineVersion.id == version_id).first()
        if row is None:
            raise not_found("pipeline")
        return row, await self.plan_of(row, overrides)

    async def plan_of(self, row: dict[str, Any], overrides: Mapping[str, str] = _NONE) -> Plan:
        """The plan of a row with all columns. Raises a 422 when it does not compile (any more)."""
        return await self.compiler.plan(row["bundle_digest"], lambda: bundle_of_row(row), overrides)

    async def estimate(self, plan: Plan, values: Mapping[str, Any], *, version_id: UUID | None = None) -> Estimate:
        """What a run of the plan takes. `values` by input, files as artifacts; with a version also what is usual."""
        catalog = await self.compiler.catalog()
        found = await in_daemon_thread(estimate, plan, values, catalog, self._settings)
        usual_s = await self.usual.seconds(version_id) if version_id is not None else None
        return msgspec.structs.replace(found, usual_s=usual_s)

    # Looking

    async def page(self, *, text: str, limit: int, cursor: str) -> list[dict[str, Any]]:
        """Current versions by name, one more than `limit` when there are more."""
        query = (
            PipelineVersion.select()
            .where(PipelineVersion.current == True)  # noqa: E712  # SQL
            .order_by(PipelineVersion.name)
            .limit(limit + 1)
        )
        if start := after(cursor, tuple[str]):
            query = query.where(PipelineVersion.name > start[0].replace("\0", ""))
        if words := text.strip().lower().translate({ord(mark): None for mark in "\\%\0"}):
            in_title = WhereRaw('LOWER("title") LIKE {}', f"%{words}%")
            query = query.where(PipelineVersion.name.like(f"%{words}%") | in_title)
        return await query

    async def get(self, name: str, number: int | None = None) -> dict[str, Any]:
        """The current version, or the one of that number. Raises a 404."""
        row = await self._current_row(name) if number is None else await self._numbered(name, number)
        if row is None:
            raise not_found("pipeline" if number is None else "version")
        return row

    async def versions(self, name: str, *, limit: int, cursor: str) -> list[dict[str, Any]]:
        """All versions of a name, newest first, with `author.username`. Raises a 404 when there never was one."""
        table: Any = PipelineVersion
        query = table.select(*_LIGHT, table.author.username).where(table.name == _checked(name))
        query = query.order_by(table.number, ascending=False).limit(limit + 1)
        start = after(cursor, tuple[int])
        if start:
            query = query.where(table.number < max(0, min(start[0], 2**31 - 1)))
        rows: list[dict[str, Any]] = await query
        if not rows and start is None:
            raise not_found("pipeline")
        return rows

    async def check(self, text: str, files: Mapping[str, str]) -> CheckResult:
        """Every problem of a text."""
        return await self.compiler.check(text, files, label=label_of("pipeline"))

    # Changing

    async def create(
        self, who: Identity, text: str, files: Mapping[str, str], remark: str, origin: Origin
    ) -> dict[str, Any]:
        """A new pipeline. Raises a 409 when its name is taken, a 422 for a text that does not compile."""
        made = await self.compiler.compile(text, files, label=label_of("pipeline"))
        name = made.plan.name
        async with self._database.exclusive(LOCK):
            if await self._current_row(name) is not None:
                raise conflict(
                    f"there is a pipeline called '{name}' already",
                    code="name_taken",
                    field="text",
                    remedy=f"give it another name, or change that one: PUT /api/pipelines/{name}",
                )
            row = await self._add(made, PipelineOrigin.edited, who.user_id, remark)
            await _note(Action.pipeline_created, who, row, origin)
        return await self._became_current(row)

    async def take(
        self, who: Identity, text: str, files: Mapping[str, str], *, replace: bool, origin: Origin
    ) -> dict[str, Any]:
        """A pipeline from elsewhere; with `replace` as a new version where its name is taken. Raises 409, 422."""
        made = await self.compiler.compile(text, files, label=label_of("pipeline"))
        if replace and await self._current_row(made.plan.name) is not None:
            return await self.change(who, made.plan.name, text, files, base=None, remark="imported", origin=origin)
        return await self.create(who, text, files, "imported", origin)

    async def change(
        self,
        who: Identity,
        name: str,
        text: str,
        files: Mapping[str, str],
        *,
        base: int | None,
        remark: str,
        origin: Origin,
    ) -> dict[str, Any]:
        """Another version, of the one numbered `base` (None: whichever is current). Raises 404, 409, 422."""
        await self.get(name)
        made = await self.compiler.compile(text, files, label=label_of(name))
        if made.plan.name != name:
            raise ApiError(
                422,
                "pipeline_renamed",
                f"the text names '{made.plan.name}', not '{name}'",
                remedy="a pipeline keeps its name: correct it, or create another with POST /api/pipelines",
            )
        async with self._database.exclusive(LOCK):
            row = await self.get(name)
            if base is not None and row["number"] != base:
                raise conflict(
                    f"version {row['number']} is current by now, not {base}",
                    code="changed_meanwhile",
                    remedy="look at what is new, and change that",
                )
            if row["bundle_digest"] == made.digest:
                return row
            row = await self._add(made, PipelineOrigin.edited, who.user_id, remark)
            await _note(Action.pipeline_changed, who, row, origin)
        return await self._became_current(row)

    async def restore(self, who: Identity, name: str, number: int, origin: Origin) -> dict[str, Any]:
        """Make a version current, of a deleted pipeline too. Raises a 404, or a 422 when it does not compile."""
        row = await self.get(name, number)
        await self.plan_of(row)
        async with self._database.exclusive(LOCK):
            row = await self.get(name, number)
            if row["current"]:
                return row
            await self._retire(name)
            await PipelineVersion.update({PipelineVersion.current: True}).where(PipelineVersion.id == row["id"])
            await _note(Action.pipeline_restored, who, row, origin)
        return await self._became_current({**row, "current": True})

    async def delete(self, who: Identity, name: str, origin: Origin) -> None:
        """No version is current any more; jobs keep theirs. Raises a 404."""
        async with self._database.exclusive(LOCK):
            row = await self.get(name)
            await self._retire(name)
            await _note(Action.pipeline_deleted, who, row, origin)

    # The folder

    @contextlib.asynccontextmanager
    async def scanning(self) -> AsyncIterator[None]:
        """Take what is in the folder while the service starts, beside all else."""
        begun = asyncio.create_task(self._scan_first()) if self._folder is not None else None
        try:
            yield
        finally:
            if begun is not None:
                begun.cancel()
                await asyncio.gather(begun, return_exceptions=True)

    async def _scan_first(self) -> None:
        try:
            await self.refresh()
        except Exception:  # listing tries again, and then somebody is told
            log.exception("the folder of pipelines cannot be read now")

    async def refresh(self) -> None:
        """Take what is new in the folder, if a file's size or time has changed since the last look."""
        if self._folder is None:
            return
        folder = self._folder
        async with self._scanning:
            stamp = await in_daemon_thread(stamp_of, folder)
            if stamp == self._stamp:
                return
            catalog = await self.compiler.catalog()
            compiler = self.compiler
            found = await in_daemon_thread(
                scan, folder, lambda text, read, label: compiler.compiled(text, read, catalog, label=label)
            )
            await self._take(found)
            self._stamp, self.problems = stamp, found.problems

    async def _take(self, found: Scanned) -> None:
        """Make versions of what differs from the file's version before: what was edited since stays current."""
        if not await self._news(found):
            return
        rows = []
        async with self._database.exclusive(LOCK):
            for made in await self._news(found):  # another process may have been quicker
                rows.append(await self._add(made, PipelineOrigin.file, None, ""))
        for row in rows:
            await self._became_current(row)

    async def _news(self, found: Scanned) -> list[Compiled]:
        if not found.pipelines:
            return []
        rows = (
            await PipelineVersion.select(PipelineVersion.name, PipelineVersion.bundle_digest, PipelineVersion.origin)
            .where(PipelineVersion.name.is_in(list(found.pipelines)))
            .order_by(PipelineVersion.number)
        )
        newest = {row["name"]: row["bundle_digest"] for row in rows}
        from_file = {row["name"]: row["bundle_digest"] for row in rows if row["origin"] == PipelineOrigin.file.value}
        return [
            made for name, made in found.pipelines.items() if made.digest not in (newest.get(name), from_file.get(name))
        ]

    # Rows

    async def _current_row(self, name: str) -> dict[str, Any] | None:
        query = PipelineVersion.select().where(
            PipelineVersion.name == _checked(name),
            PipelineVersion.current == True,  # noqa: E712  # SQL
        )
        return await query.first()

    async def _numbered(self, name: str, number: int) -> dict[str, Any] | None:
        query = PipelineVersion.select().where(
            PipelineVersion.name == _checked(name), PipelineVersion.number == min(number, 2**31 - 1)
        )
        return await query.first()

    async def _retire(self, name: str) -> None:
        await PipelineVersion.update({PipelineVersion.current: False}).where(
            PipelineVersion.name == name,
            PipelineVersion.current == True,  # noqa: E712  # SQL
        )

    async def _add(self, made: Compiled, origin: PipelineOrigin, author: UUID | None, remark: str) -> dict[str, Any]:
        """The next version of its name, which becomes current."""
        name = made.plan.name
        last = (
            await PipelineVersion.select(PipelineVersion.number)
            .where(PipelineVersion.name == name)
            .order_by(PipelineVersion.number, ascending=False)
            .first()
        )
        await self._retire(name)
        version = PipelineVersion(
            id=uuid.uuid4(),
            name=name,
            number=(last["number"] if last else 0) + 1,
            current=True,
            title=(made.plan.title or name)[:MAX_TITLE],
            description=made.plan.description,
            text=made.bundle.text,
            files=msgspec.json.encode(made.bundle.files).decode(),
            bundle=made.reference,
            bundle_digest=made.digest,
            origin=origin.value,
            note=remark,
            author=author,
            created_at=now(),
        )
        await version.save()
        row = await PipelineVersion.select().where(PipelineVersion.id == version.id).first()
        assert row is not None  # noqa: S101  # written just now, in this transaction
        return row

    async def _became_current(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.on_current is not None:
            try:
                await self.on_current(row)
            except Exception:  # the version is there; who deploys it finds it later
                log.exception("version %s of '%s' could not be announced", row["number"], row["name"])
        return row


def bundle_of_row(row: dict[str, Any]) -> Bundle:
    """The pipeline with its texts, as the store has them."""
    files = msgspec.json.decode(row["files"], type=dict[str, str])
    return Bundle(name=label_of(row["name"]), text=row["text"], files=files)


def _checked(name: str) -> str:
    """A name that can be one. Raises a 404: PostgreSQL takes no NUL, and there is nothing of any other name."""
    if not _NAME.fullmatch(name):
        raise not_found("pipeline")
    return name


async def _note(action: Action, who: Identity, row: dict[str, Any], origin: Origin) -> None:
    await note(action, actor=who.user_id, name=who.username, subject=row["name"], origin=origin, version=row["number"])
