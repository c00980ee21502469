"""`/api/jobs/{id}/script`: reading and editing what a course says, before it is made or made anew."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, delete, get, put
from litestar.params import HeaderParameter, JSONBody

from coursewright_api.auth.routes import Asked, Id
from coursewright_api.jobs.script_structs import JobScript, ScriptEdit
from coursewright_api.problems import documented
from coursewright_api.service import Service, Services

Tag = Annotated[str, HeaderParameter(name="If-Match", max_length=80, description="The `ETag` of what was changed.")]


class ScriptController(Controller):
    """The script of a job: what is said and shown in its scenes."""

    path = "/api/jobs/{job_id:uuid}/script"
    tags = ("Jobs",)

    @get("", summary="The script of a job", responses=documented(401, 403, 404))
    async def script(self, request: Asked, service: Services, job_id: Id) -> Response[JobScript]:
        """With what is out of date by it, and what making that takes. 404 until a script is written."""
        return await _shown(service, request, job_id)

    @put("", summary="Edit the script of a job", responses=documented(401, 403, 404, 409, 422))
    async def change(
        self, request: Asked, data: JSONBody[ScriptEdit], service: Services, job_id: Id, if_match: Tag = ""
    ) -> Response[JobScript]:
        """The course is made of it by the next `POST /api/jobs/{id}/retry`: only what is out of date."""
        await service.scripts.change(request.user.user_id, job_id, data, if_match.strip('"'))
        return await _shown(service, request, job_id)

    @delete(
        "",
        summary="Go back to the script as it was last made",
        status_code=200,
        responses=documented(401, 403, 404, 409, 422),
    )
    async def discard(self, request: Asked, service: Services, job_id: Id, if_match: Tag = "") -> Response[JobScript]:
        await service.scripts.discard(request.user.user_id, job_id, if_match.strip('"'))
        return await _shown(service, request, job_id)


async def _shown(service: Service, request: Asked, job_id: Id) -> Response[JobScript]:
    script, tag = await service.scripts.shown(request.user.user_id, job_id)
    return Response(script, headers={"ETag": f'"{tag}"', "Cache-Control": "no-store"})
