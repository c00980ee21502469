"""The embedded Prefect server: started when a run needs it, kept for the next, gone when idle.

Starting on an empty database takes 17–29 s, nearly all of it migrations; on a migrated copy 4 s
(docs/measurements.md, "prefect"). So the migrated database is made once per Prefect version, and every
data folder begins with a copy. A keeper process owns the server: each run holds a shared lock on a
file, and the keeper stops the server when nobody has held it for `prefect_idle_s`. Locks belong to the
kernel, so a run that is killed lets go of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from coursewright.errors import CoursewrightError
from coursewright.settings import Settings

START_PATIENCE_S = 120.0
"""A server on a migrated database is up in 4 s; a machine 30 times slower than ours may still run a course."""

_POLL_S = 0.1
_KEEPER_POLL_S = 0.5
_STOP_PATIENCE_S = 8.0

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    # The recorder's defaults lag 20–36 s behind a thousand tasks (docs/measurements.md, "prefect").
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

_SERVER = {
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",  # 1.4 s, for blocks that no pipeline uses
    "PREFECT_SERVER_UI_ENABLED": "false",
    **{
        f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
        for service in ("SCHEDULER", "LATE_RUNS", "CANCELLATION_CLEANUP", "FOREMAN", "PAUSE_EXPIRATIONS", "TRIGGERS")
    },
}
"""What a server that only records runs can do without."""


class ServerFailed(CoursewrightError):
    """The embedded Prefect server did not come up."""


class Api:
    """A Prefect API: its address at once, so that the client can be imported while the server comes up."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self.url = url
        self._folder = folder

    def wait(self) -> None:
        """Return when the embedded server answers. Raises ServerFailed naming its log."""
        if self._folder is None:
            return
        deadline = time.monotonic() + START_PATIENCE_S
        while not answers(self.url):
            if time.monotonic() > deadline or not _keeper_lives(self._folder):
                raise ServerFailed(
                    "the embedded Prefect server did not start", remedy=f"see {self._folder / 'server.log'}"
                )
            time.sleep(_POLL_S)


@contextlib.contextmanager
def prefect_api(settings: Settings) -> Iterator[Api]:
    """The API to use for one run: the configured one, or the embedded server's, started if need be."""
    if settings.prefect_api_url:
        yield Api(settings.prefect_api_url)
        return
    folder = settings.data_dir / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lease").open("a") as lease, (folder / "start.lock").open("a") as start:
        fcntl.flock(lease, fcntl.LOCK_SH)
        fcntl.flock(start, fcntl.LOCK_EX)
        url = (_url(folder) if _keeper_lives(folder) else None) or _start(folder, settings)
        fcntl.flock(start, fcntl.LOCK_UN)
        yield Api(url, folder)


def environment(settings: Settings, api_url: str) -> dict[str, str]:
    """The variables that Prefect must see before it is imported."""
    return {**QUIET, "PREFECT_API_URL": api_url, "PREFECT_HOME": str(settings.data_dir / "prefect")}


def stop(settings: Settings) -> bool:
    """Stop the embedded server of this data folder, if it runs. Returns whether it did."""
    folder = settings.data_dir / "prefect"
    if not folder.exists() or not _keeper_lives(folder):
        return False
    (folder / "stop").touch()
    deadline = time.monotonic() + _STOP_PATIENCE_S
    while _keeper_lives(folder) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return True


def running(settings: Settings) -> str | None:
    """The address of this data folder's embedded server, if it runs."""
    folder = settings.data_dir / "prefect"
    return _url(folder) if folder.exists() and _keeper_lives(folder) else None


def prepared() -> Path | None:
    """The migrated database for the installed Prefect, if it has been made."""
    return template if (template := _template()).exists() else None


def prepare() -> Path:
    """Make the migrated database for the installed Prefect, unless there is one. Takes about 20 s once."""
    template = _template()
    if template.exists():
        return template
    template.parent.mkdir(parents=True, exist_ok=True)
    with (template.parent / "prepare.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            _migrate(template)
    return template


def _template() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("coursewright")) / f"prefect-{importlib.metadata.version('prefect')}.sqlite"


def _migrate(template: Path) -> None:
    scratch = template.with_suffix(f".{os.getpid()}")
    database = scratch / "prefect.db"
    scratch.mkdir()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"],
            env={**os.environ, **QUIET, "PREFECT_HOME": str(scratch), **_database(database)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not database.exists():
            raise ServerFailed(
                "Prefect's database could not be prepared",
                remedy=(done.stderr or done.stdout).strip().splitlines()[-1] if done.stderr or done.stdout else "",
            )
        import sqlite3

        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.replace(template)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _database(path: Path) -> dict[str, str]:
    return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{path}"}


def _start(folder: Path, settings: Settings) -> str:
    """Start a keeper and note its address. The caller holds the start lock."""
    database = folder / f"prefect-{importlib.metadata.version('prefect')}.db"
    if not database.exists():
        fresh = database.with_suffix(f".{os.getpid()}")
        shutil.copyfile(prepare(), fresh)
        fresh.replace(database)
    (folder / "stop").unlink(missing_ok=True)
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    written = folder / f"url.{os.getpid()}"
    written.write_text(url, "utf-8")
    written.replace(folder / "url")
    with (folder / "server.log").open("wb") as output, (folder / "keeper.lock").open("a") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)  # the keeper inherits it, and so lives exactly as long as it is held
        subprocess.Popen(
            [sys.executable, "-m", "coursewright.run.server", str(folder), str(port), str(settings.prefect_idle_s)],
            env={**os.environ, **environment(settings, url), **_database(database), **_SERVER},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(alive.fileno(),),
            start_new_session=True,  # Ctrl-C ends the run, not the server
            cwd=folder,
        )
    return url


def _url(folder: Path) -> str | None:
    try:
        return (folder / "url").read_text("utf-8")
    except OSError:
        return None


def _keeper_lives(folder: Path) -> bool:
    with (folder / "keeper.lock").open("a") as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def answers(url: object) -> bool:
    """Does a Prefect API answer at that address, within 5 s?"""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:  # noqa: S310  # our own, or the operator's
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keep(folder: Path, port: int, idle_s: float, env: Mapping[str, str]) -> None:
    """The keeper: run the server until nobody has held the lease for `idle_s` seconds."""
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "--factory"),
            *(
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--timeout-graceful-shutdown",
                "2",
                "--log-level",
                "critical",
            ),
            "prefect.server.api.server:create_app",
        ],
        env=dict(env),
    )
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    held = time.monotonic()
    with (folder / "lease").open("a") as lease:
        while server.poll() is None and not (folder / "stop").exists() and time.monotonic() - held <= idle_s:
            try:
                fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(lease, fcntl.LOCK_UN)
            except BlockingIOError:
                held = time.monotonic()
            time.sleep(_KEEPER_POLL_S)
    server.terminate()
    try:
        server.wait(_STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), os.environ)
