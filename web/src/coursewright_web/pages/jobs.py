"""The list of jobs, the page of one, and its script."""

from __future__ import annotations

from typing import Any

from coursewright_api.auth.routes import Id
from coursewright_api.service import Services
from litestar import Response, get

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor


class JobPages(PageController):
    """They fetch what they show from `/api/jobs`."""

    path = "/jobs"

    @get("/")
    async def jobs(self, request: Asked, renderer: Renders, visitor: Visitor) -> Response[Any]:
        return renderer.page(request, "jobs.html", visitor=visitor)

    @get("/{job_id:uuid}")
    async def job(
        self, request: Asked, renderer: Renders, service: Services, visitor: Visitor, job_id: Id
    ) -> Response[Any]:
        job = await service.jobs.one(visitor.user_id, job_id)
        return renderer.page(request, "job.html", visitor=visitor, job=job)

    @get("/{job_id:uuid}/script")
    async def script(
        self, request: Asked, renderer: Renders, service: Services, visitor: Visitor, job_id: Id
    ) -> Response[Any]:
        job = await service.jobs.one(visitor.user_id, job_id)
        return renderer.page(request, "script.html", visitor=visitor, job=job)
