"""`docs/api.md` is true: its commands work as they stand there, its settings are all that there are."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from coursewright.settings import Settings
from coursewright_api.problems import Problem
from coursewright_api.settings import ServerSettings, server_settings

from tools.documented import API_PAGE, blocks, need_curl, run_api_page
from tools.swift import ROOT


def test_the_commands_of_the_page_work_in_their_order(serve: Callable[..., Any], tmp_path: Path) -> None:
    """On the service as one command starts it, with a worker; the job in them is a real one."""
    need_curl()
    served = serve(COURSEWRIGHT_SERVER_PIPELINES_DIR=str(ROOT / "pipelines"))
    done = run_api_page(served.wait_for(r"/setup#token=(\S+)"), served.url, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"username":"ada"' in done.stdout


def test_every_setting_is_on_the_page() -> None:
    (text,) = blocks(API_PAGE, "toml")
    shown = tomllib.loads(text)["server"]
    assert list(shown) == list(ServerSettings.__struct_fields__)
    server_settings(Settings(data_dir=Path(), server=shown))


def test_the_problem_on_the_page_is_one() -> None:
    (text,) = blocks(API_PAGE, "json")
    assert msgspec.json.decode(text, type=Problem).errors[0].pointer == "/password"
