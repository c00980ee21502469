"""Runs that are killed, at several moments, and runs that meet on one store."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes whose environment names the folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if str(folder).encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


def at_work(terminal: Any) -> list[str]:
    """Processes of the runs in this folder: the Prefect server is another's, its keeper stays by design."""
    return [each for each in processes_of(terminal.folder) if "coursewright.run.server" not in each]


def test_killed_at_several_moments_then_two_at_once(terminal: Any) -> None:
    command = ("run", "spied.yaml", "-i", "notes=notes.md", "-o", "out")
    kills = []
    for notes in (1, 5, 11):  # in the first call; among the first items; among later ones
        process = terminal.start(*command)
        terminal.wait_for_calls(notes, process)
        process.kill()
        kills.append(time.time())
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (terminal.folder / "out").exists()
    deadline = time.monotonic() + 10
    while (orphans := at_work(terminal)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert orphans == []

    runs = [terminal.start(*command[:-1], out) for out in ("out", "out2")]
    ends = [run.communicate(timeout=100) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], ends
    assert sorted(path.name for path in (terminal.folder / "out").iterdir()) == sorted(
        path.name for path in (terminal.folder / "out2").iterdir()
    )
    answers = {call.request: call.at for call in reversed(terminal.calls()) if call.what == "answered"}
    assert len(answers) == 9
    for call in terminal.calls():  # what was answered in good time before a kill is never asked for again
        after = [kill for kill in kills if answers[call.request] < kill - 0.3]
        assert call.what == "answered" or not after or call.at < after[0], call.request
    # A writer killed at work leaves its part in the store, where `store gc` takes it a day later.
    assert [path for path in terminal.left_behind() if not path.startswith("store/tmp/")] == []
    assert terminal("store", "verify").stdout.endswith("all good\n")
