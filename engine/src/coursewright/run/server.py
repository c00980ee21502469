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
import functools
import gc
import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from coursewright.disk import explained
from coursewright.errors import CoursewrightError
from coursewright.run.folders import temporary_folder
from coursewright.settings import Settings

START_PATIENCE_S = 120.0
"""A server on a migrated database is up in 4 s; a machine 30 times slower than ours may still run a course."""

_LEAST_FREE_BYTES = 2_000_000
"""SQLite needs room for its write-ahead log beside the database of some 1.5 MB."""
_ELSEWHERE = "choose another folder (COURSEWRIGHT_DATA_DIR)"

_POLL_S = 0.1
_KEEPER_POLL_S = 0.5
_STOP_PATIENCE_S = 8.0
_STARTS = 3
"""A server that dies in the middle of a run is started again; one that keeps dying is not."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_CLIENT_MAX_RETRIES": "3",  # 2 + 4 + 8 s: a busy SQLite is patient enough with two, a restart with three
    # The recorder's defaults lag 20–36 s behind a thousand tasks (docs/measurements.md, "prefect").
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

_SERVER = {
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",  # 1.4 s, for blocks that no pipeline uses
}
"""What is made once, in the template, or not needed here."""


class ServerFailed(CoursewrightError):
    """The embedded Prefect server did not come up."""


class Api:
    """A Prefect API: its address at once, so that the client can be imported while the server comes up."""

    def __init__(self, url: str, folder: Path | None = None, again: Callable[[], object] = lambda: None) -> None:
        self.url = url
        self._folder = folder
        self._again = again

    def wait(self) -> None:
        """Return when the embedded server answers; one that was killed is started again, once.

        Raises ServerFailed naming its log.
        """
        if self._folder is None:
            return
        deadline = time.monotonic() + START_PATIENCE_S
        started_again = False
        while not answers(self.url):
            dead = not _keeper_lives(self._folder)
            if time.monotonic() > deadline or (dead and started_again):
                raise ServerFailed(
                    "the embedded Prefect server did not start",
                    remedy=f"run again; if it fails again, see {self._folder / 'server.log'}",
                )
            if dead:
                self._again()
                started_again = True
            time.sleep(_POLL_S)

    def refused(self, cause: BaseException | None) -> ServerFailed:
        """The error to raise when Prefect's client could not begin a flow run there."""
        reason = next(iter(str(cause).splitlines()), type(cause).__name__)
        if self._folder is None:
            return ServerFailed(
                f"the Prefect server {self.url} did not accept the run: {reason}",
                remedy="start it, or unset PREFECT_API_URL (prefect_api_url in the settings): a run then has its own",
            )
        with contextlib.suppress(OSError):
            if shutil.disk_usage(self._folder).free < _LEAST_FREE_BYTES:
                return ServerFailed(
                    f"the disk with the data folder {self._folder.parent} is full: Prefect cannot record the run",
                    remedy=f"free space on it, run `coursewright store gc`, or {_ELSEWHERE}",
                )
        return ServerFailed(
            f"the embedded Prefect server did not accept the run: {reason}",
            remedy=f"run again; if it fails again, see {self._folder / 'server.log'}",
        )


@contextlib.contextmanager
def prefect_api(settings: Settings) -> Iterator[Api]:
    """The API to use for one run: the configured one, or the embedded server's, started if need be."""
    if settings.prefect_api_url:
        yield Api(settings.prefect_api_url)
        return
    folder = settings.data_dir / "prefect"

    def start(port: int | None = None) -> str:
        """The address of the server, which is started, on `port` if that is given, when there is none."""
        where = f"the data folder {settings.data_dir}"
        with explained(where, elsewhere=_ELSEWHERE), (folder / "start.lock").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            return (_url(folder) if _keeper_lives(folder) else None) or _start(folder, settings, port)

    with contextlib.ExitStack() as held:
        with explained(f"the data folder {settings.data_dir}", elsewhere=_ELSEWHERE):
            folder.mkdir(parents=True, exist_ok=True)
            lease = held.enter_context((folder / "lease").open("a"))
            fcntl.flock(lease, fcntl.LOCK_SH)
        url = start()
        yield Api(url, folder, functools.partial(start, urlsplit(url).port))


def environment(settings: Settings, api_url: str) -> dict[str, str]:
    """The variables that Prefect must see before it is imported.

    With a server of the operator's own, Prefect's folder stays theirs too: their key may be in its profile.
    """
    own = {} if settings.prefect_api_url else {"PREFECT_HOME": str(settings.data_dir / "prefect")}
    return {**QUIET, "PREFECT_API_URL": api_url, **own}


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
    with explained(f"the cache folder {template.parent}", elsewhere="set XDG_CACHE_HOME to another folder"):
        template.parent.mkdir(parents=True, exist_ok=True)
        with (template.parent / "prepare.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not template.exists():
                with temporary_folder(template.parent) as scratch:
                    _migrate(scratch).replace(template)
    return template


def _template() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("coursewright")) / f"prefect-{importlib.metadata.version('prefect')}.sqlite"


def _migrate(scratch: Path) -> Path:
    """A migrated database in the folder `scratch`."""
    database = scratch / "prefect.db"
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
    return database


def _database(path: Path) -> dict[str, str]:
    return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{path}"}


def _start(folder: Path, settings: Settings, port: int | None) -> str:
    """Start a keeper and note its address. The caller holds the start lock."""
    database = folder / f"prefect-{importlib.metadata.version('prefect')}.db"
    port = port or _free_port()
    url = f"http://127.0.0.1:{port}/api"
    with temporary_folder(folder) as fresh:
        if not database.exists():
            shutil.copyfile(prepare(), fresh / "db")
            (fresh / "db").replace(database)
        (fresh / "url").write_text(url, "utf-8")
        (fresh / "url").replace(folder / "url")
    (folder / "stop").unlink(missing_ok=True)
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
            fcntl.flock(alive, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
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
    command = [sys.executable, "-m", "coursewright.run.server", "serve", str(port)]
    server = subprocess.Popen(command, env=dict(env))
    starts_left = _STARTS
    signal.signal(signal.SIGTERM, lambda *_: (folder / "stop").touch())
    held = time.monotonic()
    with (folder / "lease").open("a") as lease:
        while not (folder / "stop").exists():
            try:
                fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(lease, fcntl.LOCK_UN)
                in_use = False
            except BlockingIOError:
                in_use, held = True, time.monotonic()
            if time.monotonic() - held > idle_s:
                break
            if server.poll() is not None:
                starts_left -= 1
                if not in_use or not starts_left:
                    break
                server = subprocess.Popen(command, env=dict(env))
            time.sleep(_KEEPER_POLL_S)
    server.terminate()
    try:
        server.wait(_STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()


def _begin_as_writers() -> None:
    """Let every transaction of the server take SQLite's write lock when it begins.

    One that reads first and writes later is refused at once while another writes, whatever the time-out;
    Prefect answers 503 then, and its client sleeps two seconds: in half of all runs, when measured.
    Waiting for the lock takes milliseconds.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def immediately(self: Any, session: Any, with_for_update: bool = True) -> Any:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = immediately  # type: ignore[method-assign]  # no setting for it


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """For importing Prefect: what modules hold stays anyway, and looking through it takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def serve(port: int) -> None:
    """The server itself. It ends with its keeper, however that ends."""
    import uvicorn

    keeper = os.getppid()

    def watch() -> None:
        while os.getppid() == keeper:
            time.sleep(_KEEPER_POLL_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    with uncollected():
        from prefect.server.api.server import create_app

        _begin_as_writers()
    uvicorn.run(
        create_app,
        factory=True,
        host="127.0.0.1",
        port=port,
        timeout_graceful_shutdown=2,
        log_level="error",
    )


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        keep(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), os.environ)
