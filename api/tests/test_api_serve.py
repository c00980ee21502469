"""`coursewright serve` as people start it: a process, a socket, signals."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from coursewright.run import server as prefect
from coursewright.settings import Settings

PROGRAM = str(Path(sys.executable).with_name("coursewright"))
PATIENCE_S = 60.0
"""For a busy machine; each of these takes about a second."""


class Served:
    """A running service."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        command = [PROGRAM, "serve", "--port", "0", *arguments]
        variables = {**os.environ, "COURSEWRIGHT_DATA_DIR": str(folder), **environment}
        self.process = subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._coming: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self.wait_for(r"is served at (\S+)")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line)

    def wait_for(self, pattern: str) -> str:
        """The first group of the first line, already there or to come, that matches."""
        for line in self.lines:
            if found := re.search(pattern, line):
                return found[1]
        while True:
            line = self._coming.get(timeout=PATIENCE_S)
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found[1]

    def close(self) -> None:
        """Nothing is left of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """The exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        return code, time.monotonic() - began


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*arguments: str, **environment: str) -> Served:
        started.append(Served(tmp_path / "data", *arguments, **environment))
        return started[-1]

    yield start
    for each in started:
        each.close()
    prefect.stop(Settings(data_dir=tmp_path / "data"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_stops_within_three_seconds(serve: Callable[..., Served], how: signal.Signals) -> None:
    served = serve("--api-only")
    answer = httpx.get(f"{served.url}/health/live")
    assert answer.status_code == 200
    assert "server" not in answer.headers

    with httpx.stream("GET", f"{served.url}/api/openapi.json") as unread:  # a client that takes its time
        code, took_s = served.stop(how)
        unread.close()
    assert code == 0
    assert took_s < 3.0


def test_everything_is_ready_with_one_command_and_the_link_makes_an_admin(serve: Callable[..., Served]) -> None:
    served = serve()
    token = served.wait_for(r"/setup#token=(\S+)")
    served.wait_for(r"Prefect   (http://\S+/api)")
    health = httpx.get(f"{served.url}/health/ready", timeout=20)
    assert health.status_code == 200, health.text
    assert {part["name"]: part["state"] for part in health.json()["parts"]} == {
        "database": "ready",
        "store": "ready",
        "prefect": "ready",
    }
    body = {"token": token, "email": "ada@example.org", "username": "ada", "password": "correct horse battery"}
    assert httpx.post(f"{served.url}/api/auth/setup", json=body).status_code == 204
    assert served.stop()[0] == 0

    again = serve("--api-only")
    assert again.stop()[0] == 0
    assert "setup#" not in "".join(again.lines)


def test_without_prefect_it_serves_and_says_that_it_is_not_ready(serve: Callable[..., Served]) -> None:
    served = serve("--api-only", PREFECT_API_URL="http://127.0.0.1:9/api")
    health = httpx.get(f"{served.url}/health", timeout=20)
    assert health.status_code == 503
    states = {part["name"]: part["state"] for part in health.json()["parts"]}
    assert states == {"database": "ready", "store": "ready", "prefect": "unavailable"}
    assert "127.0.0.1:9" not in health.text


def test_two_processes_serve_one_database(serve: Callable[..., Served], migrated_postgres: str) -> None:
    first, second = (
        serve("--api-only", COURSEWRIGHT_SERVER_DATABASE_URL=migrated_postgres),
        serve("--api-only", COURSEWRIGHT_SERVER_DATABASE_URL=migrated_postgres),
    )
    body = {"email": "two@example.org", "username": "two", "password": "correct horse battery"}
    assert httpx.post(f"{first.url}/api/auth/register", json=body).status_code == 202
    login = {"email": body["email"], "password": body["password"]}
    token = httpx.post(f"{second.url}/api/auth/login", json=login).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{first.url}/api/auth/profile", headers=headers).status_code == 200
    assert httpx.post(f"{second.url}/api/auth/logout", headers=headers).status_code == 204
    assert httpx.get(f"{first.url}/api/auth/profile", headers=headers).status_code == 401


def failing(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [PROGRAM, "serve", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_port_in_use_is_explained(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = failing("--port", str(port), COURSEWRIGHT_DATA_DIR=str(tmp_path))
    assert code == 2
    assert said == (
        f"error: port {port} is in use by another program, perhaps by another `coursewright serve`\n"
        f"  → stop that one, or choose another port: coursewright serve --port {port + 1}\n"
    )
    assert list(tmp_path.iterdir()) == []  # nothing was begun


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"COURSEWRIGHT_SERVER_PORT": "http"}, "correct the variable COURSEWRIGHT_SERVER_PORT, or port under [server]"),
        ({"COURSEWRIGHT_SERVER_DATABASE_URL": "postgres://x@127.0.0.1:9/x"}, "PostgreSQL cannot be used"),
        ({"COURSEWRIGHT_SERVER_HOST": "no.such.host.invalid"}, "cannot be listened on"),
        ({"COURSEWRIGHT_SECRET_JWT_KEY": "short"}, "JWT_KEY has 5 bytes"),
    ],
)
def test_what_keeps_it_from_starting_is_explained(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    code, words = failing("--api-only", COURSEWRIGHT_DATA_DIR=str(tmp_path / "data"), **environment)
    assert code in {1, 2}
    assert said in words


def test_its_module_is_light() -> None:
    code = (
        "import sys, coursewright_api.cli; "
        "print({'litestar', 'piccolo', 'uvicorn', 'prefect', 'argon2', 'asyncpg'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
