"""Jobs in the database: what people do with them. How they go on is written by the mirror alone."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from coursewright.errors import InputError
from coursewright.plan import Plan
from coursewright.run.outcomes import Selection
from coursewright.run.parts import Part
from coursewright.store.contract import Store
from piccolo.columns import Column

from coursewright_api.assets.records import Assets
from coursewright_api.consents.keeping import Consents
from coursewright_api.database import Database, is_duplicate
from coursewright_api.database.columns import now
from coursewright_api.database.states import ACTIVE, JobState, Priority, Purpose
from coursewright_api.database.tables import Job, JobStep
from coursewright_api.fields import FieldError
from coursewright_api.jobs import structs
from coursewright_api.jobs.events import LOCK, of_job, write
from coursewright_api.jobs.hub import Hub
from coursewright_api.jobs.inputs import Prepared, prepare
from coursewright_api.jobs.parts import part_of, purpose_of, retried_until
from coursewright_api.jobs.scripts import forget_edit, made_of, supply_edit
from coursewright_api.jobs.submission import Submitter
from coursewright_api.pipelines.library import Pipelines
from coursewright_api.problems import ApiError, conflict, invalid, not_found
from coursewright_api.threads import Threads

Row = dict[str, Any]


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A job that may be made: everything about it is good."""

    wanted: structs.NewJob
    version: Row
    plan: Plan
    prepared: Prepared
    part: Part
    selection: Selection
    expected_s: float | None
    """What the last runs of that version took, or, before there were any, what its providers estimate."""


class Jobs:
    """Makes, changes, cancels, repeats and deletes jobs of their owners."""

    def __init__(
        self,
        database: Database,
        store: Store,
        assets: Assets,
        consents: Consents,
        pipelines: Pipelines,
        submitter: Submitter,
        hub: Hub,
        in_thread: Threads,
    ) -> None:
        self._database = database
        self._store = store
        self._assets = assets
        self._consents = consents
        self._pipelines = pipelines
        self._submitter = submitter
        self._hub = hub
        self._in_thread = in_thread

    # Making

    async def check(self, owner: UUID, wanted: structs.NewJob) -> Ready:
        """Everything that can be known before it is made. Raises a 404, or a 422 naming what is wrong."""
        version = await self._pipelines.get(wanted.pipeline, wanted.version)
        plan = await self._plan(version, wanted.providers)
        prepared = await prepare(self._assets, self._store, self._in_thread, owner, plan, wanted.inputs)
        await self._check_consents(owner, prepared)
        part = await self._in_thread(part_of, wanted, plan, self._store)
        selection = await self._selection(part, plan, "until")
        expected_s = None if wanted.until else await self._expected(version, plan, prepared)
        return Ready(
            wanted=wanted,
            version=version,
            plan=plan,
            prepared=prepared,
            part=part,
            selection=selection,
            expected_s=expected_s,
        )

    async def _expected(self, version: Row, plan: Plan, prepared: Prepared) -> float | None:
        usual_s = await self._pipelines.usual.seconds(version["id"])
        return usual_s if usual_s is not None else (await self._pipelines.estimate(plan, prepared.values)).seconds

    async def _plan(self, version: Row, providers: Mapping[str, str]) -> Plan:
        try:
            return await self._pipelines.plan_of(version, providers)
        except ApiError as error:
            await self._pipelines.plan_of(version)  # if it compiles without them, it is they
            raise invalid(
                [FieldError(pointer="/providers", code=each.code, message=each.message) for each in error.errors]
            ) from None

    async def make(
        self, owner: UUID, ready: Sequence[Ready], *, key: str | None = None, batch: UUID | None = None
    ) -> list[UUID]:
        """Commit jobs, all or none, and let them be submitted; their ids. With a key there is one, made once:
        asked for again it is the same. Raises a 409 for a key that came with another request before."""
        digest = _digest(ready[0].wanted) if key is not None else ""
        if key is not None and (found := await self._made_before(owner, key, digest)):
            return [found]
        made = [uuid.uuid4() for _ in ready]
        try:
            async with self._database.exclusive(LOCK):
                for job, each in zip(made, ready, strict=True):
                    await self._insert(owner, job, each, key=key, digest=digest, batch=batch)
                rows = await Job.select().where(Job.id.is_in(made))
                await write(self._database, [of_job(row) for row in rows])
        except Exception as error:
            if key is None or not is_duplicate(error):
                raise
            return [await self._made_before(owner, key, digest) or made[0]]
        self._hub.wake()
        for job in made:
            self._submitter.ask(job)
        return made

    async def _made_before(self, owner: UUID, key: str, digest: str) -> UUID | None:
        row = await Job.select(Job.id, Job.request_digest).where(Job.owner == owner, Job.idempotency_key == key).first()
        if row is None:
            return None
        if row["request_digest"] != digest:
            raise conflict(
                "this Idempotency-Key came with another request before",
                code="idempotency_key_reused",
                remedy="send a new key with a new request",
            )
        return UUID(str(row["id"]))

    async def _insert(
        self, owner: UUID, job: UUID, ready: Ready, *, key: str | None, digest: str, batch: UUID | None
    ) -> None:
        # Again, and now with a lock: an asset may have been deleted since it was looked at.
        await self._assets.usable(owner, ready.prepared.assets)
        wanted, version, moment = ready.wanted, ready.version, now()
        await Job(
            id=job,
            owner=owner,
            pipeline_version=version["id"],
            pipeline=version["name"],
            title=wanted.title.strip() or ready.prepared.subject or version["title"],
            description=wanted.description,
            purpose=purpose_of(wanted, ready.plan).value,
            priority=(wanted.priority if wanted.preview is None else Priority.urgent).value,
            inputs=_json({name: ready.prepared.assets.get(name, value) for name, value in wanted.inputs.items()}),
            parameters=_json(ready.prepared.parameters),
            providers=_json(wanted.providers),
            part=_json(ready.part),
            batch=batch,
            expected_s=ready.expected_s,
            idempotency_key=key,
            request_digest=digest,
            created_at=moment,
            updated_at=moment,
        ).save()
        await JobStep.insert(*_steps(job, ready.plan, ready.selection))

    async def _check_consents(self, owner: UUID, prepared: Prepared) -> None:
        missing = set(await self._consents.missing(owner, prepared.assets.values()))
        if not missing:
            return
        errors = [
            FieldError(pointer=f"/inputs/{name}", code="consent_missing", message="has no consent of the person")
            for name, asset in prepared.assets.items()
            if asset in missing
        ]
        raise ApiError(
            422,
            "consent_missing",
            "a portrait or voice is used whose owner's consent is not filed",
            remedy="file it: POST /api/assets/{id}/consents",
            errors=errors,
        )

    async def _selection(self, part: Part, plan: Plan, field: str) -> Selection:
        try:
            return await self._in_thread(part.selection, plan, self._store)
        except InputError as error:
            hint = f"; {error.remedy}" if error.remedy else ""
            message = error.message.removeprefix(f"{error.field}: ")  # the command line's name of it
            raise invalid([FieldError(pointer=f"/{field}", message=f"{message}{hint}")]) from None

    # Looking

    async def one(self, owner: UUID, job: UUID, *columns: Column) -> Row:
        """One of a person's jobs. Raises a 404."""
        row = await Job.select(*columns).where(Job.id == job, Job.owner == owner).first()
        if row is None:
            raise not_found("job")
        return row

    @staticmethod
    async def steps(job: UUID) -> list[Row]:
        """The steps of a job's present attempt."""
        return await JobStep.select().where(JobStep.job == job).order_by(JobStep.position, JobStep.id)

    # Changing

    async def change(self, owner: UUID, job: UUID, change: structs.JobChange) -> Row:
        """Another title, description or priority. Raises 404, and 409 for the priority of what has begun."""
        async with self._database.exclusive(LOCK):
            row = await self.one(owner, job)
            values: dict[Column | str, Any] = {Job.updated_at: now()}
            if change.title is not None:
                values[Job.title] = change.title
            if change.description is not None:
                values[Job.description] = change.description
            if change.priority is not None and change.priority.value != row["priority"]:
                if row["state"] != JobState.pending.value:
                    raise conflict("it has begun: its priority counts no more", code="job_begun", field="priority")
                values[Job.priority] = change.priority.value
            await Job.update(values).where(Job.id == job)
            row = await self.one(owner, job)
            await write(self._database, [of_job(row)])
        self._hub.wake()
        if change.priority is not None:
            self._submitter.move(job)
        return row

    async def cancel(self, owner: UUID, job: UUID) -> Row:
        """Ask that it be stopped. What is over stays as it is. Raises a 404."""
        async with self._database.exclusive(LOCK):
            row = await self.one(owner, job)
            if JobState(row["state"]).over:
                return row
            if row["cancel_requested_at"] is None:
                await Job.update({Job.cancel_requested_at: now()}).where(Job.id == job)
                row = await self.one(owner, job)
                await write(self._database, [of_job(row)])
        self._hub.wake()
        self._submitter.ask(job)
        return row

    async def retry(self, owner: UUID, job: UUID, wanted: structs.Retry) -> Row:
        """Another attempt. Raises 404, 409 while one is going on, 422 for what the pipeline or the job cannot have."""
        row = await self.one(owner, job)
        _must_be_over(row)
        providers = (msgspec.json.decode(row["providers"]) if row["providers"] else {}) | wanted.providers
        plan = await self._plan(await self._pipelines.version(row["pipeline_version"]), providers)
        made = made_of(row)
        rewrite = made is not None and wanted.from_step == made.step  # the edit was of what is written anew
        supplied = {} if rewrite else await self._in_thread(supply_edit, self._store, row)
        part = Part(
            from_step=wanted.from_step,
            until_step=retried_until(row, wanted, plan),
            item=wanted.item,
            anew=wanted.whole,
            supplied=supplied,
        )
        selection = await self._selection(part, plan, "item" if wanted.item and not wanted.from_step else "from_step")
        if row["inputs"] != row["parameters"]:  # else it names no assets: it was begun in Prefect's pages
            inputs = msgspec.json.decode(row["inputs"], type=dict[str, Any])
            prepared = await prepare(self._assets, self._store, self._in_thread, owner, plan, inputs)
            await self._check_consents(owner, prepared)
        async with self._database.exclusive(LOCK):
            row = await self.one(owner, job)
            _must_be_over(row)
            await self._begin_again(row, part, providers)
            if rewrite:
                await Job.update({Job.script_edit: ""}).where(Job.id == job)
            await JobStep.delete().where(JobStep.job == job)
            await JobStep.insert(*_steps(job, plan, selection))
            row = await self.one(owner, job)
            await write(self._database, [of_job(row)])
        self._hub.wake()
        self._submitter.ask(job)
        return row

    @staticmethod
    async def _begin_again(row: Row, part: Part, providers: Mapping[str, str]) -> None:
        values: dict[Column | str, Any] = {
            Job.state: JobState.pending,
            Job.attempt: row["attempt"] + 1,
            Job.flow_run: None,
            Job.part: _json(part),
            Job.purpose: row["purpose"] if part.until_step else Purpose.course,
            Job.providers: _json(providers),
            Job.progress: 0.0,
            Job.message: "",
            Job.error: "",
            Job.outputs: "",
            Job.started_at: None,
            Job.ended_at: None,
            Job.cancel_requested_at: None,
            Job.updated_at: now(),
        }
        await Job.update(values).where(Job.id == row["id"])

    async def delete(self, owner: UUID, job: UUID) -> None:
        """Remove it with its results. Raises 404, and 409 while it is going on."""
        async with self._database.exclusive(LOCK):
            row = await self.one(owner, job)
            _must_be_over(row, "delete")
            await self._assets.release_results([job])
            await Job.delete().where(Job.id == job)
        if row["script_edit"]:
            await self._in_thread(forget_edit, self._store, job)
        if row["flow_run"] is not None:
            self._submitter.forget(row["flow_run"])

    async def drop_previews(self, before: datetime) -> None:
        """Remove the previews that were asked for before that time and are over."""
        old = (Job.purpose == Purpose.preview.value) & (Job.created_at < before) & Job.state.not_in(ACTIVE)
        for row in await Job.select(Job.id, Job.owner).where(old):
            await self.delete(row["owner"], row["id"])


def _must_be_over(row: Row, what: str = "repeat") -> None:
    if not JobState(row["state"]).over:
        raise conflict(
            f"the job is {row['state']}",
            code="job_active",
            remedy=f"wait until it is over, or cancel it; then {what} it",
        )


def _steps(job: UUID, plan: Plan, selection: Selection) -> list[JobStep]:
    wanted = selection.steps
    return [
        JobStep(job=job, step=step.name, position=index)
        for index, step in enumerate(plan.steps)
        if wanted is None or step.name in wanted
    ]


def _digest(wanted: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(wanted, order="deterministic")).hexdigest()


def _json(value: Mapping[str, Any] | msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
