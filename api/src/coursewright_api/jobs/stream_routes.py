"""`/api/jobs/{id}/events`, `/api/events` and `/ws/jobs/{id}`: what happens, as it happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, WebSocket, get, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from coursewright_api.auth.identity import Identity
from coursewright_api.auth.routes import Asked, Id
from coursewright_api.jobs.hub import last_id
from coursewright_api.jobs.streams import Message, Streams
from coursewright_api.problems import ApiError, documented
from coursewright_api.service import Services

_MOST = 2**62
LastId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", max_length=40, description="The last event received, to go on after it."),
]
LastIdQuery = Annotated[
    str | None,
    QueryParameter(name="last_event_id", max_length=40, description="The same, for clients without headers."),
]
_STREAM: dict[str, Any] = {
    "media_type": "text/event-stream",
    "responses": {
        **documented(401, 403, 404, 422),
        204: ResponseSpec(None, description="The job is over and there is nothing more to tell."),
    },
}


class StreamController(Controller):
    """Streams of server-sent events.

    Event types: `job` and `step` say how a job or step is now, `end` that nothing more follows.
    """

    tags = ("Events",)

    @get("/api/jobs/{job_id:uuid}/events", summary="Follow a job", **_STREAM)
    async def of_job(
        self, request: Asked, service: Services, job_id: Id, last: LastId = None, last_query: LastIdQuery = None
    ) -> Response[Any]:
        """Begins with how the job is now, or after the last event received; ends with the job."""
        since = _number(last or last_query)
        if not await service.streams.begin(request.user, job_id, since):
            return Response(None, status_code=204)
        return _sse(service.streams, request.user, job_id, since)

    @get("/api/events", summary="Follow all your jobs", **_STREAM)
    async def of_all(
        self, request: Asked, service: Services, last: LastId = None, last_query: LastIdQuery = None
    ) -> Response[Any]:
        """From now on, or after the last event received. Ends with the session."""
        since = _number(last or last_query)
        if since is None:  # from this answer on, though what is streamed begins a little later
            since = await last_id()
        return _sse(service.streams, request.user, None, since)


@websocket("/ws/jobs/{job_id:uuid}")
async def follow_job(
    socket: WebSocket[Identity, Any, Any], service: Services, job_id: Id, last_query: LastIdQuery = None
) -> None:
    """The same messages as JSON: {"id", "type", "data"}; {"type": "heartbeat"} now and then.

    Closed with 1000 when nothing more follows, else with 4000 plus what a request would be answered: 4401 when the
    session has ended. 1012 says that the service stops, and to come again.
    """
    await socket.accept()
    since = _number(last_query)
    try:
        anything = await service.streams.begin(socket.user, job_id, since)
    except ApiError as error:
        await socket.close(4000 + error.status, error.message)
        return
    code, reason = 1000, "nothing more follows"
    if anything and not await _all_sent(socket, service.streams, job_id, since):
        code, reason = (1012, "come again") if service.hub.closing.is_set() else (4401, "the session has ended")
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code, reason)


async def _all_sent(socket: WebSocket[Identity, Any, Any], streams: Streams, job: UUID, since: int | None) -> bool:
    """Send until the job's end, or until either side has gone. Was it the end?"""
    sending = asyncio.create_task(_send(socket, streams, job, since))
    hearing = asyncio.create_task(_hear(socket))
    try:
        await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, hearing):
            task.cancel()
        sent, _ = await asyncio.gather(sending, hearing, return_exceptions=True)
    return sent is True


async def _send(socket: WebSocket[Identity, Any, Any], streams: Streams, job: UUID, since: int | None) -> bool:
    last = ""
    async with contextlib.aclosing(streams.messages(socket.user, job, since)) as messages:
        async for each in messages:
            await socket.send_text(_text(each))
            last = each.type
    return last == "end"


async def _hear(socket: WebSocket[Identity, Any, Any]) -> None:
    """What clients send means nothing; it ends when they have gone."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_data("text")


def _text(message: Message) -> bytes:
    if not message.type:
        return msgspec.json.encode({"type": "heartbeat"})
    told = {"id": message.id, "type": message.type, "data": msgspec.Raw(message.data.encode())}
    return msgspec.json.encode(told)


def _sse(streams: Streams, who: Identity, job: UUID | None, since: int | None) -> Stream:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_told(streams, who, job, since), media_type="text/event-stream", headers=headers)


async def _told(streams: Streams, who: Identity, job: UUID | None, since: int | None) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(streams.messages(who, job, since)) as messages:
        async for each in messages:
            yield _block(each)


def _block(message: Message) -> bytes:
    """As a server-sent event. JSON has no line breaks, so nothing needs to be looked through for them."""
    if not message.type:
        return b": heartbeat\r\n\r\n"
    return f"id: {message.id}\r\nevent: {message.type}\r\ndata: {message.data}\r\n\r\n".encode()


def _number(text: str | None) -> int | None:
    """An event's id; what is none counts as not given, as for EventSource."""
    return min(int(text), _MOST) if text and text.isascii() and text.isdigit() else None
