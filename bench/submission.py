"""Jobs through a running `coursewright serve`: many at once, how soon progress is seen, how soon a job stops.

The time from a provider's word on its progress to a client that follows by SSE, and from a cancel to the job's end.
Then 200 jobs of one trivial step are submitted by 20 clients at once; each must be accepted, be run once and end.

    python -m bench.submission            # limits: 10 s to accept all, 250 ms p99 of progress, 5 s to cancel
    python -m bench.submission --jobs 20
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from coursewright.run.server import stop
from coursewright.settings import Settings

from bench.serving import Served, ask, service, until

JOBS, CLIENTS = 200, 20
ACCEPTED_S, PROGRESS_MS, CANCEL_S = 10.0, 250.0, 5.0
ROUNDS = 3
PATIENCE_S = 1200.0

PLUGIN = """
import os, time
from coursewright.capabilities.llm import LlmRequest, LlmText
from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

class Ticks(Provider[LlmRequest, LlmText]):
    capability, name, summary, version = "llm", "ticks", "tells the time", "1"

    def run(self, request, context):
        with open(os.environ["BENCH_CALLS"], "a") as calls:
            calls.write(str(request.data["salt"]) + "\\n")
        count = int(request.data["count"])
        for number in range(count):
            context.raise_if_cancelled()
            context.progress(number, count, repr(time.time()))
            time.sleep(0.25)
        return LlmText(text="done")

@hookimpl
def coursewright_providers():
    return [Ticks]
"""
PIPELINE = """
name: ticks
inputs: {salt: {type: text}, count: {type: text}}
steps:
  ticks: {uses: llm.ticks, with: {data: {salt: "${inputs.salt}", count: "${inputs.count}"}}}
outputs: {text: "${ticks.text}"}
"""


def install(folder: Path) -> dict[str, str]:
    """The provider and its pipeline; the variables by which the service finds them."""
    (folder / "bench_ticks.py").write_text(PLUGIN)
    info = folder / "bench_ticks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-ticks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[coursewright]\nticks = bench_ticks\n")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "ticks.yaml").write_text(PIPELINE)
    return {
        "PYTHONPATH": str(folder),
        "BENCH_CALLS": str(folder / "calls"),
        "COURSEWRIGHT_SERVER_PIPELINES_DIR": str(folder / "pipelines"),
    }


def submit(served: Served, token: str, salt: str, count: int) -> str:
    body = {"pipeline": "ticks", "inputs": {"salt": salt, "count": str(count)}}
    return str(ask(f"{served.url}/api/jobs", body, token)["id"])


def events(served: Served, token: str, job: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a job's followers are told, until its end."""
    headers = {"Authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{served.url}/api/jobs/{job}/events", headers=headers)) as told:
        kind = ""
        for line in told:
            if line.startswith(b"event: "):
                kind = line[7:].decode().strip()
            elif line.startswith(b"data: "):
                yield kind, json.loads(line[6:])


def many(served: Served, token: str, calls: Path, count: int) -> bool:
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = list(pool.map(lambda number: submit(served, token, f"many {number}", 0), range(count)))
    accepted_s = time.perf_counter() - began
    print(f"{count} jobs at once: accepted in {accepted_s:.1f} s (limit {ACCEPTED_S:g})", flush=True)
    deadline = time.monotonic() + PATIENCE_S
    while ask(f"{served.url}/api/jobs?status=active&limit=1", token=token)["items"]:
        assert time.monotonic() < deadline, "some jobs do not end"
        time.sleep(1)
    took_s = time.perf_counter() - began
    states = [ask(f"{served.url}/api/jobs/{job}", token=token)["status"] for job in jobs]
    told = [line for line in calls.read_text().splitlines() if line.startswith("many")]
    served_once = sorted(told) == sorted(f"many {number}" for number in range(count))
    print(
        f"{states.count('completed')} completed after {took_s:.0f} s, {took_s / count:.2f} s each; "
        f"each run once: {served_once}"
    )
    return accepted_s < ACCEPTED_S and states.count("completed") == len(set(jobs)) == count and served_once


def progress(served: Served, token: str) -> bool:
    late_ms = []
    for number in range(ROUNDS):
        job = submit(served, token, f"progress {number}", 40)
        seen = set()
        for kind, data in events(served, token, job):
            if kind == "step" and data["message"].replace(".", "").isdigit() and data["message"] not in seen:
                seen.add(data["message"])
                late_ms.append(1000 * (time.time() - float(data["message"])))
    late_ms.sort()
    p50, p99 = (late_ms[int(len(late_ms) * part)] for part in (0.5, 0.99))
    print(f"progress, {len(late_ms)} words: {p50:.0f} ms p50, {p99:.0f} ms p99 (limit {PROGRESS_MS:g})")
    return p99 <= PROGRESS_MS


def cancelling(served: Served, token: str) -> bool:
    times = []
    for number in range(ROUNDS):
        job, began = submit(served, token, f"cancel {number}", 1000), 0.0
        for kind, data in events(served, token, job):
            if not began and kind == "step" and data["progress"] > 0:
                began = time.perf_counter()
                ask(f"{served.url}/api/jobs/{job}/cancel", {}, token)
            if kind == "end":
                assert data["status"] == "cancelled", data
                times.append(time.perf_counter() - began)
    print(f"cancel to the end of the job: {', '.join(f'{each:.1f}' for each in times)} s (limit {CANCEL_S:g})")
    return statistics.median(times) <= CANCEL_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=JOBS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coursewright-submission-") as name:
        folder = Path(name)
        variables = install(folder)
        settings = {"ACCESS_TOKEN_S": 7200, "SESSION_S": 7200}
        with service(folder / "data", settings=settings, variables=variables, stderr=subprocess.DEVNULL) as served:
            token = served.admin()
            until(f"{served.url}/health/ready")
            good = [
                progress(served, token),
                cancelling(served, token),
                many(served, token, folder / "calls", options.jobs),
            ]
        stop(Settings(data_dir=folder / "data"))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
