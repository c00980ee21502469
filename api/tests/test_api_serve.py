"""`coursewright serve` as people start it: a process, a socket, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from coursewright_api.serve import listen
from coursewright_api.settings import ServerSettings

PROGRAM = str(Path(sys.executable).with_name("coursewright"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_stops_within_three_seconds(serve: Callable[..., Any], how: signal.Signals) -> None:
    served = serve("--api-only", COURSEWRIGHT_SERVER_PIPELINES_DIR="nowhere")
    served.wait_for(r"pipelines none in (\S+)/nowhere: start it beside")
    answer = httpx.get(f"{served.url}/health/live")
    assert answer.status_code == 200
    assert "server" not in answer.headers

    with httpx.stream("GET", f"{served.url}/api/openapi.json") as unread:  # a client that takes its time
        code, took_s = served.stop(how)
        unread.close()
    assert code == 0
    assert took_s < 3.0


def test_everything_is_ready_with_one_command_and_the_link_makes_an_admin(serve: Callable[..., Any]) -> None:
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


def test_without_prefect_it_serves_and_says_that_it_is_not_ready(serve: Callable[..., Any]) -> None:
    served = serve("--api-only", PREFECT_API_URL="http://127.0.0.1:9/api")
    health = httpx.get(f"{served.url}/health", timeout=20)
    assert health.status_code == 503
    states = {part["name"]: part["state"] for part in health.json()["parts"]}
    assert states == {"database": "ready", "store": "ready", "prefect": "unavailable"}
    assert "127.0.0.1:9" not in health.text


def test_two_processes_serve_one_database(serve: Callable[..., Any], migrated_postgres: str) -> None:
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
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_answers_are_sent_at_once() -> None:
    async def without_delay() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = listen(ServerSettings(port=0))
        async with await asyncio.start_server(accept, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            writer.close()
            return await found

    assert asyncio.run(without_delay())


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
