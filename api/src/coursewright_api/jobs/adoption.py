"""Flow runs and jobs, which is which; and runs begun in Prefect's pages, which become jobs as well."""

from __future__ import annotations

import logging
import shlex
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from coursewright.errors import CoursewrightError, StoreError
from coursewright.run.references import artifact_of

from coursewright_api.database import Database, is_unreachable
from coursewright_api.database.columns import now
from coursewright_api.database.states import JobState, Priority, Role, UserState
from coursewright_api.database.tables import Job, JobStep, User
from coursewright_api.jobs.events import LOCK, of_job, write
from coursewright_api.jobs.submission import job_of
from coursewright_api.pipelines.library import Pipelines
from coursewright_api.settings import ServerSettings

if TYPE_CHECKING:
    from coursewright.run.orchestrated import Run
    from coursewright.run.orchestration import Orchestration

log = logging.getLogger(__name__)


class Adoption:
    """Finds the jobs of flow runs, and makes jobs of those that have none."""

    def __init__(self, database: Database, pipelines: Pipelines, server: ServerSettings) -> None:
        self._database = database
        self._pipelines = pipelines
        self.foreign: set[UUID] = set()
        """Flow runs that are no jobs and will not be."""
        self._owner = server.prefect_owner

    async def jobs_of(self, prefect: Orchestration, runs: Sequence[Run]) -> dict[UUID, UUID]:
        """The job of each flow run that is one, by flow run."""
        rows = await Job.select(Job.id, Job.flow_run).where(Job.flow_run.is_in([run.id for run in runs]))
        found: dict[UUID, UUID] = {row["flow_run"]: row["id"] for row in rows}
        for run in runs:
            if run.id in found:
                continue
            if named := job_of(run.key):
                if await self._linked(run, *named):
                    found[run.id] = named[0]
            elif run.deployment is None or not (bundle := _bundle_of(await prefect.command_of(run.deployment))):
                self.foreign.add(run.id)
            elif _is_due(run) and (job := await self._adopted(run, bundle)):
                found[run.id] = job
        return found

    async def _adopted(self, run: Run, bundle: str) -> UUID | None:
        """One that cannot become a job must not keep others from it."""
        try:
            return await self._adopt(run, bundle)
        except Exception as error:
            if is_unreachable(error):
                raise
            log.exception("the run '%s' of Prefect cannot be a job", run.name)
            self.foreign.add(run.id)
            return None

    @staticmethod
    async def _linked(run: Run, job: UUID, attempt: int) -> bool:
        """Note the flow run of an attempt, where the process that submitted it did not come to it."""
        which = (Job.id == job) & (Job.attempt == attempt) & (Job.flow_run.is_null() | (Job.flow_run == run.id))
        return bool(await Job.update({Job.flow_run: run.id}).where(which).returning(Job.id))

    async def _adopt(self, run: Run, bundle: str) -> UUID | None:
        owner = await self._find_owner()
        if owner is None:
            return None
        try:
            version = await self._pipelines.of_bundle(bundle)
            plan = await self._pipelines.plan_of(version)
        except StoreError as error:  # it is looked at again
            log.warning("the run '%s' of Prefect cannot be a job now: %s", run.name, error)
            return None
        except CoursewrightError as error:
            log.warning("the run '%s' of Prefect cannot be a job: %s", run.name, error)
            self.foreign.add(run.id)
            return None
        moment = now()
        job = Job(
            id=uuid.uuid5(run.id, "job"),
            owner=owner,
            pipeline_version=version["id"],
            pipeline=version["name"],
            title=run.name[:200],
            priority=run.queue if run.queue in set(Priority) else Priority.normal.value,
            inputs=msgspec.json.encode(run.parameters).decode(),
            parameters=msgspec.json.encode(run.parameters).decode(),
            state=JobState.pending.value,
            flow_run=run.id,
            created_at=moment,
            updated_at=moment,
        )
        steps = [JobStep(job=job.id, step=step.name, position=index) for index, step in enumerate(plan.steps)]
        async with self._database.exclusive(LOCK):
            await job.save()
            await JobStep.insert(*steps)
            rows = await Job.select().where(Job.id == job.id)
            await write(self._database, [of_job(row) for row in rows])
        return UUID(str(job.id))

    async def _find_owner(self) -> UUID | None:
        """The configured user, or else the first admin; nobody while there is none."""
        query = User.select(User.id).where(User.state == UserState.active.value)
        if self._owner:
            name = self._owner.lower()
            query = query.where((User.username_key == name) | (User.email == name))
        else:
            query = query.where(User.role == Role.admin.value)
        row: dict[str, Any] | None = await query.order_by(User.created_at).first()
        return row["id"] if row else None


def _is_due(run: Run) -> bool:
    """A schedule makes its runs days before."""
    return run.state != "pending" or run.due_at is None or run.due_at <= now()


def _bundle_of(command: str) -> str:
    """The reference of the bundle that a command names; empty for any other command."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    ours = words[:2] == ["coursewright", "run-deployed"] and artifact_of(words[-1]) is not None
    return words[-1] if ours else ""
