"""How long `coursewright serve` takes until all of it is ready, against `prefect server start` alone, in turns.

A first start begins in an empty folder: Prefect migrates its database there, while ours comes migrated from the one
copy that an installation makes once (`coursewright serve` makes it when it starts for the very first time; here it is
there before). A second start finds what the first left. The health route must call every part ready.

    python -m bench.readiness             # the limit is 1.5
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from coursewright.run.server import prepare, stop
from coursewright.settings import Settings

from bench.serving import cpu_s, until
from tools.processes import beside_python, free_port

LIMIT = 1.5
ROUNDS = 3
PATIENCE_S = 600.0


Taken = tuple[float, float]
"""Seconds by the wall clock, and of CPU by all processes together."""


def ours(folder: Path) -> Taken:
    """Until `coursewright serve` is ready with all its parts."""
    port = free_port()
    command = [sys.executable, "-m", "coursewright", "serve", "--port", str(port)]
    try:
        variables = {"COURSEWRIGHT_DATA_DIR": str(folder)}
        return started(command, variables, f"http://127.0.0.1:{port}/health/ready", folder)
    finally:
        stop(Settings(data_dir=folder))


def theirs(folder: Path) -> Taken:
    """Until Prefect's own server answers."""
    port = free_port()
    variables = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    command = [beside_python("prefect"), "server", "start", "--port", str(port)]
    return started(command, variables, f"http://127.0.0.1:{port}/api/health", folder)


def started(command: Sequence[str], variables: Mapping[str, str], url: str, folder: Path) -> Taken:
    began = time.perf_counter()
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            return until(url, PATIENCE_S) - began, sum(map(cpu_s, processes_of(folder)))
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def processes_of(folder: Path) -> Iterator[int]:
    """All whose environment names the folder: those that a server has started as well."""
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and os.fsencode(folder) in (process / "environ").read_bytes():
                yield int(process.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    prepare()
    taken: dict[str, list[tuple[Taken, Taken]]] = {"first": [], "second": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="coursewright-readiness-") as name:
            for pairs in taken.values():
                pairs.append((ours(Path(name) / "ours"), theirs(Path(name) / "theirs")))
    good = []
    for start, pairs in taken.items():
        for what, at in (("s", 0), ("CPU s", 1)):
            our_s, their_s = (statistics.median(each[side][at] for each in pairs) for side in (0, 1))
            ratio = statistics.median(our[at] / their[at] for our, their in pairs)
            good.append(at or ratio <= LIMIT)
            print(f"{start:<6} start: serve {our_s:5.1f} {what}, prefect {their_s:5.1f} {what}, ratio {ratio:.2f}")
    print(f"limit {LIMIT:g}, by the wall clock")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
