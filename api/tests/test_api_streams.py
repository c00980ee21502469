"""Streams of events, over real sockets: whose they are, what they tell, and when they end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
import websockets
from coursewright_api.auth.identity import Identity
from coursewright_api.auth.liveness import living
from coursewright_api.database.columns import now
from coursewright_api.database.states import JobState, Role
from coursewright_api.database.tables import Job, JobEvent, Session
from coursewright_api.jobs import hub, streams
from coursewright_api.jobs.events import LOCK, of_job, write
from websockets.asyncio.client import ClientConnection

PIPELINE = """
name: spoken
inputs: {text: {type: text}}
steps:
  voice: {uses: tts.espeak, with: {text: "${inputs.text}"}}
outputs: {sound: "${voice.audio}"}
"""
PATIENCE_S = 30
HEARTBEAT: tuple[int, str, dict[str, Any]] = (0, "", {})
pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)  # no row is of interest here


class Live:
    """The service with a job of Bob's, and a door that streams."""

    def __init__(self, api: Any, bob: Any, job: str, address: str, client: httpx.AsyncClient) -> None:
        self.api = api
        self.bob = bob
        self.job = job
        self.address = address
        self.client = client

    async def tell(self, *messages: str, kind: str = "job") -> list[int]:
        """Let these be the job's messages, one event each; their ids."""
        database = self.api.service.database
        before = await hub.last_id()
        async with database.exclusive(LOCK):
            row = await Job.select().where(Job.id == UUID(self.job)).first()
            assert row is not None
            await write(database, [of_job({**row, "message": each}, kind) for each in messages])
        self.api.service.hub.wake()
        rows = await JobEvent.select(JobEvent.id).where(JobEvent.id > before).order_by(JobEvent.id)
        return [each["id"] for each in rows]

    async def end(self) -> None:
        """The job is over."""
        await Job.update({Job.state: JobState.completed, Job.ended_at: now()}).where(Job.id == UUID(self.job))
        await self.tell("", kind="end")

    @contextlib.asynccontextmanager
    async def sse(self, path: str, **options: Any) -> AsyncIterator[Events]:
        options.setdefault("headers", self.bob.headers)
        async with self.client.stream("GET", path, **options) as answer:
            yield Events(answer)

    def socket(self, headers: dict[str, str], query: str = "") -> Any:
        url = f"ws://{self.address}/ws/jobs/{self.job}{query}"
        return websockets.connect(url, additional_headers=headers, proxy=None)


class Events:
    """What comes over a stream of server-sent events."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[int, str, dict[str, Any]] | None:
        """The next event's id, type and data; None at the end."""
        found: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif found:
                    return int(found.get("id", 0)), found.get("event", ""), json.loads(found.get("data", "{}"))
        return None

    async def some(self) -> tuple[int, str, dict[str, Any]]:
        """The next event that is no heartbeat, which there is."""
        while (event := await self.next()) == HEARTBEAT:
            pass
        assert event is not None
        return event

    async def rest(self) -> list[tuple[int, str, dict[str, Any]]]:
        """All until its end, but for heartbeats."""
        found = []
        while (event := await self.next()) is not None:
            found += [event] if event != HEARTBEAT else []
        return found


async def received(messages: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        return dict(json.loads(await messages.recv()))


async def closed(messages: ClientConnection) -> int | None:
    """How it was closed."""
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await messages.recv()
        await messages.wait_closed()
    return messages.close_code


@contextlib.asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as door:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=5))
        serving = asyncio.create_task(server.serve(sockets=[door]))
        yield f"127.0.0.1:{door.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens every few seconds, many times a second."""
    monkeypatch.setattr(streams, "CHECK_S", 0.05)
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)


@pytest.fixture
async def live(start: Any, tmp_path: Path) -> AsyncIterator[Live]:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "spoken.yaml").write_text(PIPELINE)
    api = await start(pipelines_dir=str(tmp_path / "pipelines"))
    await api.service.pipelines.refresh()
    bob = await api.author()
    made = await bob.ask("POST", "/api/jobs", json={"pipeline": "spoken", "inputs": {"text": "Hello."}})
    async with (
        listening(api.client._transport.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}", timeout=PATIENCE_S) as client,
    ):
        yield Live(api, bob, made.json()["id"], address, client)


async def test_a_job_is_followed_to_its_end(live: Live) -> None:
    async with live.sse(f"/api/jobs/{live.job}/events") as events, live.socket(live.bob.headers) as messages:
        begun = [await events.some() for _ in range(2)]
        assert [(kind, data["status"]) for _, kind, data in begun] == [("step", "waiting"), ("job", "pending")]
        assert [(await received(messages))["data"] for _ in begun] == [data for _, _, data in begun]
        told = await live.tell("one", "two")
        assert [(await events.some())[0] for _ in told] == told
        assert [(await received(messages))["data"]["message"] for _ in told] == ["one", "two"]
        await live.end()
        assert [kind for _, kind, _ in await events.rest()] == ["end"]
        assert (await received(messages))["type"] == "end"
        assert await closed(messages) == 1000
    assert live.api.service.streams.count == 0


async def test_nobody_follows_the_jobs_of_others(live: Live) -> None:
    carol = await live.api.author("carol")
    async with live.sse(f"/api/jobs/{live.job}/events", headers=carol.headers) as events:
        assert events.status == 404
    async with live.socket(carol.headers) as messages:
        assert await closed(messages) == 4404
    async with live.sse("/api/events", headers=carol.headers) as hers, live.sse("/api/events") as his:
        (last,) = await live.tell("of Bob")
        assert (await his.some())[0] == last
        made = await carol.ask("POST", "/api/jobs", json={"pipeline": "spoken", "inputs": {"text": "Mine."}})
        assert (await hers.some())[2]["job"] == made.json()["id"]
    async with live.sse("/api/events", headers=carol.headers, params={"last_event_id": "0"}) as hers:
        assert (await hers.some())[2]["job"] == made.json()["id"]


@on_sqlite
async def test_a_cookie_opens_a_socket_only_for_our_own_pages(live: Live) -> None:
    login = {"email": "bob@example.org", "password": "correct horse battery", "cookies": True}
    assert (await live.client.post("/api/auth/login", json=login)).status_code == 200
    cookie = {"Cookie": f"coursewright_access={live.client.cookies['coursewright_access']}"}
    async with live.sse(f"/api/jobs/{live.job}/events", headers={}) as events:
        assert await events.next() is not None
    async with live.socket({**cookie, "Origin": f"http://{live.address}"}) as messages:
        assert (await received(messages))["data"]["job"] == live.job
    for headers in ({**cookie, "Origin": "https://evil.example"}, {**cookie, "Origin": "null"}, {}):
        with pytest.raises(websockets.InvalidStatus):
            async with live.socket(headers):
                pass
    broken = {**cookie, "Authorization": "Bearer x", "Origin": f"http://{live.address}"}
    with pytest.raises(websockets.InvalidStatus):
        async with live.socket(broken):
            pass


async def revoked(live: Live) -> None:
    assert (await live.bob.ask("POST", "/api/auth/logout")).status_code == 204


async def expired(_: Live) -> None:
    await Session.update({Session.expires_at: now() - timedelta(seconds=1)}).where(Session.ended_at.is_null())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("over", [revoked, expired])
async def test_streams_end_with_the_session(live: Live, over: Any) -> None:
    async with (
        live.sse(f"/api/jobs/{live.job}/events") as one,
        live.sse("/api/events") as every,
        live.socket(live.bob.headers) as messages,
    ):
        assert [kind for _, kind, _ in (await one.some(), await one.some())] == ["step", "job"]
        assert await received(messages)
        await over(live)
        assert await one.rest() == []
        assert await every.rest() == []
        assert await closed(messages) == 4401
    async with live.sse("/api/events") as again:
        assert again.status == 401


@on_sqlite
@pytest.mark.usefixtures("quick")
async def test_streams_end_with_the_api_key(live: Live) -> None:
    made = (await live.bob.ask("POST", "/api/auth/api-keys", json={"name": "n", "scopes": ["read"]})).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    async with live.sse("/api/events", headers=headers) as by_key, live.sse("/api/events") as by_session:
        assert (await live.bob.ask("DELETE", f"/api/auth/api-keys/{made['info']['id']}")).status_code == 204
        assert await by_key.rest() == []
        (told,) = await live.tell("still there")
        assert (await by_session.some())[0] == told


@on_sqlite
@pytest.mark.usefixtures("quick")
async def test_who_comes_while_sessions_are_looked_at_may_stay(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, answered = asyncio.Event(), asyncio.Event()

    async def slow(who: Any) -> Any:
        alive = await living(who)
        looking.set()
        await answered.wait()
        return alive

    monkeypatch.setattr("coursewright_api.jobs.streams.living", slow)
    await asyncio.wait_for(looking.wait(), PATIENCE_S)
    async with live.sse("/api/events") as events:
        (before,) = await live.tell("before")
        assert (await events.some())[0] == before
        answered.set()
        (after,) = await live.tell("after")
        assert (await events.some())[0] == after


async def test_who_comes_back_misses_nothing_and_hears_nothing_twice(live: Live) -> None:
    """Cut off after one, two, three … events, while more are being written."""
    (first,) = await live.tell("begin")
    wanted: list[int] = []

    async def talk() -> None:
        for number in range(30):
            wanted.extend(await live.tell(f"{number}a", f"{number}b"))
        await live.end()

    talking = asyncio.create_task(talk())
    heard, last, over = [], first, False
    for cut in range(1, 60):
        headers = {**live.bob.headers, "Last-Event-ID": str(last)}
        async with live.sse(f"/api/jobs/{live.job}/events", headers=headers) as events:
            for _ in range(cut):
                last, kind, _ = await events.some()
                heard.append(last)
                if over := kind == "end":
                    break
        if over:
            break
    await talking
    assert over
    assert heard[:-1] == wanted


@on_sqlite
@pytest.mark.parametrize("last", ["", "x", "-1", "1.5", "９", "9" * 39])
async def test_odd_ids_of_last_events_are_no_fault(live: Live, last: str) -> None:
    await live.end()
    async with live.sse(f"/api/jobs/{live.job}/events", params={"last_event_id": last}) as events:
        assert events.status == (204 if last == "9" * 39 else 200)
        kinds = [kind for _, kind, _ in await events.rest()]
    assert kinds == ([] if last == "9" * 39 else ["step", "job", "end"])


@on_sqlite
@pytest.mark.usefixtures("quick")
async def test_silence_has_heartbeats(live: Live) -> None:
    async with live.sse("/api/events") as events, live.socket(live.bob.headers) as messages:
        assert await events.next() == await events.next() == HEARTBEAT
        assert [(await received(messages))["type"] for _ in range(2)] == ["step", "job"]
        assert await received(messages) == await received(messages) == {"type": "heartbeat"}
        (told,) = await live.tell("not silent any more")
        assert (await events.some())[0] == told


@pytest.mark.parametrize("whole", [True, False], ids=["all jobs", "one job"])
async def test_a_slow_follower_is_given_from_the_database_what_it_missed(
    live: Live, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Its queue holds four events, and a page of the database seven."""
    monkeypatch.setattr(hub, "QUEUED", 4)
    monkeypatch.setattr(streams, "PAGE", 7)
    monkeypatch.setattr(streams, "events_after", lambda owner, job, since: hub.events_after(owner, job, since, 7))
    bob = Identity(user_id=UUID(live.bob.id), username="bob", email="", role=Role.author, session_id=uuid4())
    service = live.api.service
    async with contextlib.aclosing(
        service.streams.messages(bob, None if whole else UUID(live.job), await hub.last_id())
    ) as messages:
        (first,) = await live.tell("first")
        assert (await anext(messages)).id == first
        told = await live.tell(*map(str, range(5)))
        told += await live.tell(*map(str, range(40)))
        (follower,) = service.streams._open
        async with asyncio.timeout(PATIENCE_S):
            while not follower.missed:
                await asyncio.sleep(0.01)
        told += await live.tell("last")
        async with asyncio.timeout(PATIENCE_S):
            assert [(await anext(messages)).id for _ in told] == told


@pytest.mark.parametrize("ready_url", ["postgres"], indirect=True)
async def test_processes_of_the_service_wake_each_other(
    start: Any, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by one, followed at another, which does not look by itself."""
    monkeypatch.setattr(hub, "_LOOK_S", 10 * PATIENCE_S)
    other = await start()
    async with live.sse("/api/events") as events:
        (told,) = await live.tell("before")
        assert (await events.some())[0] == told
        live.api = other
        (told,) = await live.tell("from elsewhere")
        assert (await events.some())[0] == told
