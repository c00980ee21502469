"""Lists and jobs of a full database: against a bare handler that does the same query, and by themselves.

The bare handler is Litestar's, in a process of its own on the same database with the same uvicorn: no accounts, no
checks, the rows as they come. Both are asked in turns over connections that stay open; what counts is the throughput
by CPU time of the process, since other programs share the machine. 10,000 jobs, 200,000 steps, on SQLite and on a
PostgreSQL of its own.

    python -m bench.api                   # limits: 70 % of the bare handler, 50 ms a list, flat with depth
    python -m bench.api --databases sqlite --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from bench.rows import BATCH, NOW, Full, fill
from bench.serving import Line, cpu_s, service
from tools.postgres import postgres
from tools.processes import Guard

LIMIT = 0.70
LIST_MS = 50.0
FLAT = 1.5
"""The last page may cost so much more than the first: medians of short requests are no better than that."""
CONNECTIONS = 8
TIMES = 15


# The bare handler


def bare(folder: Path, url: str, owner: UUID) -> None:
    """Serve it until killed; its address is printed."""
    import uvicorn
    from coursewright.settings import Settings
    from coursewright_api.database import Database
    from coursewright_api.database.tables import Job, JobStep
    from coursewright_api.jobs.lists import LIGHT
    from coursewright_api.serve import listen
    from coursewright_api.settings import ServerSettings, server_settings
    from litestar import Litestar, get

    settings = Settings(data_dir=folder, server={"database_url": url})
    database = Database(settings, server_settings(settings))

    @get("/jobs")
    async def jobs(limit: int) -> list[dict[str, Any]]:
        query = Job.select(*LIGHT).where(Job.owner == owner, Job.purpose != "preview").limit(limit + 1)
        return await query.order_by(Job.created_at, Job.id, ascending=False)

    @get("/jobs/{job_id:uuid}")
    async def job(job_id: UUID) -> dict[str, Any]:
        row: dict[str, Any] | None = await Job.select().where(Job.id == job_id, Job.owner == owner).first()
        assert row is not None
        steps = await JobStep.select().where(JobStep.job == job_id).order_by(JobStep.position, JobStep.id)
        return {**row, "steps": steps}

    app = Litestar([jobs, job], on_startup=[database.connect], openapi_config=None, logging_config=None)
    listening = listen(ServerSettings(port=0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


@contextlib.contextmanager
def bare_handler(folder: Path, url: str, owner: UUID) -> Iterator[tuple[str, int]]:
    """Its address and process."""
    command = [sys.executable, "-m", "bench.api", "--bare", str(folder), url, str(owner)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.kill()


# Throughput


class Asked(NamedTuple):
    """One of the two sides: whom to ask for what."""

    pid: int
    lines: Sequence[Line]
    target: str


def load(side: Asked, requests: int) -> tuple[float, float]:
    """Wall time and CPU time of the process for so many requests, some at once; in seconds."""

    def each(line: Line) -> None:
        line.fresh()
        for _ in range(requests // len(side.lines)):
            line.get(side.target)

    with ThreadPoolExecutor(len(side.lines)) as pool:
        began, worked_s = time.perf_counter(), cpu_s(side.pid)
        list(pool.map(each, side.lines))
        return time.perf_counter() - began, cpu_s(side.pid) - worked_s


def throughput(what: str, ours: Asked, theirs: Asked, *, requests: int, rounds: int) -> bool:
    """Ask both in turns. By wall clock the turns' median, by CPU all together."""
    for side in (ours, theirs):
        load(side, requests // 4)
    taken = [(load(ours, requests), load(theirs, requests)) for _ in range(rounds)]
    wall = statistics.median(their[0] / our[0] for our, their in taken)
    cpu = sum(their[1] for _, their in taken) / sum(our[1] for our, _ in taken)
    per_s = requests / statistics.median(our[0] for our, _ in taken)
    cpu_ms = [1000 * sum(each[side][1] for each in taken) / rounds / requests for side in (0, 1)]
    print(
        f"{what:<22} {per_s:6.0f} requests/s   CPU {cpu_ms[0]:5.2f} ms, bare {cpu_ms[1]:5.2f} ms   "
        f"ratio {cpu:4.0%} by CPU, {wall:4.0%} by wall clock   limit {LIMIT:.0%}"
    )
    return cpu >= LIMIT


# Lists


def lists(full: Full) -> dict[str, str]:
    """What each list is called here, and how it is asked for, without limit and cursor."""
    since = quote(NOW.replace(year=NOW.year - 1).isoformat())
    jobs = {f"jobs by {sort}, {order}": f"sort={sort}&order={order}" for sort in SORTS for order in ("asc", "desc")}
    filters = {
        "jobs, status completed": "status=completed",
        "jobs, status cancelled": "status=cancelled",
        "jobs, status active": "status=active",
        "jobs, cancelled by title": "status=cancelled&sort=title",
        "jobs, priority urgent": "priority=urgent",
        "jobs, urgent by title": "priority=urgent&sort=title&order=asc",
        "jobs, pipeline": "pipeline=speech_000",
        "jobs, rare pipeline by change": "pipeline=speech_004&sort=updated",
        "jobs, batch": f"batch={BATCH}",
        "jobs, since": f"since={since}",
        "jobs, text found": "text=Lesson",
        "jobs, text found rarely": "text=needle",
        "jobs, text found nowhere": "text=haystack",
        "jobs, nowhere by title": "text=haystack&sort=title",
    }
    assets = {f"assets by {sort}": f"sort={sort}" for sort in ("created", "name", "size")}
    assets |= {
        "assets, type": "type=portrait",
        "assets, rare type by name": "type=slide_theme&sort=name",
        "assets, status failed by size": "status=failed&sort=size",
        "assets, text found nowhere": "text=haystack",
        "assets of a job": f"job_id={full.job}",
    }
    others = {
        "pipelines": "/api/pipelines?",
        "versions of a pipeline": "/api/pipelines/speech_000/versions?",
        "steps of a job": f"/api/jobs/{full.job}/steps",
        "log of a job": f"/api/jobs/{full.job}/logs?",
        "results of a job": f"/api/jobs/{full.job}/results",
        "consents": "/api/consents?",
        "links": "/api/share?",
        "links of a job": f"/api/share?job_id={full.job}",
        "users": "/api/admin/users?",
        "users, role": "/api/admin/users?role=designer",
        "users, text found nowhere": "/api/admin/users?text=haystack",
        "audit log": "/api/admin/audit?",
        "audit log, rare action": "/api/admin/audit?action=role_changed",
        "audit log, actor": f"/api/admin/audit?actor={full.owner}",
        "sessions": "/api/auth/sessions",
        "API keys": "/api/auth/api-keys",
        "usage": "/api/stats",
        "usage of files": "/api/assets/usage",
    }
    found = {name: f"/api/jobs?{query}" for name, query in (jobs | filters).items()}
    return found | {name: f"/api/assets?{query}" for name, query in assets.items()} | others


SORTS = ("created", "updated", "title")


def median_ms(line: Line, target: str) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        line.get(target)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def measure_list(line: Line, name: str, target: str) -> bool:
    """The first page, and the last."""
    line.fresh()
    paged = "?" in target
    first = median_ms(line, f"{target}&limit=50" if paged else target)
    depth, last = deepest(line, target) if paged else (0, "")
    deep = median_ms(line, f"{target}&limit=50&cursor={last}") if last else first
    ok = max(first, deep) < LIST_MS and deep < max(FLAT * first, first + 3)
    told = f"{deep:6.1f} ms after {depth:6,} rows" if last else ""
    print(f"{name:<32} {first:6.1f} ms   {told:<28}{'' if ok else '   MISSED'}")
    return ok


def deepest(line: Line, target: str) -> tuple[int, str]:
    """How many rows come before the last page of 200 (of at most 20,000), and its cursor."""
    rows, cursor = 0, ""
    for _ in range(100):
        page = json.loads(line.get(f"{target}&limit=200" + (f"&cursor={cursor}" if cursor else "")))
        if not page["next_cursor"]:
            break
        rows, cursor = rows + len(page["items"]), page["next_cursor"]
    return rows, cursor


def measure(url: str, *, requests: int, rounds: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="coursewright-api-") as name:
        folder = Path(name)
        settings = {"DATABASE_URL": url, "PIPELINES_DIR": "", "ACCESS_TOKEN_S": 7200, "SESSION_S": 7200}
        with service(folder, "--api-only", settings=settings) as served:
            token = served.admin()
            began = time.perf_counter()
            full = fill(url, folder)
            print(f"filled in {time.perf_counter() - began:.0f} s")
            with contextlib.ExitStack() as held, bare_handler(folder, url, full.owner) as (theirs, their_pid):
                ours = [held.enter_context(contextlib.closing(Line(served.url, token))) for _ in range(CONNECTIONS)]
                plain = [held.enter_context(contextlib.closing(Line(theirs))) for _ in range(CONNECTIONS)]
                good = [
                    throughput(
                        f"GET {name}",
                        Asked(served.pid, ours, f"/api{what}"),
                        Asked(their_pid, plain, what),
                        requests=requests,
                        rounds=rounds,
                    )
                    for name, what in (
                        ("/api/jobs", "/jobs?limit=50"),
                        ("/api/jobs/{id}", f"/jobs/{full.job}"),
                    )
                ]
                good += [measure_list(ours[0], name, target) for name, target in lists(full).items()]
    return all(good)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgres"), default=["sqlite", "postgres"])
    parser.add_argument("--requests", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bare", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        folder, url, owner = options.bare
        bare(Path(folder), url, UUID(owner))
        return
    good = []
    for database in options.databases:
        print(f"--- {database}, {os.cpu_count()} cores")
        with contextlib.ExitStack() as held:
            url = ""
            if database == "postgres":
                url = held.enter_context(postgres(held.enter_context(contextlib.closing(Guard())))).url
            good.append(measure(url, requests=options.requests, rounds=options.rounds))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
