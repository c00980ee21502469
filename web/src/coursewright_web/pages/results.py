"""What a job made."""

from __future__ import annotations

from typing import Any

from coursewright_api.auth.routes import Id
from coursewright_api.service import Services
from litestar import Response, get

from coursewright_web.pages.base import PageController
from coursewright_web.rendering import Renders
from coursewright_web.visitor import Asked, Visitor


class ResultPages(PageController):
    """The player, the files and the links of a job."""

    path = "/jobs"

    @get("/{job_id:uuid}/result")
    async def result(
        self, request: Asked, renderer: Renders, service: Services, visitor: Visitor, job_id: Id
    ) -> Response[Any]:
        job = await service.jobs.one(visitor.user_id, job_id)
        return renderer.page(request, "result.html", visitor=visitor, job=job)
