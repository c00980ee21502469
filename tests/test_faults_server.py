"""The Prefect server that records runs: killed, gone, never there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from coursewright.run.server import stop
from coursewright.settings import Settings


def server_of(data: Path) -> tuple[int, int]:
    """Process ids of the keeper and of its server."""
    listed = subprocess.run(["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    (keeper,) = [int(pid) for pid, _, line in rows if f"coursewright.run.server {data}/prefect " in line]
    (server,) = [int(pid) for pid, parent, line in rows if int(parent) == keeper]
    return keeper, server


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def recorded(url: str, states: set[str]) -> bool:
    """Does the server soon say that all task runs ended in one of these states?"""
    body = json.dumps({"limit": 100}).encode()
    question = urllib.request.Request(f"{url}/task_runs/filter", body, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with urllib.request.urlopen(question, timeout=10) as reply:
            seen = [run["state_name"] for run in json.load(reply)]
        if len(seen) == 10 and set(seen) <= states:
            return True
        time.sleep(0.2)
    return False


def test_a_server_that_is_killed_is_replaced_and_forgets_nothing(terminal: Any, tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = terminal.start(
        *("run", "spied.yaml", "-i", "notes=notes.md", "-o", "out"),
        COURSEWRIGHT_DATA_DIR=str(data),
        SPY_PAUSE_S="0.5",
    )
    terminal.wait_for_calls(2, process)
    keeper, server = server_of(data)
    os.kill(server, signal.SIGKILL)  # in the middle of the run

    _, errors = process.communicate(timeout=100)

    assert process.returncode == 0, errors
    assert "ERROR" not in errors
    assert "Traceback" not in errors
    url = (data / "prefect" / "url").read_text()
    assert recorded(url, {"Completed"})

    terminal.environment["COURSEWRIGHT_DATA_DIR"] = str(data)
    keeper, server = server_of(data)
    os.kill(keeper, signal.SIGKILL)  # between runs: the server does not stay behind
    assert gone(server)
    (data / "prefect" / "stop").touch()
    starts = [threading.Thread(target=terminal.start_prefect) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    new_keeper, new_server = server_of(data)  # one of each
    assert {keeper, server}.isdisjoint({new_keeper, new_server})
    assert stop(Settings(data_dir=data))
    assert gone(new_server)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/api", "nonsense"],
)
def test_a_configured_server_that_is_not_there(terminal: Any, url: str) -> None:
    started = time.monotonic()
    ended = terminal("run", "spied.yaml", "-i", "notes=notes.md", "-o", "out", PREFECT_API_URL=url)
    assert time.monotonic() - started < 30
    assert ended.returncode == 1
    assert f"the Prefect server {url} did not accept the run: " in ended.stderr
    assert "start it, or unset PREFECT_API_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert terminal.calls() == []
    assert not (terminal.folder / "out").exists()
