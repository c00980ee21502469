"""Prefect as a service needs it: submitting, cancelling, asking, following. Imports Prefect, which takes seconds.

Every method raises PrefectUnavailable when the server does not answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort
from prefect.events.clients import PrefectEventSubscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.events.schemas.events import Event as PrefectEvent
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import get_current_settings
from prefect.states import Cancelling

from coursewright.capabilities.artifacts import Artifact
from coursewright.plan import Plan
from coursewright.run import deployments
from coursewright.run.deployments import POOL, command
from coursewright.run.orchestrated import (
    Pool,
    PrefectRefused,
    PrefectUnavailable,
    Queue,
    Run,
    RunState,
    Submission,
    TaskRun,
    Told,
    Worker,
)
from coursewright.run.report import Event
from coursewright.run.telling import PREFIX, RESOURCE, TASK

_PAGE = 200
"""Prefect's largest page."""
_PATIENCE_S = 10.0

_STATES: dict[StateType, RunState] = {
    StateType.SCHEDULED: "pending",
    StateType.PENDING: "pending",
    StateType.PAUSED: "pending",
    StateType.RUNNING: "running",
    StateType.CANCELLING: "running",
    StateType.COMPLETED: "completed",
    StateType.FAILED: "failed",
    StateType.CRASHED: "failed",
    StateType.CANCELLED: "cancelled",
}


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except PrefectHTTPStatusError as error:
        kind = PrefectUnavailable if error.response.status_code >= 500 else PrefectRefused
        raise kind(f"the Prefect server answers {error.response.status_code}: {error.response.text[:300]}") from error
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        raise _unanswered(error) from error


def _unanswered(error: Exception) -> PrefectUnavailable:
    if isinstance(error, httpx.ConnectError | ConnectionRefusedError):
        reason = "it takes no connections"
    elif isinstance(error, httpx.TimeoutException | TimeoutError):
        reason = f"it said nothing for {_PATIENCE_S:g} s"
    else:
        reason = "the connection broke"
    return PrefectUnavailable(
        f"the Prefect server does not answer: {reason}", remedy="start it, or correct prefect_api_url"
    )


class Orchestration:
    """A Prefect server. Enter it to open its connections; one event loop uses it."""

    def __init__(self, url: str) -> None:
        api = get_current_settings().api
        self._url = url
        self._client = PrefectClient(
            api=url,
            auth_string=api.auth_string.get_secret_value() if api.auth_string else None,
            api_key=api.key.get_secret_value() if api.key else None,
            httpx_settings={"timeout": httpx.Timeout(_PATIENCE_S)},
        )

    async def __aenter__(self) -> Orchestration:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self._client.__aexit__(*exc_info)

    async def prepare(self) -> None:
        """Make the work pool and its queues where they are missing."""
        with _explained():
            await deployments.ready_pool(self._client)

    async def deploy(self, plan: Plan, bundle: Artifact) -> UUID:
        """Register a pipeline, or its new version; the deployment's id. A work pool that is missing is made."""
        with _explained():
            try:
                deployed = await deployments.deploy(self._client, plan, bundle)
            except PrefectHTTPStatusError as error:
                if error.response.status_code != 404:
                    raise
                await deployments.ready_pool(self._client)
                deployed = await deployments.deploy(self._client, plan, bundle)
            return UUID(deployed.id)

    async def undeploy(self, deployment: UUID) -> None:
        """Take a pipeline out of Prefect's pages. Runs of it that have not begun are deleted with it."""
        with _explained(), contextlib.suppress(ObjectNotFound):
            await self._client.delete_deployment(deployment)

    async def submit(self, wanted: Submission) -> Run | None:
        """Make the run, unless there is one with that key. None when there is no such deployment any more.

        The deployment's form is that of the newest version, the run may be of another: it is not asked.
        """
        body = {
            "name": wanted.name,
            "parameters": dict(wanted.parameters),
            "enforce_parameter_schema": False,
            "idempotency_key": wanted.key,
            "work_queue_name": wanted.queue,
            "job_variables": {
                "command": command(wanted.bundle, part=wanted.part, providers=wanted.providers, job=wanted.job)
            },
        }
        with _explained():
            try:
                response = await self._client.request(
                    "POST", "/deployments/{id}/create_flow_run", path_params={"id": wanted.deployment}, json=body
                )
            except ObjectNotFound:
                return None
            except PrefectHTTPStatusError as error:
                if error.response.status_code == 404:
                    return None
                raise
        return _run(FlowRun.model_validate(response.json()))

    async def cancel(self, flow_run: UUID) -> None:
        """Ask that it be stopped; its process is told within seconds."""
        with _explained(), contextlib.suppress(ObjectNotFound):
            await self._client.set_flow_run_state(flow_run, Cancelling())

    async def move(self, flow_run: UUID, queue: str) -> None:
        """Put a waiting run into another queue."""
        with _explained():
            body = {"work_queue_name": queue}
            await self._client.request("PATCH", "/flow_runs/{id}", path_params={"id": flow_run}, json=body)

    async def forget(self, flow_run: UUID) -> None:
        """Delete a run from Prefect's records."""
        with _explained(), contextlib.suppress(ObjectNotFound):
            await self._client.delete_flow_run(flow_run)

    async def runs(self, ids: Sequence[UUID]) -> list[Run]:
        """These runs, as far as Prefect knows them."""
        found: list[Run] = []
        for start in range(0, len(ids), _PAGE):
            asked = filters.FlowRunFilterId(any_=list(ids[start : start + _PAGE]))
            with _explained():
                page = await self._client.read_flow_runs(
                    flow_run_filter=filters.FlowRunFilter(id=asked),
                    sort=FlowRunSort.EXPECTED_START_TIME_DESC,  # the server refuses the client's default, none
                    limit=_PAGE,
                )
            found += map(_run, page)
        return found

    async def recent(self, since: datetime) -> AsyncIterator[list[Run]]:
        """Runs of the pool that were due since then, in pages, the latest first."""
        offset = 0
        while True:
            with _explained():
                page = await self._client.read_flow_runs(
                    flow_run_filter=filters.FlowRunFilter(
                        expected_start_time=filters.FlowRunFilterExpectedStartTime(after_=since)  # type: ignore[arg-type]  # pendulum's alias
                    ),
                    work_pool_filter=_POOL_FILTER,
                    sort=FlowRunSort.EXPECTED_START_TIME_DESC,
                    limit=_PAGE,
                    offset=offset,
                )
            yield [_run(each) for each in page]
            offset += len(page)
            if len(page) < _PAGE:
                return

    async def command_of(self, deployment: UUID) -> str:
        """What a worker starts for runs of a deployment; empty for one that is not there, or not of our kind."""
        with _explained(), contextlib.suppress(ObjectNotFound):
            found = await self._client.read_deployment(deployment)
            return str((found.job_variables or {}).get("command", ""))
        return ""

    async def tasks(self, flow_run: UUID) -> list[TaskRun]:
        """The tasks of a run, each as it was begun last."""
        found: list[TaskRun] = []
        while True:
            with _explained():
                page = await self._client.read_task_runs(
                    flow_run_filter=filters.FlowRunFilter(id=filters.FlowRunFilterId(any_=[flow_run])),
                    sort=TaskRunSort.ID_DESC,
                    limit=_PAGE,
                    offset=len(found),
                )
            found += [_task(each) for each in page]
            if len(page) < _PAGE:
                found.sort(key=lambda task: (task.started_at is None, task.started_at or _EPOCH))
                return list({task.label: task for task in found}.values())

    async def task(self, task_run: UUID) -> TaskRun | None:
        """One task; None when Prefect does not know it."""
        with _explained(), contextlib.suppress(ObjectNotFound):
            return _task(await self._client.read_task_run(task_run))
        return None

    async def ping(self) -> None:
        """Return when Prefect answers."""
        with _explained():
            if (error := await self._client.api_healthcheck()) is not None:
                raise _unanswered(error) from error

    async def echo(self, message: str, key: str) -> UUID:
        """Begin a run that says the message back; its id."""
        with _explained():
            deployment = await deployments.deploy_echo(self._client)
            run = await self._client.create_flow_run_from_deployment(
                deployment, parameters={"message": message}, idempotency_key=key
            )
        return run.id

    async def pool(self) -> Pool:
        """The work pool, its queues and workers."""
        with _explained():
            pool = await self._client.read_work_pool(POOL)
            ours = filters.WorkQueueFilter(name=filters.WorkQueueFilterName(any_=list(deployments.QUEUES)))
            queues = await self._client.read_work_queues(
                work_pool_name=POOL, work_queue_filter=ours, limit=_PAGE, offset=0
            )
            workers = await self._client.read_workers_for_work_pool(POOL, limit=_PAGE, offset=0)
            waiting = [await self._count(["SCHEDULED", "PENDING"], queue=queue.name) for queue in queues]
            running = await self._count(["RUNNING", "CANCELLING"])
        return Pool(
            name=pool.name,
            paused=pool.is_paused,
            queues=[
                Queue(name=queue.name, priority=queue.priority, waiting=count)
                for queue, count in zip(queues, waiting, strict=True)
            ],
            workers=[
                Worker(name=each.name, online=each.status.value == "ONLINE", heard_at=_plain(each.last_heartbeat_time))
                for each in workers
            ],
            running=running,
        )

    async def _count(self, states: list[str], queue: str | None = None) -> int:
        body: dict[str, Any] = {
            "flow_runs": {
                "state": {"type": {"any_": states}},
                "expected_start_time": {"before_": datetime.now(UTC).isoformat()},
            },
            "work_pools": {"name": {"any_": [POOL]}},
        }
        if queue is not None:
            body["work_pool_queues"] = {"name": {"any_": [queue]}}
        response = await self._client.request("POST", "/flow_runs/count", json=body)
        return int(response.json())

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[AsyncIterator[Told]]:
        """What is told of flow runs from now on, and of the last minute again. It ends, or raises
        PrefectUnavailable, when the connection does: something may have been missed by then."""
        names = EventFilter(event=EventNameFilter(prefix=["prefect.flow-run.", PREFIX]))
        subscriber = PrefectEventSubscriber(api_url=self._url, filter=names, reconnection_attempts=0)
        with _told_apart():
            async with subscriber:
                yield _heard(subscriber)


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    from websockets.exceptions import WebSocketException

    try:
        with _explained():
            yield
    except WebSocketException as error:
        raise PrefectUnavailable(f"the Prefect server's events stopped: {type(error).__name__}") from error


async def _heard(subscriber: PrefectEventSubscriber) -> AsyncIterator[Told]:
    async for each in subscriber:
        if (told := _told(each)) is not None:
            yield told


_POOL_FILTER = filters.WorkPoolFilter(name=filters.WorkPoolFilterName(any_=[POOL]))
_EPOCH = datetime.fromtimestamp(0, UTC)


def _told(event: PrefectEvent) -> Told | None:
    kind, _, identity = event.resource.id.partition(RESOURCE)
    if kind or not identity:
        return None
    try:
        flow_run = UUID(identity)
        said = msgspec.convert(event.payload, Event) if event.event.startswith(PREFIX) else None
    except (ValueError, msgspec.ValidationError):  # of another version, or forged
        return None
    return Told(flow_run=flow_run, at=_plain(event.occurred) or _EPOCH, event=said, task_run=_task_of(event))


def _task_of(event: PrefectEvent) -> UUID | None:
    for each in event.related:
        kind, _, identity = each.id.partition(TASK)
        if not kind and identity:
            with contextlib.suppress(ValueError):
                return UUID(identity)
    return None


def _run(run: FlowRun) -> Run:
    state: State[Any] = run.state or State(type=StateType.PENDING)
    return Run(
        id=run.id,
        key=run.idempotency_key or "",
        name=run.name,
        state=_STATES[state.type],
        state_name=state.name or state.type.value,
        message=state.message or "",
        at=_plain(state.timestamp) or _EPOCH,
        due_at=_plain(run.expected_start_time),
        started_at=_plain(run.start_time),
        ended_at=_plain(run.end_time),
        queue=run.work_queue_name or "",
        parameters=run.parameters,
        command=str((run.job_variables or {}).get("command", "")),
        deployment=run.deployment_id,
        count=run.run_count,
    )


def _task(run: Any) -> TaskRun:
    state = run.state or State(type=StateType.PENDING)
    return TaskRun(
        id=run.id,
        flow_run=run.flow_run_id,
        label=run.name,
        state=state.name or state.type.value,
        message=state.message or "",
        started_at=_plain(run.start_time),
        ended_at=_plain(run.end_time),
    )


def _plain(moment: datetime | None) -> datetime | None:
    """Prefect's moments are of a subclass, which databases do not take."""
    return datetime.fromtimestamp(moment.timestamp(), UTC) if moment is not None else None
