"""`coursewright run`, as a process, with real Prefect flow runs."""

from __future__ import annotations

import json
import re
import shlex
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


def chain(count: int, **do: str) -> str:
    """A pipeline of `count` steps in a row; `do` says how some of them behave."""
    lines = ["name: chain", "inputs: {n: {type: text, default: x}}", "steps:"]
    for number in range(1, count + 1):
        before = f"${{s{number - 1}.text}}" if number > 1 else "${inputs.n}"
        how = do.get(f"s{number}", "")
        lines += [
            f"  s{number}:",
            "    uses: llm.count",
            f'    with: {{data: {{text: "{before}{number}", do: "{how}"}}}}',
        ]
    return "\n".join([*lines, f'outputs: {{text: "${{s{count}.text}}"}}', ""])


def test_a_killed_run_repeats_no_finished_step(command: Any) -> None:
    command.write("chain.yaml", chain(10, s7="die"))
    first = command("run", "chain.yaml", "-o", "out")
    assert first.returncode == -signal.SIGKILL
    assert len(command.calls()) == 7
    assert not (command.folder / "out").exists()

    second = command("run", "chain.yaml", "-o", "out")

    assert second.returncode == 0, second.stderr
    assert len(command.calls()) == 7 + 4  # the seventh once more, then eight to ten
    assert sorted(set(command.calls()), key=len)[-1] == "x12345678910"
    assert (command.folder / "out" / "text.txt").read_text() == "x12345678910\n"
    assert "4 tasks made, 6 reused" in second.stdout


@dataclass(frozen=True)
class Finished:
    """A folder in which the pipeline has run once, and what that run printed."""

    command: Any
    stdout: str


@pytest.fixture(scope="module")
def finished(command_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    command = command_in(tmp_path_factory.mktemp("finished"))
    command.write("chain.yaml", chain(2))
    done = command("run", "chain.yaml", "-o", "out", "--json")
    assert done.returncode == 0, done.stderr
    assert command.calls() == ["x1", "x12"]
    return Finished(command, done.stdout)


def test_a_finished_run_needs_no_server_and_repeats_nothing(finished: Finished, tmp_path: Path) -> None:
    again = finished.command("run", "chain.yaml", "-o", "out2", COURSEWRIGHT_DATA_DIR=str(tmp_path / "elsewhere"))
    assert again.returncode == 0, again.stderr
    assert "0 tasks made, 2 reused" in again.stdout
    assert not (tmp_path / "elsewhere" / "prefect").exists()
    assert len(finished.command.calls()) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("BadInput", 2),
        ("Nonsense", 1),
    ],
)
def test_a_failure_says_where_who_why_and_how_to_go_on(command: Any, error: str, code: int) -> None:
    text = chain(2, s2=f"raise {error}").replace("    with:", "    retry: {attempts: 1, backoff: 10ms}\n    with:")
    command.write("chain.yaml", text)
    done = command("run", "chain.yaml", "-i", "n=a b", "-o", "out")
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "step 's2' failed (llm.count, " in done.stderr
    assert f"{shlex.join(['coursewright', 'run', 'chain.yaml', '-i', 'n=a b', '-o', 'out'])}" in done.stderr
    assert not (command.folder / "out").exists()
    assert not list(command.folder.glob(".coursewright-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_within_seconds(command: Any, number: signal.Signals) -> None:
    command.write("chain.yaml", chain(3, s2="sleep"))
    process = command.start("run", "chain.yaml", "-o", "out")
    asleep = command.folder / "calls.asleep"
    deadline = time.monotonic() + 60
    while not asleep.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    started = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert time.monotonic() - started < 10
    assert "go on with: coursewright run chain.yaml -o out" in errors
    assert not (command.folder / "out").exists()


def test_tasks_appear_in_prefect_by_name_and_reuse_as_cached(command: Any, data_folder: Path) -> None:
    import urllib.request

    command.write("flow.yaml", chain(2).replace("name: chain", "name: shown"))
    command("run", "flow.yaml", "-o", "out")
    command.write("flow.yaml", chain(3).replace("name: chain", "name: shown"))
    command("run", "flow.yaml", "-o", "out", "--force")
    url = (data_folder / "prefect" / "url").read_text()

    def ask() -> dict[tuple[str, str], int]:
        body = json.dumps({"flows": {"name": {"any_": ["shown"]}}}).encode()
        question = urllib.request.Request(f"{url}/task_runs/filter", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(question, timeout=10) as reply:
            seen: dict[tuple[str, str], int] = {}
            for run in json.load(reply):
                seen[run["name"], run["state_name"]] = seen.get((run["name"], run["state_name"]), 0) + 1
            return seen

    wanted = {
        ("s1", "Completed"): 1,
        ("s2", "Completed"): 1,
        ("s1", "Cached"): 1,
        ("s2", "Cached"): 1,
        ("s3", "Completed"): 1,
    }
    deadline = time.monotonic() + 20  # the server records what it is told within a second or two
    while (seen := ask()) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    assert seen == wanted


def test_an_existing_output_is_refused_before_any_work(finished: Finished) -> None:
    command = finished.command
    command.write("full/mine.txt", "precious")
    done = command("run", "chain.yaml", "-o", "full", "-i", "n=other")
    assert done.returncode == 2
    assert "already holds something" in done.stderr
    assert "--force" in done.stderr
    assert len(command.calls()) == 2
    assert command("run", "chain.yaml", "-o", "full", "--force").returncode == 0
    assert (command.folder / "full" / "mine.txt").read_text() == "precious"
    assert (command.folder / "full" / "text.txt").read_text() == "x12\n"


def test_paths_with_spaces_emoji_and_quotes(command: Any) -> None:
    name = "mein 'Kurs' \"1\" 🎓/pipe line.yaml"
    command.write(name, chain(1))
    done = command("run", name, "-o", 'er gebnis 🎬 "x"')
    assert done.returncode == 0, done.stderr
    assert (command.folder / 'er gebnis 🎬 "x"' / "text.txt").exists()


def test_an_unset_locale(command: Any) -> None:
    """What a run makes under one is told in tests/test_faults_surroundings.py."""
    command.write("chain.yaml", chain(1).replace("name: chain", "name: chain\ntitle: Größe → 🎓"))
    environment = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert command("check", "chain.yaml", **environment).returncode == 0
    missing = command("run", "nö.yaml", **environment)
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-i", "m=1"], "no input 'm'"),
        (["-i", "n"], "'n' has no value"),
        (["-i", "n=1", "-i", "n=2"], "given twice"),
        (["--from", "s9"], "no step 's9'"),
        (["--until", "S1"], "did you mean 's1'"),
        (["--only", "intro"], "no step of this pipeline has items"),
        (["--supply", "s1"], "has no file"),
        (["--supply", "s1=nothing.json"], "there is no file"),
        (["--supply", "s1=chain.yaml"], "is not a LlmText"),
        (["--provider", "llm"], "has no value"),
    ],
)
def test_wrong_options_are_told_with_a_remedy(
    coursewright: Any,
    plugin_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.syspath_prepend(str(plugin_folder))
    monkeypatch.setenv("FAKE_CALLS", str(tmp_path / "calls"))
    Path("chain.yaml").write_text(chain(1))
    ended = coursewright("run", "chain.yaml", "-o", "out", *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert not (tmp_path / "calls").exists()


def test_a_supplied_result_is_used(command: Any) -> None:
    command.write("chain.yaml", chain(2))
    command.write("mine.json", '{"text": "my own"}')
    done = command("run", "chain.yaml", "-o", "out", "--supply", "s1=mine.json")
    assert done.returncode == 0, done.stderr
    assert (command.folder / "out" / "text.txt").read_text() == "my own2\n"


def test_json_is_the_report(finished: Finished) -> None:
    report = json.loads(finished.stdout)
    assert report["state"] == "completed"
    assert report["items"][0]["provider"] == "llm.count"
    assert json.loads((finished.command.folder / "out" / "report.json").read_text())["pipeline"] == "chain"


@pytest.mark.parametrize("name", ["run", "check", "plan"])
def test_help_has_examples(coursewright: Any, name: str) -> None:
    ended = coursewright(name, "--help")
    assert ended.code == 0
    assert re.search(r"Examples:\n +coursewright " + name, ended.out)


def test_check_imports_neither_prefect_nor_a_server(command: Any) -> None:
    import subprocess
    import sys

    command.write("chain.yaml", chain(1))
    code = (
        "import sys\nfrom coursewright.cli import main\ntry:\n    main(['check', 'chain.yaml'])\n"
        "except SystemExit as end:\n    assert end.code == 0\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    assert not modules & {
        "prefect",
        "litestar",
        "piccolo",
        "numpy",
        "cv2",
        "av",
        "typst",
        "minio",
        "rich.progress",
        "asyncio",
    }
