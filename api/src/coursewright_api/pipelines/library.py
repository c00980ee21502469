"""The pipelines that people can choose from: their versions in the database, and the operator's folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from coursewright.compile import CheckResult
from coursewright.plan import Plan
from coursewright.run.bundles import load
from coursewright.run.daemon import in_daemon_thread
from coursewright.run.references import artifact_of
from coursewright.settings import Settings
from coursewright.store.contract import Store

from coursewright_api.auth.audit import Action, Origin, note
from coursewright_api.auth.identity import Identity
from coursewright_api.database import Database
from coursewright_api.database.states import PipelineOrigin
from coursewright_api.database.tables import PipelineVersion
from coursewright_api.pipelines import versions
from coursewright_api.pipelines.compiling import Compiled, Compiler, label_of
from coursewright_api.pipelines.estimating import Known, estimate
from coursewright_api.pipelines.scan import FileProblem, Scanned, Stamp, scan, stamp_of
from coursewright_api.pipelines.structs import Estimate
from coursewright_api.pipelines.usual import Usual
from coursewright_api.problems import ApiError, conflict, not_found
from coursewright_api.settings import ServerSettings

log = logging.getLogger(__name__)

LOCK = "pipelines"
_NONE: Mapping[str, str] = MappingProxyType({})
OnCurrent = Callable[[dict[str, Any]], Awaitable[None]]


class Pipelines:
    """Versions never change: an edit makes another, and one of each name at most is current."""

    def __init__(self, database: Database, store: Store, settings: Settings, server: ServerSettings) -> None:
        self._database = database
        self._folder = Path(server.pipelines_dir).expanduser() if server.pipelines_dir else None
        self._settings = settings
        self._store = store
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
        if row is None:
            raise not_found("pipeline")
        return row, await self.plan_of(row, overrides)

    async def _current_row(self, name: str) -> dict[str, Any] | None:
        row = await versions.current_row(name)
        if row is None and self._folder is not None and self._stamp is None:  # the service has just begun
            await self.refresh()
            row = await versions.current_row(name)
        return row

    async def version(self, version_id: UUID) -> dict[str, Any]:
        """A version by its id, current or not. Raises a 404."""
        row = await versions.of_id(version_id)
        if row is None:
            raise not_found("pipeline")
        return row

    async def plan_of(self, row: dict[str, Any], overrides: Mapping[str, str] = _NONE) -> Plan:
        """The plan of a row with all columns. Raises a 422 when it does not compile (any more)."""
        return await self.compiler.plan(row["bundle_digest"], lambda: versions.bundle_of_row(row), overrides)

    async def of_bundle(self, reference: str) -> dict[str, Any]:
        """The version that a run of Prefect was deployed with, by the reference of its bundle.

        One that nobody has here yet, because it was deployed from elsewhere, is added, and does not become current.
        Raises InputError when the store does not have the bundle, or a 422 when it does not compile.
        """
        artifact = artifact_of(reference)
        if artifact is None:
            raise not_found("pipeline")
        if (row := await versions.of_digest(artifact.digest)) is not None:
            return row
        bundle = await in_daemon_thread(load, reference, self._store)
        plan = await self.compiler.plan(artifact.digest, lambda: bundle)
        made = Compiled(plan=plan, bundle=bundle, reference=reference, digest=artifact.digest)
        async with self._database.exclusive(LOCK):
            row = await versions.of_content(bundle, plan.name) or await versions.of_digest(artifact.digest)
            return row or await versions.add(made, PipelineOrigin.prefect, current=False)

    async def estimate(
        self, plan: Plan, values: Mapping[str, Any], *, version_id: UUID | None = None, known: Known | None = None
    ) -> Estimate:
        """What a run of the plan takes. `values` by input, files as artifacts; with a version also what is usual."""
        catalog = await self.compiler.catalog()
        found = await self.compiler.in_turn(lambda: estimate(plan, values, catalog, self._settings, known or Known()))
        usual_s = await self.usual.seconds(version_id) if version_id is not None else None
        return msgspec.structs.replace(found, usual_s=usual_s)

    # Looking

    async def get(self, name: str, number: int | None = None) -> dict[str, Any]:
        """The current version, or the one of that number. Raises a 404."""
        row = await self._current_row(name) if number is None else await versions.numbered(name, number)
        if row is None:
            raise not_found("pipeline" if number is None else "version")
        return row

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
            if await versions.current_row(name) is not None:
                raise conflict(
                    f"there is a pipeline called '{name}' already",
                    code="name_taken",
                    field="text",
                    remedy=f"give it another name, or change that one: PUT /api/pipelines/{name}",
                )
            row = await versions.add(made, PipelineOrigin.edited, author=who.user_id, remark=remark)
            await _note(Action.pipeline_created, who, row, origin)
        return await self._became_current(row)

    async def take(
        self, who: Identity, text: str, files: Mapping[str, str], *, replace: bool, origin: Origin
    ) -> dict[str, Any]:
        """A pipeline from elsewhere; with `replace` as a new version where its name is taken. Raises 409, 422."""
        made = await self.compiler.compile(text, files, label=label_of("pipeline"))
        if replace and await versions.current_row(made.plan.name) is not None:
            return await self.change(who, made.plan.name, text, files, base=None, remark="imported", origin=origin)
        return await self.create(who, text, files, "imported", origin)

    async def try_out(self, who: Identity, text: str, files: Mapping[str, str], origin: Origin) -> dict[str, Any]:
        """A version that does not become current, for a job that names it. Raises a 422."""
        made = await self.compiler.compile(text, files, label=label_of("pipeline"))
        async with self._database.exclusive(LOCK):
            row = await versions.of_content(made.bundle, made.plan.name)
            if row is None:
                row = await versions.add(made, PipelineOrigin.edited, author=who.user_id, remark="a try", current=False)
                await _note(Action.pipeline_changed, who, row, origin)
        return row

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
            row = await versions.add(made, PipelineOrigin.edited, author=who.user_id, remark=remark)
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
            row = await versions.promote(row)
            await _note(Action.pipeline_restored, who, row, origin)
        return await self._became_current(row)

    async def delete(self, who: Identity, name: str, origin: Origin) -> None:
        """No version is current any more; jobs keep theirs. Raises a 404."""
        async with self._database.exclusive(LOCK):
            row = await self.get(name)
            await versions.retire(name)
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
                rows.append(await versions.add(made, PipelineOrigin.file))
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

    async def _became_current(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.on_current is not None:
            try:
                await self.on_current(row)
            except Exception:  # the version is there; who deploys it finds it later
                log.exception("version %s of '%s' could not be announced", row["number"], row["name"])
        return row


async def _note(action: Action, who: Identity, row: dict[str, Any], origin: Origin) -> None:
    await note(action, actor=who.user_id, name=who.username, subject=row["name"], origin=origin, version=row["number"])
