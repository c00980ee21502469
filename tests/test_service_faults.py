"""Parts of the service that die or are away while jobs go on: what was promised is kept, and nothing is left over.

Each fault strikes at a random moment of the jobs that were just submitted. With COURSEWRIGHT_TEST_SEED the moments are
those of an earlier run. COURSEWRIGHT_TEST_OUTAGE_S=30 COURSEWRIGHT_TEST_JOBS=6 makes outages long and jobs thirty; that
takes minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.postgres import query
from tools.processes import Server
from tools.stack import ADMIN, Stack, is_ready

SEED = int(os.environ.get("COURSEWRIGHT_TEST_SEED") or random.randrange(1_000_000))
OUTAGE_S = float(os.environ.get("COURSEWRIGHT_TEST_OUTAGE_S", "3"))
JOBS = int(os.environ.get("COURSEWRIGHT_TEST_JOBS", "2"))
PATIENCE_S = 60.0 + 2 * OUTAGE_S
"""For a busy machine."""
JUST_S = 1.0
"""What was answered so shortly before a worker died may not have been stored yet, on a busy machine."""

pytestmark = pytest.mark.timeout(180 + 4 * OUTAGE_S)

PLUGIN = '''
import io, os, time, wave
from pathlib import Path
from coursewright.capabilities.llm import Scene, Script
from coursewright.capabilities.tts import Speech
from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

def answer(about, context):
    """Note the call, take a while, note that it is answered."""
    def note(what):
        with Path(os.environ["NOTED_CALLS"]).open("a") as file:
            file.write(f"{time.time()} {what} {about}\\n")
    note("asked")
    for step in range(20):
        if not context.cancelled:
            time.sleep(0.02)
            context.progress(step, 20, "at work")
    note("answered")

class Writer(Provider):
    capability, name, summary, version = "llm", "noted", "notes its calls", "1"
    def run(self, request, context):
        name = request.data["name"]
        answer(name, context)
        return Script(title=name, scenes=[Scene(id=id, title=id, narration=f"{name} {id}") for id in ("one", "two")])

class Voice(Provider):
    capability, name, summary, version = "tts", "noted", "notes its calls", "1"
    def run(self, request, context):
        answer(request.text, context)
        sound = io.BytesIO()
        with wave.open(sound, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
            file.writeframes(request.text.encode().ljust(8000, b"\\0"))
        audio = context.store.put_bytes(sound.getvalue(), name="speech.wav", media_type="audio/wav")
        return Speech(audio=audio, duration_s=0.5, text=request.text)

@hookimpl
def coursewright_providers():
    return [Writer, Voice]
'''
PIPELINE = """
name: noted
inputs: {name: {type: text}}
steps:
  script: {uses: llm.noted, with: {data: {name: "${inputs.name}"}, returns: script}}
  voice: {uses: tts.noted, for_each: "${script.scenes}", with: {text: "${item.narration}"}}
  close: {uses: tts.noted, with: {text: "${script.title} ends"}, needs: [voice]}
outputs: {scenes: "${voice.audio}", end: "${close.audio}"}
"""
CALLS_OF_A_JOB = 4


class Follower(threading.Thread):
    """Reads the stream of a job's events from its beginning to its end, however often it breaks."""

    def __init__(self, urls: list[str], token: str, job: str, turn: int) -> None:
        super().__init__(daemon=True)
        self.job = job
        self.ids: list[int] = []
        self.ended = False
        self.breaks = 0
        self._urls = urls
        self._token = token
        self._turn = turn
        self.start()

    def run(self) -> None:
        turn = self._turn
        while not self.ended:
            try:
                self._read(self._urls[turn % len(self._urls)])
            except httpx.HTTPError:
                time.sleep(0.2)
            self.breaks += not self.ended
            turn += 1

    def _read(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Last-Event-ID": str(self.ids[-1] if self.ids else 0)}
        with httpx.stream("GET", f"{url}/api/jobs/{self.job}/events", headers=headers, timeout=20) as stream:
            stream.raise_for_status()
            if stream.status_code == 204:
                self.ended = True
            number, kind = 0, ""
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "event":
                    kind = value
                elif not line and kind:
                    self.ids.append(number)
                    self.ended, kind = self.ended or kind == "end", ""


class Service:
    """The stack with one who submits jobs and follows them."""

    def __init__(self, stack: Stack, calls: Path) -> None:
        self.stack = stack
        self.followers: list[Follower] = []
        self.loosely: list[tuple[float, float]] = []
        """Between these moments an answer might not be stored."""
        self._calls = calls
        self._token = stack.admin_token
        self.client = httpx.Client(timeout=20)

    def log_in(self) -> None:
        """Have a token that lasts for minutes from now on."""
        self._token = self.stack.login(ADMIN["email"], ADMIN["password"])
        self.client.headers["Authorization"] = f"Bearer {self._token}"

    def submit(self) -> list[Follower]:
        """Jobs, by both APIs at once; whoever gets no answer asks again."""
        with ThreadPoolExecutor(3) as pool:
            names = [f"job{len(self.followers) + number}" for number in range(JOBS)]
            jobs = enumerate(pool.map(self._submit, names))  # each API has followers, whichever is killed
            made = [Follower(self.stack.api_urls, self._token, job, turn) for turn, job in jobs]
        self.followers += made
        return made

    def _submit(self, name: str) -> str:
        body = {"pipeline": "noted", "inputs": {"name": name}, "title": name}
        for turn in range(1000):
            url = self.stack.api_urls[turn % 2 if name[-1] in "02468" else (turn + 1) % 2]
            with contextlib.suppress(httpx.TransportError):
                answer = self.client.post(f"{url}/api/jobs", json=body, headers={"Idempotency-Key": name})
                if answer.status_code < 500:
                    return str(answer.raise_for_status().json()["id"])
            time.sleep(0.2)
        pytest.fail("nobody takes the job")

    def calls(self) -> list[tuple[float, str, str]]:
        """(time, "asked" or "answered", what about) of each note of the providers."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [(float(at), what, about) for at, what, about in (line.split(" ", 2) for line in lines)]

    def query(self, sql: str) -> list[Any]:
        return asyncio.run(query(self.stack.postgres.url, sql))

    def runs(self) -> dict[str, str]:
        """The type of state of each of Prefect's flow runs."""
        answer = httpx.post(
            f"{self.stack.prefect_url}/flow_runs/filter",
            json={"limit": 200, "sort": "EXPECTED_START_TIME_DESC"},
            timeout=20,
        )
        return {run["id"]: run["state_type"].lower() for run in answer.raise_for_status().json()}

    def leader(self) -> int:
        """Which API mirrors Prefect: by the connection that holds the lock; -1 when none does."""
        rows = self.query(
            "SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
            " AND objid = (hashtext('leader mirror')::bigint & 4294967295)::oid"
        )
        held = [n for n, api in enumerate(self.stack.apis) if rows and api.lives and has_port(api.pid, rows[0][0])]
        return held[0] if held else -1


def has_port(pid: int, port: int) -> bool:
    """Has the process a connection from this local port?"""
    sockets = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and f"socket:[{row[9]}]" in sockets for row in rows)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "noted_plugin.py").write_text(PLUGIN)
    info = folder / "noted_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noted-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[coursewright]\nnoted = noted_plugin\n")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "noted.yaml").write_text(PIPELINE)
    environment = {
        "PYTHONPATH": str(folder),
        "NOTED_CALLS": str(folder / "calls"),
        "COURSEWRIGHT_SERVER_PIPELINES_DIR": str(folder / "pipelines"),
    }
    with Stack(folder / "stack", environment=environment) as stack:
        service = Service(stack, folder / "calls")
        try:
            yield service
        finally:
            service.client.close()


Fault = Callable[[Service, random.Random], None]


def leading_api_killed(service: Service, chance: random.Random) -> None:
    """The other one mirrors Prefect within seconds, while this one is gone."""
    until(lambda: service.leader() >= 0)
    leader = service.leader()
    service.stack.apis[leader].kill()
    until(lambda: service.leader() == 1 - leader)
    service.stack.apis[leader].start()
    service.stack.apis[leader].wait_until(functools.partial(is_ready, service.stack.api_urls[leader]))


def worker_killed(service: Service, chance: random.Random) -> None:
    """Its runs are given back when it comes again."""
    worker = chance.choice(service.stack.workers)
    began = time.time()
    worker.kill()
    service.loosely.append((began - JUST_S, time.time()))
    worker.start()
    worker.wait_for("(is ready)")


def prefect_killed(service: Service, chance: random.Random) -> None:
    service.stack.prefect.kill()
    time.sleep(OUTAGE_S)
    service.stack.start_prefect()


def database_gone(service: Service, chance: random.Random) -> None:
    service.stack.postgres.stop()
    time.sleep(OUTAGE_S)
    service.stack.postgres.start()


def store_gone(service: Service, chance: random.Random) -> None:
    service.stack.s3.stop()
    time.sleep(OUTAGE_S)
    service.stack.s3.start()


def database_hangs(service: Service, chance: random.Random) -> None:
    with stopped(service.stack.postgres.server):
        time.sleep(OUTAGE_S)


def store_hangs(service: Service, chance: random.Random) -> None:
    with stopped(service.stack.s3.server):
        time.sleep(OUTAGE_S)


@contextlib.contextmanager
def stopped(server: Server) -> Iterator[None]:
    """It is there, but answers nobody."""
    os.kill(server.pid, signal.SIGSTOP)  # first, so that it has no more children
    everybody = [server.pid, *map(int, Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split())]
    try:
        for each in everybody:
            os.kill(each, signal.SIGSTOP)
        yield
    finally:
        for each in everybody:
            os.kill(each, signal.SIGCONT)


FAULTS = (leading_api_killed, worker_killed, prefect_killed, database_gone, database_hangs, store_gone, store_hangs)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_jobs_end_as_if_nothing_had_been(service: Service, fault: Fault) -> None:
    chance = random.Random(f"{SEED} {fault.__name__}")
    print(f"COURSEWRIGHT_TEST_SEED={SEED}")
    service.log_in()
    before = len(service.calls())
    # At a random call of the providers; and sometimes before them all, when jobs are still submitted.
    moment = before + chance.randrange(-4, 2 * CALLS_OF_A_JOB * JOBS - 4)
    with ThreadPoolExecutor(1) as pool:
        submitting = pool.submit(service.submit)
        until(lambda: len(service.calls()) >= moment)
        fault(service, chance)
        followers = submitting.result()
    until(lambda: all(follower.ended for follower in followers))

    listed = ", ".join(f"'{follower.job}'" for follower in followers)
    jobs = service.query(f"SELECT id, state, message, flow_run FROM job WHERE id IN ({listed})")
    assert {(row["state"], row["message"]) for row in jobs} == {("completed", "")}
    assert service.query(f"SELECT * FROM job_step WHERE job IN ({listed}) AND state NOT IN ('done', 'reused')") == []


def test_every_job_is_one_run_of_prefect_in_the_state_that_prefect_says(service: Service) -> None:
    jobs = {str(row["flow_run"]): row["state"] for row in service.query("SELECT flow_run, state FROM job")}
    assert len(jobs) == len(service.followers)
    assert service.runs() == jobs


def test_no_finished_step_was_made_again(service: Service) -> None:
    answered: dict[str, list[float]] = {}
    for at, what, about in service.calls():
        if what == "answered":
            answered.setdefault(about, []).append(at)
    assert len(answered) == CALLS_OF_A_JOB * len(service.followers)
    for about, times in answered.items():
        for at in times[:-1]:
            assert any(begin < at < end for begin, end in service.loosely), (about, times)


def test_followers_got_every_event_once(service: Service) -> None:
    for follower in service.followers:
        rows = service.query(f"SELECT id FROM job_event WHERE job = '{follower.job}' ORDER BY id")
        assert follower.ids == [row["id"] for row in rows]
    assert any(follower.breaks for follower in service.followers), "no stream was ever broken: this tries nothing"


def test_results_are_whole_and_nothing_else_is_left(service: Service) -> None:
    service.log_in()
    for follower in service.followers:
        answer = service.client.get(f"{service.stack.api_urls[0]}/api/jobs/{follower.job}/results")
        found = answer.raise_for_status().json()
        assert Counter(each["output"] for each in found["files"]) == {"scenes": 2, "end": 1}
        for each in found["files"]:
            assert httpx.get(each["link"]["url"]).raise_for_status().content[:4] == b"RIFF"
    assert "all good" in service.stack.run("store", "verify")
    until(lambda: list((service.stack.folder / "workers" / "scratch").iterdir()) == [])
    until(lambda: not runs_in(service.stack.folder))


def runs_in(folder: Path) -> list[str]:
    """The ids of processes that run a job of this stack."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"run-deployed" in (process / "cmdline").read_bytes():
                found += [process.name] if str(folder).encode() in (process / "environ").read_bytes() else []
    return found


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)
