"""What a small change costs: a course of twenty scenes made whole, then with one sentence changed.

Whole commands in processes of their own, as an author runs them; the Prefect server of the first run serves
the second, as it does for an author.

    python bench/edit.py             # the limit is 15 % of the full run
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from coursewright.run.server import stop
from coursewright.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SCENES = 20
LIMIT = 0.15

SENTENCE = "Water number {n} runs down the hill, meets another stream, and carries sand and leaves to the sea. "


def notes(changed: int | None = None) -> str:
    """Twenty sections of about twenty seconds each; one sentence of section `changed` is another."""
    sections = []
    for number in range(1, SCENES + 1):
        text = "".join(SENTENCE.format(n=number * 10 + i) for i in range(3))
        text += "It is dry today." if number == changed else "It rains today."
        sections.append(f"## Stream {number}\n\n{text}\n")
    return "# Twenty streams\n\n" + "\n".join(sections)


def run(folder: Path, text: str) -> tuple[float, Counter[str], float]:
    """(seconds, tasks made by step, seconds of film) of one run of the command."""
    (folder / "notes.md").write_text(text)
    started = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "coursewright", "run", str(ROOT / "pipelines" / "talking_head_course.yaml")),
            *("-i", "notes=notes.md", "-i", "minutes=30", "-o", "out", "--force", "--quiet"),
        ],
        cwd=folder,
        env={**os.environ, "COURSEWRIGHT_DATA_DIR": str(folder / "data")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.perf_counter() - started
    report = json.loads((folder / "out" / "report.json").read_text())
    made = Counter(item["step"] for item in report["items"] if item["state"] == "done")
    film_s = sum(scene["duration_s"] for scene in report["outputs"]["script"]["scenes"])
    return seconds, made, film_s


def main() -> None:
    """Print the ratio, and what was made the second time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        full_s, _, film_s = run(folder, notes())
        edit_s, made, _ = run(folder, notes(changed=7))
        again_s, nothing, _ = run(folder, notes(changed=7))
        stop(Settings(data_dir=folder / "data"))
    print(f"full run     {full_s:6.1f} s for about {film_s:.0f} s of film in {SCENES} scenes")
    print(f"one edit     {edit_s:6.1f} s = {edit_s / full_s:.1%} of it (limit {LIMIT:.0%}); made: {dict(made)}")
    print(f"no change    {again_s:6.1f} s; made: {dict(nothing)}")


if __name__ == "__main__":
    main()
