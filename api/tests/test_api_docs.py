"""`docs/api.md` is true: its commands work as they stand there, its settings are all that there are."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from argon2 import PasswordHasher
from coursewright.settings import Settings
from coursewright_api.app import create_app
from coursewright_api.auth.passwords import Passwords
from coursewright_api.problems import Problem
from coursewright_api.service import Service
from coursewright_api.settings import ServerSettings, server_settings

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Waiting(uvicorn.Server):
    """Makes the first admin's link once it serves."""

    token = ""

    def __init__(self, service: Service) -> None:
        config = uvicorn.Config(
            create_app(service), port=service.server.port, log_config=None, timeout_graceful_shutdown=1
        )
        super().__init__(config)
        self.service = service
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup()
        link = await self.service.links.setup()
        assert link is not None
        self.token = link.token
        self.ready.set()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of a service, and the token of its set-up link."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = Settings(data_dir=tmp_path, server={"port": port})  # links name it
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    server = Waiting(Service(settings, server_settings(settings), passwords=passwords))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.ready.wait(30)
    yield f"http://127.0.0.1:{port}", server.token
    server.should_exit = True
    thread.join(10)


def test_the_commands_of_the_page_work_in_their_order(served: tuple[str, str], tmp_path: Path) -> None:
    for program in ("curl", "jq"):
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    url, token = served
    script = "\n".join(block for block in blocks("text") if "curl" in block)
    assert script.count("curl ") > 10
    script = script.replace("http://127.0.0.1:8400", url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"TOKEN={token}\n{script}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"username":"ada"' in done.stdout


def test_every_setting_is_on_the_page() -> None:
    (text,) = blocks("toml")
    shown = tomllib.loads(text)["server"]
    assert list(shown) == list(ServerSettings.__struct_fields__)
    server_settings(Settings(data_dir=Path(), server=shown))


def test_the_problem_on_the_page_is_one() -> None:
    (text,) = blocks("json")
    assert msgspec.json.decode(text, type=Problem).errors[0].pointer == "/password"
