"""What `coursewright check` costs from cold: a process that checks the largest pipeline, against one that only
imports the libraries it cannot do without.

    python bench/check.py            # the limit is 3.0
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 15
LIMIT = 3.0


def seconds(*arguments: str) -> float:
    """Wall time of one Python process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Print both medians and the median ratio of neighbouring runs."""
    check = ("-m", "coursewright", "check", "pipelines/talking_head_course.yaml")
    imports = ("-c", "import yaml, msgspec, jinja2, pluggy")
    pairs = [(seconds(*check), seconds(*imports)) for _ in range(ROUNDS + 1)][1:]
    checked, imported = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(first / second for first, second in pairs)
    print(f"check {checked * 1000:.0f} ms, imports {imported * 1000:.0f} ms, ratio {ratio:.2f} (limit {LIMIT:.1f})")


if __name__ == "__main__":
    main()
