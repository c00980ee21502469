"""`coursewright new`: what it makes works, and nothing else is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coursewright.capabilities import CAPABILITIES
from coursewright.cli import main

Call = Callable[..., Any]


def test_a_new_pipeline_passes_the_check(coursewright: Call) -> None:
    ended = coursewright("new", "pipeline", "My course-2.yaml")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "made My course-2.yaml\nnext: coursewright check 'My course-2.yaml'\n"
    checked = coursewright("check", "My course-2.yaml")
    assert (checked.code, checked.out) == (0, "My course-2.yaml: ok, 6 steps\n")
    assert "\nname: my_course_2\ntitle: My course 2\n" in Path("My course-2.yaml").read_text("utf-8")


def test_what_a_new_pipeline_suggests_passes_the_check_as_well(coursewright: Call) -> None:
    coursewright("new", "pipeline", "course.yaml")
    file = Path("course.yaml")
    text = file.read_text("utf-8")
    for commented in (
        "portrait: {type",
        "presenter:\n",
        "  uses: video\n",
        "  for_each: ${voice}\n",
        "  with: {portrait",
    ):
        assert f"# {commented}" in text
        text = text.replace(f"# {commented}", commented)
    text = text.replace('speech: "${voice}"}', 'speech: "${voice}", presenter: "${presenter}"}')
    text = text.replace('footer: "${script.title}"', 'footer: "${script.title}", presenter: true')
    file.write_text(text, "utf-8")

    assert coursewright("check", "course.yaml").out == "course.yaml: ok, 7 steps\n"


def test_an_existing_file_is_kept_without_force(coursewright: Call) -> None:
    Path("course.yaml").write_text("mine")

    ended = coursewright("new", "pipeline", "course.yaml")

    assert ended.code == 2
    assert ended.err == ("error: course.yaml exists already\n  → choose another name, or overwrite it with --force\n")
    assert Path("course.yaml").read_text() == "mine"
    assert coursewright("new", "pipeline", "course.yaml", "--force").code == 0
    assert coursewright("check", "course.yaml").code == 0


@pytest.mark.parametrize("file", ["course.txt", "1.yaml", "курс.yaml", ".yaml", "a\nb.yaml"])
def test_a_file_that_is_no_pipeline_is_refused(coursewright: Call, file: str) -> None:
    ended = coursewright("new", "pipeline", file)

    assert ended.code == 2
    assert "\n  → " in ended.err
    assert list(Path().iterdir()) == []


def test_a_provider_is_a_folder_named_after_it(coursewright: Call) -> None:
    made = json.loads(coursewright("new", "provider", "tts.my_voice", "--json").out)

    assert made == {
        "name": "tts.my_voice",
        "files": [
            "coursewright-tts-my-voice/pyproject.toml",
            "coursewright-tts-my-voice/README.md",
            "coursewright-tts-my-voice/src/coursewright_tts_my_voice/__init__.py",
            "coursewright-tts-my-voice/src/coursewright_tts_my_voice/provider.py",
            "coursewright-tts-my-voice/tests/test_tts_my_voice.py",
        ],
    }
    assert all(Path(file).stat().st_size for file in made["files"])


@pytest.mark.parametrize(
    ("provider_id", "message"),
    [
        (
            "speech.mine",
            "error: there is no capability 'speech'\n  → capabilities are: compose, document, export, llm, ",
        ),
        ("tt.mine", "error: there is no capability 'tt'\n  → did you mean 'tts'?\n"),
        ("mine", "error: there is no capability 'mine'\n"),
        ("tts", "error: '' is no name for a provider\n  → begin with a letter, and use at most 40 letters a–z, "),
        ("tts.../../x", "error: '../../x' is no name for a provider\n"),
        ("tts.Mine", "error: 'Mine' is no name for a provider\n"),
        ("tts.a__b", "error: 'a__b' is no name for a provider\n"),
        ("tts." + "a" * 41, "error: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is no name for a provider\n"),
        ("tts.espeak", "error: tts.espeak is offered by coursewright-tts-espeak already\n  → choose another name; "),
    ],
)
def test_a_name_that_cannot_be_is_refused(coursewright: Call, provider_id: str, message: str) -> None:
    ended = coursewright("new", "provider", provider_id)

    assert ended.code == 2
    assert ended.err.startswith(message)
    assert list(Path().iterdir()) == []


def test_nothing_is_written_when_a_file_is_in_the_way(coursewright: Call) -> None:
    Path("mine").mkdir()
    Path("mine/README.md").write_text("mine")

    ended = coursewright("new", "provider", "tts.mine", "--folder", "mine")

    assert ended.code == 2
    assert ended.err.startswith("error: mine/README.md exists already\n")
    assert [path.name for path in Path("mine").rglob("*")] == ["README.md"]
    assert coursewright("new", "provider", "tts.mine", "--folder", "mine", "--force").code == 0
    assert Path("mine/README.md").read_text("utf-8").startswith("# coursewright-tts-mine\n")


def test_a_folder_that_cannot_be_is_wrong_input_and_leaves_nothing(coursewright: Call) -> None:
    Path("mine").mkdir()
    Path("mine/src").touch()

    ended = coursewright("new", "provider", "tts.mine", "--folder", "mine")

    assert ended.code == 2
    assert ended.err == (
        "error: mine/src/coursewright_tts_mine/__init__.py cannot be written: Not a directory\n"
        "  → choose a folder that you may write to\n"
    )
    assert [path.name for path in Path("mine").iterdir()] == ["src"]


# -- what is made works --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new provider for every capability."""
    folder = tmp_path_factory.mktemp("plugins")
    for capability in CAPABILITIES:
        with pytest.raises(SystemExit) as ended:
            main(["new", "provider", f"{capability}.mine", "--folder", str(folder / capability)])
        assert not ended.value.code
    return folder


def test_every_capability_begins_with_a_provider_that_passes_its_tests(plugins: Path, tmp_path: Path) -> None:
    for capability in CAPABILITIES:  # what pip would write; pip itself is tried below
        info = tmp_path / f"coursewright_{capability}_mine-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: coursewright-{capability}-mine\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[coursewright]\n{capability} = coursewright_{capability}_mine\n")
    sources = [str(plugins / capability / "src") for capability in CAPABILITIES]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--import-mode=importlib", "."],
        cwd=plugins,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sources])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    for capability in CAPABILITIES:
        assert f"{capability}_mine" not in done.stdout


def test_the_code_is_clean(plugins: Path) -> None:
    rules = ["--isolated", "--line-length", "120"]
    for capability in CAPABILITIES:
        for arguments in (["check", "--select", "E,F,W,I,UP,B,SIM,PT"], ["format", "--check"]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *arguments, *rules, "."],
                cwd=plugins / capability,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout


def test_the_types_are_right(plugins: Path, tmp_path: Path) -> None:
    sources = [str(plugins / capability / "src") for capability in CAPABILITIES]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases", "--config-file="),
            *("--cache-dir", str(tmp_path)),
            *(f"{capability}/{part}" for capability in CAPABILITIES for part in ("src", "tests")),
        ],
        cwd=plugins,
        env={**os.environ, "MYPYPATH": os.pathsep.join(sources)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


RUN = """
import asyncio, sys
from pathlib import Path
from coursewright.catalog import installed
from coursewright.compile import compile_pipeline
from coursewright.run.execute import Execution
from coursewright.settings import Settings
from coursewright.store import open_store

text = 'name: speak\\nsteps: {voice: {uses: tts.mine, with: {text: Two words}}}\\noutputs: {speech: "${voice}"}\\n'
settings, catalog = Settings(data_dir=Path(sys.argv[1]), workers=1), installed()
plan = compile_pipeline(text, name="speak.yaml", catalog=catalog, read=lambda _: None)
run = Execution(plan, {}, catalog=catalog, store=open_store(settings), settings=settings)
report = asyncio.run(run.run())
print(report.state, report.items[0].provider, report.outputs["speech"].duration_s)
"""


def test_pip_installs_it_and_it_serves_a_step(plugins: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    python = venv / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    # What is installed here is installed there as well, but for the new plugin.
    paths = {"base": str(venv), "platbase": str(venv)}
    link = Path(sysconfig.get_path("purelib", "venv", vars=paths)) / "this.pth"
    link.write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    install = ["install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "-e", str(plugins / "tts")]
    subprocess.run([*pip(), "--python", str(python), "--disable-pip-version-check", *install], check=True)

    listed = subprocess.run(
        [python, "-c", "from coursewright.cli import main; main()", "plugins", "tts.mine", "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    served = subprocess.run([python, "-c", RUN, str(tmp_path / "data")], check=True, capture_output=True, text=True)

    [provider] = json.loads(listed.stdout)["providers"]
    assert (provider["id"], provider["plugin"]) == ("tts.mine", "coursewright-tts-mine")
    assert served.stdout == "completed tts.mine 0.64\n"


def pip() -> list[str]:
    """pip of this environment, or of the Python that it was made with."""
    for python in (sys.executable, str(Path(sys.base_prefix, "bin", "python3"))):
        command = [python, "-m", "pip"]
        if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
            return command
    pytest.fail("neither this environment nor its Python has pip")
