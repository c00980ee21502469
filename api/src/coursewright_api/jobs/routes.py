"""`/api/jobs`: runs of pipelines, of the person who asks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from coursewright_api.auth.routes import Asked, Id
from coursewright_api.database.states import Priority
from coursewright_api.fields import FieldError
from coursewright_api.jobs import lists, structs, views
from coursewright_api.jobs.batch import jobs_in, placed
from coursewright_api.jobs.records import Ready
from coursewright_api.pages import Cursor, Limit, Order, Page, page_of
from coursewright_api.pipelines.structs import Estimate
from coursewright_api.problems import ApiError, documented, invalid
from coursewright_api.service import Service, Services

_BY = {structs.Sort.created: "created_at", structs.Sort.updated: "updated_at", structs.Sort.by_title: "title"}


def _moment(description: str) -> QueryParameter:
    return QueryParameter(max_length=40, format=OpenAPIFormat.DATE_TIME, description=description)


Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", max_length=200, description="Sent again, it makes no second job."),
]


@dataclass
class _Table(Operation):
    """A CSV table as the body."""

    def __post_init__(self) -> None:
        content: dict[str, OpenAPIMediaType] = {"text/csv": OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))}
        self.request_body = RequestBody(required=True, content=content)


class JobController(Controller):
    """Making jobs, looking at them, changing, stopping, repeating and deleting them."""

    path = "/api/jobs"
    tags = ("Jobs",)

    @get("/", summary="List your jobs", responses=documented(401, 403, 422))
    async def jobs(
        self,
        request: Asked,
        service: Services,
        pipeline: Annotated[str, QueryParameter(max_length=64)] = "",
        status: Annotated[structs.Status | None, QueryParameter(description="`active`: pending or running.")] = None,
        priority: Annotated[Priority | None, QueryParameter()] = None,
        batch: Annotated[UUID | None, QueryParameter()] = None,
        asset: Annotated[UUID | None, QueryParameter(description="Made from this asset.")] = None,
        since: Annotated[str | None, _moment("Made at or after.")] = None,
        until: Annotated[str | None, _moment("Made before.")] = None,
        text: Annotated[str, QueryParameter(max_length=200, description="Part of title or description.")] = "",
        sort: Annotated[structs.Sort, QueryParameter()] = structs.Sort.created,
        order: Annotated[Order, QueryParameter()] = Order.desc,
        limit: Limit = 50,
        cursor: Cursor = "",
    ) -> Page[structs.JobInfo]:
        rows = await lists.page(
            request.user.user_id,
            pipeline=pipeline,
            status=status,
            priority=priority.value if priority else None,
            batch=batch,
            asset=asset,
            since=_utc(since, "since"),
            until=_utc(until, "until"),
            text=text,
            sort=sort,
            order=order,
            limit=limit,
            cursor=cursor,
        )
        return page_of(rows, limit, views.info, _BY[sort], "id")

    @post("/", summary="Run a pipeline", responses=documented(401, 403, 404, 409, 422))
    async def create(
        self, request: Asked, data: JSONBody[structs.NewJob], service: Services, key: Key = None
    ) -> structs.JobDetail:
        """Answers at once; the job is then handed to a worker. Files are ids of assets."""
        owner = request.user.user_id
        (job,) = await service.jobs.make(owner, [await service.jobs.check(owner, data)], key=key or None)
        return await views.detail(service, owner, job)

    @post("/estimate", summary="What would it take?", status_code=200, responses=documented(401, 403, 404, 422))
    async def estimate(self, request: Asked, data: JSONBody[structs.NewJob], service: Services) -> Estimate:
        """Time, money and where data would be sent, before anything is made. What nobody knows is null."""
        ready = await service.jobs.check(request.user.user_id, data)
        return await service.pipelines.estimate(ready.plan, ready.prepared.values, version_id=ready.version["id"])

    @post(
        "/batch",
        summary="Run a pipeline for each row of a table",
        operation_class=_Table,
        responses=documented(401, 403, 404, 415, 422),
    )
    async def batch(
        self,
        request: Asked,
        service: Services,
        pipeline: Annotated[str, QueryParameter(max_length=64)],
        priority: Annotated[Priority, QueryParameter()] = Priority.normal,
    ) -> structs.BatchDone:
        """The body is CSV; its first row names inputs of the pipeline, or `title`, `description`, `priority`.

        All rows are checked before any job is made. Errors name rows from 1 on.
        """
        if request.content_type[0] not in ("text/csv", "text/plain"):
            raise ApiError(415, "unsupported_media_type", "a table is sent as text/csv")
        owner = request.user.user_id
        _, plan = await service.pipelines.current(pipeline)
        wanted = jobs_in(await request.body(), {"pipeline": pipeline, "priority": priority.value}, plan.inputs)
        ready = await _all_ready(service, owner, wanted)
        batch = uuid.uuid4()
        return structs.BatchDone(batch=batch, jobs=await service.jobs.make(owner, ready, batch=batch))

    @post("/bulk", summary="Do the same to many jobs", status_code=200, responses=documented(401, 403, 422))
    async def bulk(self, request: Asked, data: JSONBody[structs.Bulk], service: Services) -> structs.BulkDone:
        """Each is told of by itself: what is wrong with one keeps none of the others."""
        owner, jobs = request.user.user_id, service.jobs
        done = []
        for job in dict.fromkeys(data.ids):
            try:
                match data.action:
                    case "cancel":
                        await jobs.cancel(owner, job)
                    case "retry":
                        await jobs.retry(owner, job, structs.Retry())
                    case "delete":
                        await jobs.delete(owner, job)
                done.append(structs.Done(id=job, ok=True))
            except ApiError as error:
                done.append(structs.Done(id=job, ok=False, code=error.code, message=error.message))
        return structs.BulkDone(items=done)

    @get("/{job_id:uuid}", summary="Get a job with its steps", responses=documented(401, 403, 404))
    async def job(self, request: Asked, service: Services, job_id: Id) -> structs.JobDetail:
        return await views.detail(service, request.user.user_id, job_id)

    @put(
        "/{job_id:uuid}",
        summary="Change title, text or priority",
        responses=documented(401, 403, 404, 409, 422),
    )
    async def change(
        self, request: Asked, data: JSONBody[structs.JobChange], service: Services, job_id: Id
    ) -> structs.JobDetail:
        await service.jobs.change(request.user.user_id, job_id, data)
        return await views.detail(service, request.user.user_id, job_id)

    @patch("/{job_id:uuid}", summary="The same as PUT", responses=documented(401, 403, 404, 409, 422))
    async def change_some(
        self, request: Asked, data: JSONBody[structs.JobChange], service: Services, job_id: Id
    ) -> structs.JobDetail:
        await service.jobs.change(request.user.user_id, job_id, data)
        return await views.detail(service, request.user.user_id, job_id)

    @delete("/{job_id:uuid}", summary="Delete a job with its results", responses=documented(401, 403, 404, 409))
    async def remove(self, request: Asked, service: Services, job_id: Id) -> None:
        await service.jobs.delete(request.user.user_id, job_id)

    @post("/{job_id:uuid}/cancel", summary="Stop a job", status_code=202, responses=documented(401, 403, 404))
    async def cancel(self, request: Asked, service: Services, job_id: Id) -> structs.JobDetail:
        """It is stopped within seconds; what is finished can be used by a retry. One that is over stays as it is."""
        await service.jobs.cancel(request.user.user_id, job_id)
        return await views.detail(service, request.user.user_id, job_id)

    @post("/{job_id:uuid}/retry", summary="Repeat", status_code=202, responses=documented(401, 403, 404, 409, 422))
    async def retry(
        self, request: Asked, data: JSONBody[structs.Retry], service: Services, job_id: Id
    ) -> structs.JobDetail:
        """`{}` makes what is missing and reuses what is finished."""
        await service.jobs.retry(request.user.user_id, job_id, data)
        return await views.detail(service, request.user.user_id, job_id)

    @get("/{job_id:uuid}/steps", summary="The steps of a job", responses=documented(401, 403, 404))
    async def steps(self, request: Asked, service: Services, job_id: Id) -> list[structs.StepInfo]:
        return (await views.detail(service, request.user.user_id, job_id)).steps

    @post(
        "/{job_id:uuid}/steps",
        summary="Repeat a step",
        status_code=202,
        responses=documented(401, 403, 404, 409, 422),
    )
    async def make_step(
        self, request: Asked, data: JSONBody[structs.NewStep], service: Services, job_id: Id
    ) -> structs.JobDetail:
        """And all that follow from it."""
        wanted = structs.Retry(from_step=data.step, item=data.item)
        await service.jobs.retry(request.user.user_id, job_id, wanted)
        return await views.detail(service, request.user.user_id, job_id)

    @get("/{job_id:uuid}/progress", summary="How far a job is", responses=documented(401, 403, 404))
    async def progress(self, request: Asked, service: Services, job_id: Id) -> structs.ProgressInfo:
        row = await service.jobs.one(request.user.user_id, job_id)
        return structs.ProgressInfo(status=row["state"], progress=row["progress"], message=row["message"])

    @get("/{job_id:uuid}/results", summary="What a job has made", responses=documented(401, 403, 404))
    async def results(self, request: Asked, service: Services, job_id: Id) -> structs.Results:
        """With links to the files, which expire."""
        return await views.results(service, request.user.user_id, job_id)

    @get("/{job_id:uuid}/logs", summary="What happened", responses=documented(401, 403, 404, 422))
    async def logs(
        self,
        request: Asked,
        service: Services,
        job_id: Id,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200,
        cursor: Cursor = "",
    ) -> Page[structs.LogLine]:
        """The oldest first."""
        await service.jobs.one(request.user.user_id, job_id)
        return await views.logs(job_id, limit, cursor)


async def _all_ready(service: Service, owner: UUID, wanted: list[structs.NewJob]) -> list[Ready]:
    """All jobs of a table, or a 422 with what is wrong in any row."""
    ready, errors = [], []
    for number, each in enumerate(wanted, start=1):
        try:
            ready.append(await service.jobs.check(owner, each))
        except ApiError as error:
            if error.status != 422:
                raise
            errors += [placed(one, number) for one in error.errors] or [
                FieldError(pointer=f"/rows/{number}", message=error.message)
            ]
    if errors:
        raise invalid(errors)
    return ready


def _utc(text: str | None, name: str) -> datetime | None:
    """As text, since Litestar takes numbers for moments, too."""
    if text is None:
        return None
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        message = "expected a time, such as 2026-01-31T12:00:00Z"
        raise invalid([FieldError(parameter=f"query:{name}", message=message)]) from None
    if moment.tzinfo is None:
        raise invalid([FieldError(parameter=f"query:{name}", message="needs an offset, such as Z")])
    return moment
