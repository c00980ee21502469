"""What the machine does not give: a network, a locale, room on the disk, folders that may be written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = str(ROOT / "pipelines" / "script_generation.yaml")
SPIED = ("run", "spied.yaml", "-i", "notes=notes.md", "-o", "out")

NO_NETWORK = """
import os, socket
from pathlib import Path

def refuse(self, address, _connect=socket.socket.connect):
    if self.family not in (socket.AF_INET, socket.AF_INET6) or address[0] in ("127.0.0.1", "::1", "localhost"):
        return _connect(self, address)
    Path(os.environ["ATTEMPTS"]).open("a").write(f"{address}\\n")
    raise OSError(101, "Network is unreachable")

def resolve(host, *rest, _getaddrinfo=socket.getaddrinfo, **named):
    if host in ("127.0.0.1", "::1", "localhost", None, ""):
        return _getaddrinfo(host, *rest, **named)
    Path(os.environ["ATTEMPTS"]).open("a").write(f"{host}\\n")
    raise socket.gaierror(-3, "Temporary failure in name resolution")

socket.socket.connect = refuse
socket.getaddrinfo = resolve
"""


def limited(terminal: Any, blocks: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command where no file may grow over `blocks` × 512 bytes, which writing meets as it meets a full disk."""
    return subprocess.run(
        ["sh", "-c", f'ulimit -f {blocks}; exec "$0" "$@"', sys.executable, "-m", "coursewright", *arguments],
        cwd=terminal.folder,
        env=terminal.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_course_without_network_and_locale_in_a_folder_with_an_odd_name(terminal: Any, tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s "odd" 🎓'
    shutil.copytree(ROOT / "pipelines", odd / "pipe 'lines'")
    shutil.copy(ROOT / "examples" / "presenter.svg", odd / 'me "🙂".svg')
    (odd / "my 'notes' 🌱.md").write_text(
        "# Brot\n\nMehl, Wasser, Salz und Zeit genügen für ein gutes Brot.\n", "utf-8"
    )
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(NO_NETWORK)
    terminal.folder = odd
    environment = {
        "PYTHONPATH": str(guard),
        "ATTEMPTS": str(tmp_path / "attempts"),
        **{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    }
    course = (
        *("run", "pipe 'lines'/talking_head_course.yaml", "-i", "notes=my 'notes' 🌱.md", "-i", "language=de"),
        *("-i", 'portrait=me "🙂".svg'),
    )

    made = terminal(*course, "-o", "mein 'Kurs' 🎬", **environment)

    assert made.returncode == 0, made.stderr
    assert (odd / "mein 'Kurs' 🎬" / "brot-scorm12.zip").exists()
    assert "genügen" in (odd / "mein 'Kurs' 🎬" / "brot.de.vtt").read_text("utf-8")
    assert not (tmp_path / "attempts").exists(), (tmp_path / "attempts").read_text()

    pipeline = odd / "pipe 'lines'" / "talking_head_course.yaml"
    edited = (
        pipeline.read_text("utf-8").replace("uses: export.scorm", "uses: export.mp4").replace(', version: "1.2"', "")
    )
    pipeline.write_text(edited, "utf-8")
    swapped = terminal(*course, "-o", "film", **environment)
    assert swapped.returncode == 0, swapped.stderr
    assert "0 tasks made, 8 reused" in swapped.stdout  # the pipeline's other export has made this very file
    assert not list((odd / "film").glob("*.zip"))


def test_a_full_disk_is_named_and_after_freeing_the_same_command_goes_on(terminal: Any) -> None:
    terminal.start_prefect()
    full = limited(terminal, 400, *SPIED)  # a minute of speech is larger, a slide is not

    assert full.returncode == 1
    scratch = Path(terminal.environment["COURSEWRIGHT_DATA_DIR"]) / "scratch"
    assert f"the disk with the folder for temporary files {scratch} is full\n  → free space on it" in full.stderr
    assert "(tts.spy, StoreError)" in full.stderr
    assert "go on with: " in full.stderr
    assert "Traceback" not in full.stderr
    assert not (terminal.folder / "out").exists()
    assert terminal.left_behind() == []
    assert list(scratch.iterdir()) == []
    before = {call.request for call in terminal.calls() if call.what == "answered" and "tts" not in call.request}
    assert before

    count = len(terminal.calls())
    freed = terminal(*SPIED)
    assert freed.returncode == 0, freed.stderr
    assert not before & {call.request for call in terminal.calls()[count:]}

    for path in (terminal.folder / "out").glob("water*"):
        slide = path.read_bytes()
    for blob in (terminal.store / "blobs").rglob("*"):
        if blob.is_file() and blob.read_bytes() == slide:
            blob.chmod(0o600)
            blob.write_bytes(slide[:-1] + b"?")
    count = len(terminal.calls())
    mended = terminal(*SPIED, "--force")
    assert mended.returncode == 0, mended.stderr
    assert [call.request for call in terminal.calls()[count:] if call.what == "asked"] == ["slides 'water'"]
    assert next((terminal.folder / "out").glob("water*")).read_bytes() == slide
    assert terminal("store", "verify").returncode == 0

    held = {path.name: path.read_bytes() for path in (terminal.folder / "out").iterdir()}
    unwritten = limited(terminal, 400, *SPIED, "--force")
    assert unwritten.returncode == 1
    assert unwritten.stderr.startswith("error: the disk of out is full\n  → free some space and run again")
    assert {path.name: path.read_bytes() for path in (terminal.folder / "out").iterdir()} == held


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("notes.md", "notes.md is a file, wanted is a folder for the results"),
        ("notes.md/below", "notes.md is a file, wanted is a folder for the results"),
        ("/proc/nowhere/out", "the results cannot be written to /proc/nowhere/out: No such file or directory"),
        ("held", "held already holds something"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(terminal: Any, refused: Any, out: str, says: str) -> None:
    (terminal.folder / "held").mkdir()
    (terminal.folder / "held" / "mine.txt").write_text("precious")
    ended = refused(*SPIED[:-1], out)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "with -o" in ended.stderr
    assert terminal.calls() == []
    assert not terminal.store.exists()
    assert terminal.left_behind() == []


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [
        (
            {"COURSEWRIGHT_STORE_DIR": "notes.md"},
            1,
            "notes.md is not a folder that can be used: Not a directory\n  → move",
        ),
        ({"COURSEWRIGHT_STORE_DIR": "/proc/store"}, 1, "the artifact store /proc/store failed"),
        (
            {"COURSEWRIGHT_DATA_DIR": "notes.md"},
            1,
            "notes.md is not a folder that can be used: Not a directory\n  → move",
        ),
        ({"COURSEWRIGHT_SETTINGS": "nowhere.toml"}, 2, "settings file nowhere.toml does not exist"),
        ({"COURSEWRIGHT_SETTINGS": "notes.md"}, 2, "settings file notes.md cannot be read"),
        (
            {"COURSEWRIGHT_SETTINGS": "odd.toml"},
            2,
            "the settings file odd.toml: Object contains unknown field `wrokers`",
        ),
        (
            {"COURSEWRIGHT_SETTINGS": "low.toml", "COURSEWRIGHT_WORKERS": ""},
            2,
            "workers in the settings file low.toml: Expected `int` >= 1",
        ),
        ({"COURSEWRIGHT_WORKERS": "many"}, 2, "the variable COURSEWRIGHT_WORKERS: Expected `int`, got `str`"),
        ({"COURSEWRIGHT_PREFECT_IDLE_S": "-1"}, 2, "the variable COURSEWRIGHT_PREFECT_IDLE_S: Expected `float` >= 0"),
    ],
)
def test_wrong_surroundings_name_the_place(
    terminal: Any, refused: Any, environment: dict[str, str], code: int, says: str
) -> None:
    (terminal.folder / "odd.toml").write_text("wrokers = 3")
    (terminal.folder / "low.toml").write_text("workers = 0")
    ended = refused(*SPIED, **environment)
    assert ended.returncode == code, ended.stderr
    assert says in ended.stderr
    assert "\n  → " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert terminal.calls() == []
    assert not (terminal.folder / "out").exists()
