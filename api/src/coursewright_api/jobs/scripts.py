"""The script of a job: shown, edited, and what is out of date by it."""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

import msgspec
from coursewright.capabilities.llm import Scene, Script
from coursewright.kit.writing.pace import Pace, pace_of
from coursewright.plan import Plan
from coursewright.run.execute import rehearse
from coursewright.run.history import history_of
from coursewright.run.keys import artifacts_in
from coursewright.run.outcomes import Selection
from coursewright.run.references import reference_of
from coursewright.run.report import ItemReport, RunReport
from coursewright.settings import Settings
from coursewright.store.contract import Store

from coursewright_api.database import Database
from coursewright_api.database.columns import now
from coursewright_api.database.states import JobState
from coursewright_api.database.tables import Job
from coursewright_api.fields import FieldError
from coursewright_api.files.links import Files
from coursewright_api.jobs.events import LOCK
from coursewright_api.jobs.inputs import read_parameters
from coursewright_api.jobs.live import Made
from coursewright_api.jobs.script_structs import JobScript, SceneEdit, SceneInfo, ScriptEdit
from coursewright_api.pipelines.estimating import Known
from coursewright_api.pipelines.library import Pipelines
from coursewright_api.problems import conflict, invalid, not_found
from coursewright_api.threads import Threads

Row = dict[str, Any]
_LIKE = "The quick brown fox jumps over the lazy dog. " * 4
"""Of which the pace is told that estimates suppose."""


class Scripts:
    """Looks after the scripts of jobs."""

    def __init__(
        self,
        database: Database,
        store: Store,
        files: Files,
        pipelines: Pipelines,
        settings: Settings,
        in_thread: Threads,
    ) -> None:
        self._database = database
        self._store = store
        self._files = files
        self._pipelines = pipelines
        self._settings = settings
        self._in_thread = in_thread

    async def shown(self, owner: UUID, job: UUID) -> tuple[JobScript, str]:
        """The script, and its tag: another one when it was changed. Raises a 404 also where there is none yet."""
        row, made = await self._made(owner, job)
        script = edit_of(row) or made.script
        pace = await self._pace(script.language)
        plan = await self._pipelines.plan_of(await self._pipelines.version(row["pipeline_version"]), _providers(row))
        values = await self._in_thread(read_parameters, plan, msgspec.json.decode(row["parameters"]), self._store)
        report = await self._rehearsed(row, plan, values, {made.step: script})
        missing = _missing(report, made.step)
        known = Known(results={made.step: script}, wanted=missing)
        estimate = await self._pipelines.estimate(plan, values, known=known)
        written = {scene.id: scene for scene in made.script.scenes}
        scenes = [self._scene(scene, written.get(scene.id), pace, report) for scene in script.scenes]
        there = {scene.id for scene in scenes}
        shown = JobScript(
            step=made.step,
            title=script.title,
            language=script.language,
            scenes=scenes,
            removed=[scene.title for scene in made.script.scenes if scene.id not in there],
            edited=script != made.script,
            duration_s=round(sum(scene.duration_s for scene in scenes), 1),
            characters_per_s=round(len(_LIKE) / pace.seconds(_LIKE), 2),
            to_make=sum(sum(each) for each in missing.values()),
            estimate=estimate,
        )
        return shown, _tag(row)

    async def change(self, owner: UUID, job: UUID, edit: ScriptEdit, tag: str) -> None:
        """Keep what its author wants. Raises 404, 409 while the job goes on or when it was changed meanwhile, 422."""
        row, made = await self._made(owner, job)
        script = _edited(made.script, edit_of(row), edit, await self._pace(made.script.language))
        await self._keep(owner, job, script, tag)

    async def discard(self, owner: UUID, job: UUID, tag: str) -> None:
        """Go back to the script that was last made. Raises 404 and 409 as `change` does."""
        _, made = await self._made(owner, job)
        await self._keep(owner, job, made.script, tag)

    def _scene(self, scene: Scene, written: Scene | None, pace: Pace, report: RunReport) -> SceneInfo:
        change: Literal["", "edited", "new"] = "new" if written is None else "" if written == scene else "edited"
        return SceneInfo(
            id=scene.id,
            title=scene.title,
            bullets=scene.bullets,
            narration=scene.narration,
            notes=scene.notes,
            image=self._files.link(scene.image, inline=True) if scene.image else None,
            duration_s=round(pace.seconds(scene.narration), 1),
            change=change,
            to_make=[item.step for item in report.items if item.item == scene.id and _is_missing(item)],
        )

    async def _keep(self, owner: UUID, job: UUID, script: Script, tag: str) -> None:
        async with self._database.exclusive(LOCK):
            row, made = await self._made(owner, job)
            if not JobState(row["state"]).over:
                raise conflict(f"the job is {row['state']}", code="job_active", remedy="wait until it is over")
            if not tag:
                raise invalid([FieldError(parameter="header:If-Match", code="missing", message="is missing")])
            if tag != _tag(row):
                raise conflict(
                    "the script was changed meanwhile, perhaps in another window",
                    code="script_changed",
                    remedy="look at what is new, and change that",
                )
            written = script == made.script and not made.supplied  # the step itself gives it again
            kept = "" if written else msgspec.json.encode(script).decode()
            await Job.update({Job.script_edit: kept, Job.updated_at: now()}).where(Job.id == job)

    async def _made(self, owner: UUID, job: UUID) -> tuple[Row, Made]:
        row = await Job.select().where(Job.id == job, Job.owner == owner).first()
        if row is None:
            raise not_found("job")
        if (made := made_of(row)) is None:
            raise not_found("script")
        return row, made

    async def _pace(self, language: str) -> Pace:
        measured = await self._in_thread(history_of(self._settings).speech_pace, language)
        return pace_of(language, measured)

    async def _rehearsed(self, row: Row, plan: Plan, values: Mapping[str, Any], supplied: dict[str, Any]) -> RunReport:
        rehearsal = functools.partial(
            rehearse,
            plan,
            values,
            catalog=await self._pipelines.compiler.catalog(),
            store=self._store,
            settings=self._settings,
            selection=Selection(supplied=supplied),
            job=str(row["id"]),
        )
        return await self._in_thread(lambda: asyncio.run(rehearsal()))


def made_of(row: Row) -> Made | None:
    """A job's script as it was written, if there is one yet."""
    return msgspec.json.decode(row["script"], type=Made) if row["script"] else None


def edit_of(row: Row) -> Script | None:
    """What its author has made of a job's script."""
    return msgspec.json.decode(row["script_edit"], type=Script) if row["script_edit"] else None


def supply_edit(store: Store, row: Row) -> dict[str, str]:
    """The edited script as a run is given it: by its step, as an artifact that is kept as long as the job. Blocks."""
    script, made = edit_of(row), made_of(row)
    if script is None or made is None:
        return {}
    artifact = store.put_bytes(msgspec.json.encode(script), name="script.json", media_type="application/json")
    held = {"lasting": True, "job": str(row["id"]), "artifacts": [artifact, *artifacts_in(script)]}
    store.write_record(_record_key(row["id"]), msgspec.json.encode(held))
    return {made.step: reference_of(artifact)}


def forget_edit(store: Store, job: UUID) -> None:
    """Let what `supply_edit` keeps go. Blocks."""
    store.delete_record(_record_key(job))


def _record_key(job: UUID) -> str:
    return hashlib.sha256(f"script of {job}".encode()).hexdigest()


def _providers(row: Row) -> dict[str, str]:
    return msgspec.json.decode(row["providers"], type=dict[str, str]) if row["providers"] else {}


def _tag(row: Row) -> str:
    return hashlib.sha256(f"{row['script']}\n{row['script_edit']}".encode()).hexdigest()[:32]


def _is_missing(item: ItemReport) -> bool:
    return item.state not in ("reused", "skipped")


def _missing(report: RunReport, script_step: str) -> dict[str, list[bool]]:
    """Of each step, which of its tasks would be made."""
    found: dict[str, list[bool]] = {}
    for item in report.items:
        if item.step != script_step:
            found.setdefault(item.step, []).append(_is_missing(item))
    return found


def _edited(made: Script, before: Script | None, edit: ScriptEdit, pace: Pace) -> Script:
    """The new script. A scene that is as it was stays the very same, so that what was made of it still counts."""
    known = {scene.id: scene for scene in (*(before.scenes if before else ()), *made.scenes)}
    ids = [scene.id for scene in edit.scenes]
    if twice := [index for index, each in enumerate(ids) if each in ids[:index]]:
        raise invalid([FieldError(pointer=f"/scenes/{index}/id", message="is there twice") for index in twice])
    scenes = [_scene(known.get(each.id), each, pace) for each in edit.scenes]
    script = msgspec.structs.replace(made, title=edit.title, scenes=scenes)
    if scenes == made.scenes:
        return script
    length_s = round(sum(scene.duration_s for scene in scenes), 1)
    return msgspec.structs.replace(script, duration_s=length_s, report=None)


def _scene(known: Scene | None, edit: SceneEdit, pace: Pace) -> Scene:
    image = known.image if known is not None and edit.image else None
    scene = Scene(
        id=edit.id,
        title=edit.title,
        bullets=edit.bullets,
        narration=edit.narration,
        notes=edit.notes,
        image=image,
        duration_s=round(pace.seconds(edit.narration), 1),
    )
    if known is not None and msgspec.structs.replace(known, duration_s=scene.duration_s) == scene:
        return known
    return scene
