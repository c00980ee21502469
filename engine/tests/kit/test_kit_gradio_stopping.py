"""Waiting for a Gradio app ends when it should, whatever the app does, and leaves nothing running."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coursewright.errors import Cancelled, TimedOut
from coursewright.kit.gradio import Space
from coursewright.providers import Provider
from coursewright.run.context import RequestContext
from coursewright.testing import Bench
from coursewright.testing.standins.loopback import serve
from coursewright.testing.standins.spaces import SpaceServer

COUNT = ("/count", {"limit": 1})


def cancelled_when(context: RequestContext, reached: Callable[[], object], call: Callable[[], Any]) -> float:
    """Cancel the call once `reached`; the seconds that it went on. Nothing but Cancelled may come of it."""
    times: list[float] = []

    def cancel() -> None:
        reached()
        times.append(time.monotonic())
        context.cancel.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        call()
    ended = time.monotonic()
    thread.join()
    return ended - times[0]


@pytest.fixture
def context(place: Bench, caller: Provider[Any, Any]) -> RequestContext:
    return place.context(caller)


@pytest.fixture
def app(workshop: SpaceServer, context: RequestContext) -> Space:
    return Space(workshop.url, what="the workshop", context=context)


def asked(workshop: SpaceServer, part: str) -> bool:
    return any(part in request["path"] for request in workshop.http)


@pytest.mark.parametrize("attempt", range(4))
def test_a_job_that_runs_is_let_go_and_the_app_is_told(
    app: Space, workshop: SpaceServer, context: RequestContext, attempt: int
) -> None:
    """The library ends such a wait by one of several errors, at random."""
    workshop.switch(hang=True)

    took = cancelled_when(context, lambda: workshop.wait_for(lambda server: server.requests), lambda: app.call(*COUNT))

    assert took < 1.0
    assert asked(workshop, "/cancel")


def test_a_job_in_the_queue_is_taken_out_of_it(
    app: Space, workshop: SpaceServer, context: RequestContext, place: Bench, caller: Provider[Any, Any]
) -> None:
    workshop.switch(hang=True)
    other = Space(workshop.url, what="the workshop", context=place.context(caller))
    results: list[Any] = []
    first = threading.Thread(target=lambda: results.append(other.call("/count", {"limit": 2})))
    first.start()
    workshop.wait_for(lambda server: server.requests)
    queued = threading.Event()

    def follow(done: float, total: float, message: str) -> None:
        if "queue" in message:
            queued.set()

    took = cancelled_when(context, lambda: queued.wait(10), lambda: app.call(*COUNT, progress=follow))
    workshop.switch(hang=None)
    first.join()

    assert took < 1.0
    assert results == ["2"], "another caller's job is not disturbed"
    time.sleep(0.2)
    assert workshop.requests == [{"limit": 2}], "what was cancelled in the queue is never run"


def test_an_app_that_does_not_answer_at_all_is_let_go(
    app: Space, workshop: SpaceServer, context: RequestContext
) -> None:
    workshop.switch(hang=True)

    def freeze() -> None:
        workshop.wait_for(lambda server: server.requests)
        workshop.pause()

    assert cancelled_when(context, freeze, lambda: app.call(*COUNT)) < 1.0


def test_an_app_that_is_being_opened_is_let_go(app: Space, workshop: SpaceServer, context: RequestContext) -> None:
    workshop.switch(config_delay_s=20)

    took = cancelled_when(
        context, lambda: workshop.wait_for(lambda server: asked(server, "/config")), lambda: app.call(*COUNT)
    )

    assert took < 1.0


def test_an_upload_is_let_go(app: Space, workshop: SpaceServer, context: RequestContext, tmp_path: Path) -> None:
    app.endpoints()
    big = tmp_path / "big.wav"
    big.write_bytes(bytes(80_000_000))

    def freeze() -> None:
        workshop.wait_for(lambda server: asked(server, "/upload"))
        workshop.pause()

    took = cancelled_when(context, freeze, lambda: app.call("/animate_again", {"image": big}))

    assert took < 1.0
    assert workshop.requests == []


def test_a_download_is_let_go(context: RequestContext, workshop: SpaceServer, tmp_path: Path) -> None:
    workshop.switch(file_delay_s=20)
    app = Space(workshop.url, what="the workshop", context=context)

    took = cancelled_when(
        context,
        lambda: workshop.wait_for(lambda server: asked(server, "/file=")),
        lambda: app.call("/animate", {"image": None, "sound": None}),
    )

    assert took < 1.0


def test_a_deadline_ends_the_waiting(workshop: SpaceServer, place: Bench, caller: Provider[Any, Any]) -> None:
    workshop.switch(hang=True)
    context = place.context(caller, timeout_s=0.8)
    begun = time.monotonic()

    with pytest.raises(TimedOut):
        Space(workshop.url, what="the workshop", context=context).call(*COUNT)

    assert time.monotonic() - begun < 1.8
    assert asked(workshop, "/cancel")


def test_nothing_begins_once_it_is_cancelled(app: Space, workshop: SpaceServer, context: RequestContext) -> None:
    context.cancel.set()

    with pytest.raises(Cancelled):
        app.call(*COUNT)

    # That an earlier test's session has ended may be told late.
    assert [request["path"] for request in workshop.http if not request["path"].endswith("/reset")] == []


def test_no_thread_and_no_connection_is_left(app: Space, workshop: SpaceServer, context: RequestContext) -> None:
    before = set(threading.enumerate())
    app.call(*COUNT)
    app.endpoints()
    workshop.switch(fail="unexplained")
    for _ in range(3):
        with pytest.raises(Exception, match="gave no reason"):
            app.call(*COUNT)
    workshop.switch(fail=None, hang=True)
    cancelled_when(context, lambda: workshop.wait_for(lambda s: len(s.requests) == 5), lambda: app.call(*COUNT))

    ends = time.monotonic() + 3
    while (left := set(threading.enumerate()) - before) and time.monotonic() < ends:
        time.sleep(0.02)
    assert left == set()


def test_a_process_ends_at_once_though_the_app_hangs(workshop: SpaceServer, tmp_path: Path) -> None:
    """The library's threads are waited for at the end of a process, so each must have ended."""
    workshop.switch(hang=True)
    program = f"""
import threading, types
from pathlib import Path
from coursewright.kit.gradio import Space
from coursewright.errors import Cancelled
from coursewright.testing import bench
with bench(Path({str(tmp_path)!r})) as place:
    context = place.context(types.SimpleNamespace(capability="llm", name="caller", version="1"))
    threading.Timer(1.0, context.cancel.set).start()
    try:
        Space({workshop.url!r}, what="the app", context=context).call("/count", {{"limit": 1}})
    except Cancelled:
        print("cancelled", flush=True)
"""
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("cancelled\n", "", 0)
    assert time.monotonic() - begun < 12, "the time of starting and of one second"


def test_a_check_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursewright.kit.gradio.probing.PROBE_S", 0.6)
    release = threading.Event()

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        import asyncio

        while not release.is_set():
            await asyncio.sleep(0.02)

    with serve(silent) as url:
        begun = time.monotonic()
        health = Space(url, what="the workshop").probe()
        took = time.monotonic() - begun
        release.set()

    assert took < 1.6
    assert (health.state, health.reason) == ("degraded", "the workshop did not answer in time")
