"""Pipelines as Prefect deployments: a form for each, and runs that any worker takes. Imports Prefect."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from uuid import UUID

import msgspec
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from coursewright.capabilities.artifacts import Artifact
from coursewright.compile.forms import plain_schema_of_inputs
from coursewright.plan import Plan
from coursewright.run.parts import Part
from coursewright.run.references import reference_of

POOL = "coursewright"
"""The work pool of all pipelines. Its type is `process`, so that Prefect's own workers serve it too."""
WORKER = "prefect.worker.name"
"""The label by which Prefect says which worker has a run."""
DEPLOYMENT = "course"
QUEUES = {"urgent": 1, "high": 2, "normal": 3, "low": 4}
"""Work queues by name, with their priority: a worker empties a lower number first."""
TAG = "coursewright"
ECHO = "coursewright-echo"
_ALL = Part()


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """One registered pipeline: its name in Prefect, and the deployment's id."""

    name: str
    id: str


async def ready_pool(client: PrefectClient) -> None:
    """Make the work pool and its queues, where they are missing."""
    template = ProcessWorker.get_default_base_job_template()
    with suppress(ObjectAlreadyExists):
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
    for queue, priority in QUEUES.items():
        with suppress(ObjectAlreadyExists):
            await client.create_work_queue(queue, priority=priority, work_pool_name=POOL)


async def deploy_all(pipelines: Iterable[tuple[Plan, Artifact]]) -> list[Deployed]:
    """Register pipelines, each with its bundle, at the Prefect server of the environment."""
    async with get_client() as client:
        await ready_pool(client)
        return [await deploy(client, plan, bundle) for plan, bundle in pipelines]


async def deploy_echo(client: PrefectClient) -> UUID:
    """Register the run that only answers."""
    flow_id = await client.create_flow_from_name(ECHO)
    return await client.create_deployment(
        flow_id,
        DEPLOYMENT,
        description="Says back what it is given, to see whether a worker takes runs.",
        tags=[TAG],
        work_pool_name=POOL,
        work_queue_name="urgent",
        parameter_openapi_schema={"type": "object", "properties": {"message": {"type": "string"}}},
        enforce_parameter_schema=True,
        entrypoint="coursewright.run.echoing:main",
        job_variables={"command": "coursewright run-echo"},
    )


async def deploy(client: PrefectClient, plan: Plan, bundle: Artifact) -> Deployed:
    """Register a pipeline, or its new version. Runs that exist keep the version they were made with."""
    flow_id = await client.create_flow_from_name(plan.name)
    deployment_id = await client.create_deployment(
        flow_id,
        DEPLOYMENT,
        version=bundle.digest[:12],
        description=plan.description or plan.title or None,
        tags=[TAG],
        work_pool_name=POOL,
        work_queue_name="normal",
        parameters={},
        parameter_openapi_schema=plain_schema_of_inputs(plan),
        enforce_parameter_schema=True,
        entrypoint="coursewright.run.deployed:main",
        job_variables={"command": command(reference_of(bundle))},
    )
    return Deployed(name=f"{plan.name}/{DEPLOYMENT}", id=str(deployment_id))


def command(bundle: str, *, part: Part = _ALL, providers: Mapping[str, str] | None = None, job: str = "") -> str:
    """What a worker starts for one run of the bundle with that reference. The program is found on the worker's PATH."""
    words = [*part.options(), *(word for each in (providers or {}).items() for word in ("--provider", "=".join(each)))]
    return shlex.join(["coursewright", "run-deployed", *words, *(["--job", job] if job else []), bundle])
