"""What the operator allows of a provider holds over all runs of one Prefect server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SETTINGS = """
[limits."tts.spy"]
at_once = 1
per_minute = 600
"""


def test_two_runs_share_one_place_at_a_provider(terminal: Any, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    terminal.start_prefect()

    runs = [
        terminal.start(
            *("run", "spied.yaml", "-i", "notes=notes.md", "-o", f"out-{number}"),
            COURSEWRIGHT_SETTINGS=str(settings),
            COURSEWRIGHT_STORE_DIR=str(tmp_path / f"store-{number}"),
            SPY_PAUSE_S="0.2",
        )
        for number in range(2)
    ]
    for run in runs:
        _, errors = run.communicate(timeout=100)
        assert run.returncode == 0, errors

    at_once = most = 0
    calls = [call for call in terminal.calls() if call.request.startswith("tts ")]
    for call in sorted(calls, key=lambda each: each.at):
        at_once += 1 if call.what == "asked" else -1
        most = max(most, at_once)
    assert len(calls) == 2 * 2 * 4
    assert most == 1
