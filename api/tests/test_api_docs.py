"""`docs/api.md` is true: its commands work as they stand there, its settings are all that there are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coursewright.settings import Settings
from coursewright_api.problems import Problem
from coursewright_api.settings import ServerSettings, server_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_work_in_their_order(serve: Callable[..., Any], tmp_path: Path) -> None:
    """On the service as one command starts it, with a worker; the job in them is a real one."""
    for program in ("curl", "jq"):
        if shutil.which(program) is None:
            reason = f"{program} is not installed"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    served = serve(COURSEWRIGHT_SERVER_PIPELINES_DIR=str(ROOT / "pipelines"))
    token = served.wait_for(r"/setup#token=(\S+)")
    script = "\n".join(block for block in blocks("text") if "curl" in block)
    assert script.count("curl ") > 10
    script = script.replace("http://127.0.0.1:8400", served.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"TOKEN={token}\n{script}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
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
