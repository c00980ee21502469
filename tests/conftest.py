"""The command as a person runs it, with all plugins of this repository and one that notes its calls."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from coursewright.cli import main

SPY = '''
import os, time
from pathlib import Path
from coursewright.catalog import installed
from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

def spy(capability, name):
    """A provider that notes when it is called and when it has answered, and asks the real one."""
    def run(self, request, context):
        about = getattr(request, "text", None) or getattr(getattr(request, "scene", None), "id", "") or "all"
        def note(what):
            with Path(os.environ["SPY_CALLS"]).open("a") as file:
                file.write(f"{time.time()} {what} {capability} {about[:20]!r}\\n")
        note("asked")
        pause_s = float(os.environ.get("SPY_PAUSE_S", "0"))
        while pause_s > 0 and not context.cancelled:
            time.sleep(0.01)
            pause_s -= 0.01
        result = installed().provider(f"{capability}.{name}")().run(request, context)
        note("answered")
        return result
    body = {"capability": capability, "name": "spy", "summary": "notes its calls", "version": "1", "run": run}
    return type("Spy", (Provider,), body)

@hookimpl
def coursewright_providers():
    return [spy("llm", "outline"), spy("tts", "espeak"), spy("slides", "typst")]
'''

PIPELINE = """
name: spied
inputs: {notes: {type: document}}
steps:
  text: {uses: document, with: {file: "${inputs.notes}"}}
  script: {uses: llm.spy, with: {data: {notes: "${text.markdown}"}, returns: script}}
  voice: {uses: tts.spy, for_each: "${script.scenes}", with: {text: "${item.narration}"}}
  slides: {uses: slides.spy, for_each: "${script.scenes}", with: {scene: "${item}"}}
outputs: {sound: "${voice.audio}", slides: "${slides.image}", title: "${script.title}"}
"""

NOTES = "# Course\n" + "\n".join(
    f"## {word}\n{word} is the subject of this part, and it is told here in a few plain words. "
    "Whoever reads it knows more than before, and that is what notes are for.\n"
    "A second thought follows the first one, as it does in every lesson that deserves its name."
    for word in ("Water", "Light", "Air", "Earth")
)


class Call:
    """One line of the spy's notes."""

    def __init__(self, line: str) -> None:
        at, self.what, self.request = line.split(" ", 2)
        self.at = float(at)


class Terminal:
    """A folder to work in, and the command."""

    def __init__(self, folder: Path, data: Path, plugin: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COURSEWRIGHT_", "PREFECT_"))},
            "COURSEWRIGHT_DATA_DIR": str(data),
            "COURSEWRIGHT_STORE_DIR": str(self.store),
            "COURSEWRIGHT_PREFECT_IDLE_S": "60",
            "COURSEWRIGHT_WORKERS": "2",
            "PYTHONPATH": str(plugin),
            "SPY_CALLS": str(folder / "calls"),
        }
        (folder / "spied.yaml").write_text(PIPELINE)
        (folder / "notes.md").write_text(NOTES)

    def __call__(self, *arguments: str | bytes | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "coursewright", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin to run the command, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "coursewright", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start_prefect(self) -> None:
        """Have the server running, started by a process without limits."""
        code = (
            "import os\n"
            "from coursewright.run.server import prefect_api\n"
            "from coursewright.settings import settings_from\n"
            "with prefect_api(settings_from(os.environ)) as api: api.wait()"
        )
        subprocess.run([sys.executable, "-c", code], env=self.environment, check=True, timeout=100)

    def calls(self) -> list[Call]:
        path = self.folder / "calls"
        return [Call(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for_calls(self, count: int, process: subprocess.Popen[str]) -> None:
        """Return when the spy has made so many notes; fail when the process ends before."""
        deadline = time.monotonic() + 60
        while len(self.calls()) < count:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the run takes too long"
            time.sleep(0.01)

    def left_behind(self) -> list[str]:
        """Temporary files in the folder and in its store."""
        return [
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.name.startswith(".coursewright") or path.parent.name == "tmp"
        ]


@pytest.fixture(scope="session")
def spy_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, on the path, is an installed distribution."""
    folder = tmp_path_factory.mktemp("spy")
    (folder / "spy_plugin.py").write_text(SPY)
    info = folder / "spy_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spy-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[coursewright]\nspy = spy_plugin\n")
    return folder


@pytest.fixture
def terminal(tmp_path: Path, data_folder: Path, spy_plugin: Path) -> Terminal:
    return Terminal(tmp_path, data_folder, spy_plugin)


Refused = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def refused(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Calls the command within the process, for what ends before any work: a start of its own costs a second."""
    monkeypatch.chdir(terminal.folder)
    monkeypatch.syspath_prepend(terminal.environment["PYTHONPATH"])
    for name in os.environ.keys() - terminal.environment.keys():
        monkeypatch.delenv(name)

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        for name, value in (terminal.environment | environment).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), out, err)

    return call
