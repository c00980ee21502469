"""Commands that forks of a warm process run for others."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursewright.run.forking import fork_server, run_in_fork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux only")
ASK = "import sys; from coursewright.run.forking import run_in_fork; sys.exit(run_in_fork())"


@pytest.fixture(scope="module")
def served() -> Iterator[None]:
    with fork_server():
        yield


def asking(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASK, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def has_ended(writing: int) -> bool:
    """Has the reader gone, or does it go within ten seconds?"""
    poll = select.poll()
    poll.register(writing, 0)
    return bool(poll.poll(10_000))


def test_a_fork_runs_the_command_in_its_askers_place(served: None, tmp_path: Path) -> None:
    with asking(tmp_path, "check", "nowhere.yaml") as asker:
        out, err = asker.communicate(timeout=30)
    assert asker.returncode == 2
    assert "nowhere.yaml cannot be read" in out + err

    with asking(tmp_path, "check", "--help") as asker:
        assert asker.communicate(timeout=30)[0].startswith("Usage")
    assert asker.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_fork_ends_with_its_asker(served: None, tmp_path: Path, number: signal.Signals) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with asking(tmp_path, "check", "pipe.yaml") as asker:
        writing = os.open(tmp_path / "pipe.yaml", os.O_WRONLY)  # waits for the fork to open its other end
        asker.send_signal(number)
        assert asker.wait(10) == -number
    assert has_ended(writing)
    os.close(writing)


def test_without_a_fork_server_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEWRIGHT_FORK_SERVER", "@coursewright-gone")
    assert run_in_fork() is None
    assert run_in_fork() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_gets_no_fork(served: None) -> None:
    nobody = 65534
    os.seteuid(nobody)
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(10)
            asking.connect("\0" + os.environ["COURSEWRIGHT_FORK_SERVER"].removeprefix("@"))
            assert asking.recv(1) == b""
    finally:
        os.seteuid(0)
