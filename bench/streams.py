"""Many who follow: memory of each who only waits, how long an event takes to the last, and whether all get all.

One process of the service and real connections. 2,000 clients follow a job at which nothing happens; then one event is
made, and the time counts until the last has it. After that 200 follow a job that always changes; a quarter of them
lose their connections again and again, and go on with `Last-Event-ID`. Each must have every event once, in order.

    python -m bench.streams               # limits: 40 kB a client, 1 s to the last, none lost or repeated
    python -m bench.streams --databases sqlite --idle 500
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.serving import Served, ask, cpu_s, memory_bytes, service
from tools.postgres import postgres
from tools.processes import Guard

IDLE, BUSY = 2_000, 200
KB_EACH, LAST_S = 40.0, 1.0
CHANGES = 300
CUT_EVERY = 40
"""Events after which one of the unsteady clients loses its connection."""
PATIENCE_S = 120.0


class Client(asyncio.Protocol):
    """One who follows a job: what it was told, and when. Goes on after the last event when it is connected again."""

    def __init__(self, url: str, token: str, job: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._host, self._port = parts.hostname, parts.port or 80
        self._token, self._job = token, job
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._cut_at = 0
        self.ids: list[int] = []
        self.at: list[float] = []
        self.told = asyncio.Event()
        """It has begun to be told something."""

    async def follow(self, cut_every: int = 0) -> None:
        """Connect. With `cut_every`, break off after so many events and connect again, until `leave`."""
        self._cut_at = len(self.ids) + cut_every if cut_every else 0
        self._rest = b""
        await asyncio.get_running_loop().create_connection(lambda: self, self._host, self._port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        lines = [
            f"GET /api/jobs/{self._job}/events HTTP/1.0",
            f"Host: {self._host}:{self._port}",
            f"Authorization: Bearer {self._token}",
            *([f"Last-Event-ID: {self.ids[-1]}"] if self.ids else []),
        ]
        transport.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())

    def data_received(self, data: bytes) -> None:
        *blocks, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for block in blocks:
            if block.startswith(b"HTTP/"):
                assert b" 200 " in block.split(b"\r\n", 1)[0] + b" ", block
            elif block.startswith(b"id: "):
                self._take(int(block[4 : block.index(b"\r\n")]), b"event: job" in block)

    def _take(self, id: int, counts: bool) -> None:
        self.told.set()
        if counts:
            self.ids.append(id)
            self.at.append(time.perf_counter())
        if self._cut_at and len(self.ids) >= self._cut_at and self._transport is not None:
            self._cut_at = 0
            self._transport.abort()  # what is on its way is lost, as it is when a train enters a tunnel
            asyncio.get_running_loop().create_task(self.follow(CUT_EVERY))

    def leave(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def new_job(served: Served, token: str) -> str:
    """A job that waits: there is no Prefect."""
    body = {"pipeline": "text_to_speech", "inputs": {"text": "A sentence."}}
    return str(ask(f"{served.url}/api/jobs", body, token)["id"])


async def change(served: Served, token: str, job: str, title: str) -> None:
    """Make one event."""
    await asyncio.to_thread(ask, f"{served.url}/api/jobs/{job}", {"title": title}, token, "PUT")


async def all_have(clients: list[Client], count: int) -> None:
    """Return when each has so many events. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while any(len(client.ids) < count for client in clients):
            await asyncio.sleep(0.05)


async def began(clients: list[Client], at_once: int = 50) -> None:
    """Connect all, and return when each was told how the job is."""
    limit = asyncio.Semaphore(at_once)

    async def begin(client: Client) -> None:
        async with limit:
            await client.follow()
            await client.told.wait()

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*map(begin, clients))


async def idle(served: Served, token: str, count: int) -> bool:
    job = new_job(served, token)
    for _ in range(2):  # what the first connections cost the process for good is not theirs
        first = [Client(served.url, token, job) for _ in range(100)]
        await began(first)
        for client in first:
            client.leave()
        await asyncio.sleep(1)
    before = memory_bytes(served.pid)
    clients = [Client(served.url, token, job) for _ in range(count)]
    await began(clients)
    each_kb = (memory_bytes(served.pid) - before) / count / 1000
    worked_s, since = cpu_s(served.pid), time.perf_counter()
    await asyncio.sleep(20)
    busy = (cpu_s(served.pid) - worked_s) / (time.perf_counter() - since)
    last_s = []
    for number in range(5):
        sent = time.perf_counter()
        await change(served, token, job, f"Title {number}")
        await all_have(clients, number + 2)
        last_s.append(max(client.at[-1] for client in clients) - sent)
    for client in clients:
        client.leave()
    median_s = statistics.median(last_s)
    print(f"{count:,} that wait: {each_kb:.1f} kB each (limit {KB_EACH:g}), {busy:.1%} of a core")
    print(f"an event to the last of them: median {median_s:.2f} s, worst of 5 {max(last_s):.2f} s (limit {LAST_S:g})")
    return each_kb <= KB_EACH and median_s < LAST_S


async def busy(served: Served, token: str, count: int) -> bool:
    job = new_job(served, token)
    clients = [Client(served.url, token, job) for _ in range(count)]
    unsteady = clients[::4]
    await began(clients)
    for client in unsteady:
        client.leave()
        await client.follow(CUT_EVERY)
    sent, since = {}, time.perf_counter()
    for number in range(CHANGES):
        sent[number] = time.perf_counter()
        await change(served, token, job, f"Title {number}")
    took_s = time.perf_counter() - since
    await all_have(clients, CHANGES + 1)
    whole = Client(served.url, token, job)
    whole.ids.append(clients[0].ids[0])  # the first tells how the job was, at the newest event of then
    await whole.follow()
    await all_have([whole], CHANGES + 1)
    for client in [*clients, whole]:
        client.leave()
    right = sum(client.ids == whole.ids for client in clients)
    steady = [client for client in clients if client not in unsteady]
    delays = sorted(client.at[number + 1] - sent[number] for client in steady for number in range(CHANGES))
    p50, p99 = (1000 * delays[int(len(delays) * part)] for part in (0.5, 0.99))
    print(
        f"{count} that follow {CHANGES} changes in {took_s:.1f} s: {right} have each once and in order; "
        f"from the request to the client {p50:.0f} ms p50, {p99:.0f} ms p99"
    )
    return right == count


def measure(url: str, idle_count: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="coursewright-streams-") as name:
        settings = {"DATABASE_URL": url, "ACCESS_TOKEN_S": 7200, "SESSION_S": 7200}
        with service(Path(name), "--api-only", settings=settings, stderr=subprocess.DEVNULL) as served:
            token = served.admin()
            return all([asyncio.run(idle(served, token, idle_count)), asyncio.run(busy(served, token, BUSY))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgres"), default=["sqlite", "postgres"])
    parser.add_argument("--idle", type=int, default=IDLE)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    good = []
    for database in options.databases:
        print(f"--- {database}")
        with contextlib.ExitStack() as held:
            url = ""
            if database == "postgres":
                url = held.enter_context(postgres(held.enter_context(contextlib.closing(Guard())))).url
            good.append(measure(url, options.idle))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
