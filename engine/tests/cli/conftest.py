"""The command as a person runs it: a process of its own, with a plugin installed beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLUGIN = '''
import os, signal, time
from pathlib import Path
from coursewright import errors
from coursewright.capabilities.llm import LlmText, Scene, Script
from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

class Count(Provider):
    """Notes each call in a file; `do` in the data says how to behave."""
    capability, name, summary, version = "llm", "count", "counts its calls", "1"
    def run(self, request, context):
        calls = Path(os.environ["FAKE_CALLS"])
        with calls.open("a") as file:
            file.write(f"{request.data['text']}\\n")
        do = request.data.get("do", "")
        if do == "die" and not (mark := calls.with_suffix(".died")).exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if do == "sleep":
            calls.with_suffix(".asleep").touch()
            while not context.cancelled:
                time.sleep(0.01)
            context.raise_if_cancelled()
        if do.startswith("raise "):
            name = do.removeprefix("raise ")
            if name == "BadInput":
                raise errors.BadInput("the text is no good", field="data", remedy="write another")
            raise getattr(errors, name)("it did not work", remedy="ask again tomorrow", detail="HTTP 503")
        return LlmText(text=request.data["text"])

@hookimpl
def coursewright_providers():
    return [Count]
'''


class Command:
    """Runs `coursewright` in a folder, with a data folder shared by the session's tests (one Prefect server)."""

    def __init__(self, folder: Path, data: Path, plugin: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COURSEWRIGHT_", "PREFECT_"))},
            "COURSEWRIGHT_DATA_DIR": str(data),
            "COURSEWRIGHT_STORE_DIR": str(folder / "store"),
            "COURSEWRIGHT_PREFECT_IDLE_S": "60",
            "PYTHONPATH": str(plugin),
            "FAKE_CALLS": str(folder / "calls"),
            "COLUMNS": "80",
        }

    def __call__(
        self, *arguments: str, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coursewright", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "coursewright", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return name

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().split() if path.exists() else []


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, on the path, is an installed distribution with one provider."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "fake_count.py").write_text(PLUGIN)
    info = folder / "fake_count-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-count\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[coursewright]\ncount = fake_count\n")
    return folder


@pytest.fixture(scope="session")
def command_in(data_folder: Path, plugin_folder: Path) -> Callable[[Path], Command]:
    """The command, to be run in the given folder."""
    return lambda folder: Command(folder, data_folder, plugin_folder)


@pytest.fixture
def command(tmp_path: Path, command_in: Callable[[Path], Command]) -> Command:
    return command_in(tmp_path)
