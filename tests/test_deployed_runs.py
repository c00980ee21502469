"""Pipelines that Prefect runs: deployed, started from elsewhere, cancelled, cut off and gone on with."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from coursewright.run.server import stop
from coursewright.settings import Settings

CLIENT = """
import asyncio, json, os, sys
from coursewright.run.server import environment
from coursewright.settings import settings_from

settings = settings_from(os.environ)
os.environ.update(environment(settings, (settings.data_dir / "prefect" / "url").read_text()))
from prefect.client.orchestration import get_client
from prefect.deployments import arun_deployment
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelling

async def answer(what, argument):
    async with get_client() as client:
        if what == "submit":
            try:
                run = await arun_deployment("spied/course", parameters=json.loads(argument), timeout=0)
            except PrefectHTTPStatusError as error:
                print(error.response.text)
                return
            print(run.id)
        if what == "cancel":
            await client.set_flow_run_state(argument, Cancelling())
        if what in ("wait", "cancel"):
            while not (run := await client.read_flow_run(argument)).state.is_final():
                await asyncio.sleep(0.1)
            print(json.dumps([run.state.name, run.state.message]))

for line in sys.stdin:
    asyncio.run(answer(*json.loads(line)))
    sys.stdout.flush()
"""


class Client:
    """What somebody asks of Prefect's API. A process of its own: the library reads its settings when it is imported."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, what: str, argument: str) -> str:
        """The answer, one line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, argument]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client failed; its words are above"
        return line.strip()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    @functools.cached_property
    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", CLIENT],
            env={**os.environ, "COURSEWRIGHT_DATA_DIR": str(self._data)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


class Prefect:
    """What somebody does in Prefect's pages, and workers."""

    def __init__(self, terminal: Any, data: Path, client: Client) -> None:
        self.terminal = terminal
        self.data = data
        self.client = client
        self._workers: list[subprocess.Popen[str]] = []

    def submit(self, **parameters: str) -> str:
        return self.client("submit", json.dumps(parameters))

    def end_of(self, run: str) -> list[str]:
        """The name and message of the state it ends in."""
        ended: list[str] = json.loads(self.client("wait", run))
        return ended

    def worker(self, **environment: str) -> subprocess.Popen[str]:
        worker: subprocess.Popen[str] = self.terminal.start(
            "worker", COURSEWRIGHT_DATA_DIR=str(self.data), **environment
        )
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.communicate()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose server the first deployment starts."""
    data = tmp_path_factory.mktemp("deployed")
    yield data
    stop(Settings(data_dir=data))


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[Client]:
    client = Client(data)
    yield client
    client.close()


@pytest.fixture
def prefect(terminal: Any, data: Path, client: Client) -> Iterator[Prefect]:
    deployed = terminal("deploy", "spied.yaml", "--json", COURSEWRIGHT_DATA_DIR=str(data))
    assert deployed.returncode == 0, deployed.stderr
    assert [each["name"] for each in json.loads(deployed.stdout)] == ["spied/course"]
    (data / "inputs").mkdir(parents=True, exist_ok=True)
    (data / "inputs" / "notes.md").write_text((terminal.folder / "notes.md").read_text())
    made = Prefect(terminal, data, client)
    yield made
    made.close()


def until(done: Callable[[], bool], *, patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def test_a_run_from_prefects_pages(prefect: Prefect) -> None:
    assert "'notes' is a required property" in prefect.submit()
    outside, good = prefect.submit(notes="../../calls"), prefect.submit(notes="notes.md")
    prefect.worker()

    state, message = prefect.end_of(outside)
    assert state == "Failed"
    assert "notes: ../../calls is not in the folder of inputs" in message
    assert prefect.end_of(good)[0] == "Completed"
    (results,) = (prefect.data / "results").iterdir()  # there by the time that Prefect says so
    assert {"report.json", "title.txt"} <= {path.name for path in results.iterdir()}


def test_a_worker_that_is_killed_or_stopped_repeats_nothing_that_is_finished(prefect: Prefect) -> None:
    run = prefect.submit(notes="notes.md")
    for end in ("kill", "stop", "Ctrl-C"):
        calls = len(prefect.terminal.calls())
        worker = prefect.worker(SPY_PAUSE_S="0.7")
        until(lambda: len(prefect.terminal.calls()) >= calls + 2)  # noqa: B023  # called at once
        if end == "Ctrl-C":  # all that a terminal's program has started hears of it
            os.killpg(worker.pid, signal.SIGINT)
        else:
            os.kill(worker.pid, signal.SIGKILL if end == "kill" else signal.SIGTERM)
        worker.wait(20)
        until(lambda: not any(processes_of(prefect.data)))
    prefect.worker()

    completed_once(prefect, run)


def test_another_worker_goes_on_with_what_one_had_that_never_comes_back(prefect: Prefect) -> None:
    lost = prefect.worker(SPY_PAUSE_S="0.7", PREFECT_WORKER_HEARTBEAT_SECONDS="1")
    run = prefect.submit(notes="notes.md")
    until(lambda: len(prefect.terminal.calls()) >= 2)
    prefect.worker(PREFECT_WORKER_HEARTBEAT_SECONDS="1")
    time.sleep(3)  # it is there, and takes nothing away from the other
    lost.kill()

    completed_once(prefect, run)


def test_a_run_that_another_worker_has_ends_where_it_was(prefect: Prefect) -> None:
    """As on a machine that was cut off, and has come back."""
    cut_off = prefect.worker(SPY_PAUSE_S="30", PREFECT_WORKER_HEARTBEAT_SECONDS="1")
    run = prefect.submit(notes="notes.md")
    until(lambda: len(prefect.terminal.calls()) >= 1)
    prefect.worker(PREFECT_WORKER_HEARTBEAT_SECONDS="1")
    own = [*processes_of(run)]
    for pid in (cut_off.pid, *map(int, own)):
        os.kill(pid, signal.SIGSTOP)

    assert prefect.end_of(run)[0] == "Completed"
    for pid in (cut_off.pid, *map(int, own)):
        os.kill(pid, signal.SIGCONT)
    until(lambda: not {*own} & {*processes_of(run)}, patience_s=15)
    assert prefect.end_of(run)[0] == "Completed"


def completed_once(prefect: Prefect, run: str) -> None:
    """It ends well, and nobody was asked twice."""
    assert prefect.end_of(run)[0] == "Completed"
    answered = [call.request for call in prefect.terminal.calls() if call.what == "answered"]
    assert len(answered) == len(set(answered)) == 1 + 4 + 4


def processes_of(owner: Path | str) -> Iterator[str]:
    """What a worker has started, and is still there, with the name of a data folder or a run in its environment."""
    words = "coursewright run-deployed|coursewright.run.forking"
    found = subprocess.run(["pgrep", "-f", words], capture_output=True, text=True, check=False)
    for pid in found.stdout.split():
        with contextlib.suppress(OSError):
            if str(owner).encode() in Path(f"/proc/{pid}/environ").read_bytes():
                yield pid


def test_cancelling_in_prefect_stops_the_run(prefect: Prefect) -> None:
    run = prefect.submit(notes="notes.md")
    prefect.worker(SPY_PAUSE_S="30")
    until(lambda: len(prefect.terminal.calls()) >= 1)

    started = time.monotonic()
    state, _ = json.loads(prefect.client("cancel", run))

    assert state == "Cancelled"
    assert time.monotonic() - started < 15, "two seconds of it are this client's start"
    until(lambda: not any(processes_of(run)), patience_s=15)
