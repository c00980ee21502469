"""The OpenAPI document is true: schemathesis makes requests of it, good and bad ones, and checks every answer.

`make fuzz` does the same with thousands of cases and in all of schemathesis' phases.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from coursewright.settings import Settings
from coursewright_api.app import create_app
from coursewright_api.auth import throttle
from coursewright_api.auth.passwords import Passwords
from coursewright_api.auth.throttle import Allowance
from coursewright_api.service import Service
from coursewright_api.settings import server_settings

CASES = os.environ.get("COURSEWRIGHT_FUZZ", "")
"""Of each operation and phase; without it, a few."""
SEED = os.environ.get("COURSEWRIGHT_FUZZ_SEED", "1")
PIPELINES = Path(__file__).parents[2] / "pipelines"
PATIENCE_S = 60


class Running:
    """The service on a socket, in a thread of its own."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ready = threading.Event()
        self.token = ""
        config = uvicorn.Config(create_app(service), lifespan="off", log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(config.app)))
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)

    async def _run(self, app: Any) -> None:
        async with app.lifespan():
            link = await self._service.links.setup()
            assert link is not None
            self.token = link.token
            await self._service.pipelines.refresh()
            self._service.hub.close()  # streams end when they have told what there is
            self._ready.set()
            await self._server.serve(sockets=[self._socket])

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@pytest.fixture
def running(tmp_path: Path, inspector: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    for name, value in vars(throttle).items():
        if isinstance(value, Allowance):
            monkeypatch.setattr(throttle, name, Allowance(name=value.name, tries=10**6, window_s=900))
    settings = Settings(data_dir=tmp_path / "data", server={"pipelines_dir": str(PIPELINES)})
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    running = Running(Service(settings, server_settings(settings), passwords=cheap, inspector=inspector))
    ada = {"email": "ada@example.org", "username": "ada", "password": "correct horse battery"}
    answer = httpx.post(f"{running.url}/api/auth/setup", json={**ada, "token": running.token})
    assert answer.status_code == 204
    yield running
    running.close()


@pytest.mark.timeout(0 if CASES else 220)  # a third of it on an idle machine
def test_every_answer_is_as_the_document_says(running: Running, tmp_path: Path) -> None:
    """By an admin, whom no route refuses. No Prefect runs: jobs wait, and what needs it answers with a 503."""
    phases = "examples,coverage,fuzzing,stateful" if CASES else "examples,fuzzing"
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml"))]
    command += ["run", f"{running.url}/api/openapi.json", "--checks", "all", "--phases", phases]
    command += ["--max-examples", CASES or "3", "--seed", SEED, "--warnings", "off", "--request-timeout", "30"]
    command += [] if CASES else ["--no-shrink"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    print(said)
    assert done.returncode == 0, said
    found = re.search(r"(\d+) generated", said)
    assert found is not None
    assert int(found[1]) > 200
