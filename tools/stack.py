"""The whole service as it stands in production, on this machine and without containers: `make stack`.

PostgreSQL, an S3 server that checks signatures, a Prefect server, API processes and workers that share nothing but
these. Tests use it as `with Stack(folder) as stack`. What it keeps is gone when it ends.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import click
import httpx
from coursewright.run.server import QUIET, prepare
from coursewright.settings import Settings, settings_from

from tools.postgres import Postgres, postgres
from tools.processes import Failed, Guard, Server, beside_python, free_port
from tools.s3_server import ACCESS_KEY, S3Server, s3_server
from tools.swift import ROOT

BUCKET = "coursewright"
ADMIN = {"email": "ada@example.org", "username": "ada", "password": "correct horse battery"}
"""As in `docs/api.md`."""
_PREFECT = {
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",  # it begins with a migrated copy: 4 s instead of 20 s
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
}


class Stack:
    """All of it, running from `__enter__` on. `port` is the first API's, the next has the next; 0 takes free ones."""

    postgres: Postgres
    s3: S3Server
    prefect: Server
    api_urls: list[str]
    settings: Settings
    """What every process has, for looking at the database and the store from a test."""

    def __init__(
        self,
        folder: Path,
        *,
        apis: int = 2,
        workers: int = 2,
        port: int = 0,
        prefect_port: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._port = port
        self._prefect_port = prefect_port or free_port()
        self.prefect_url = f"http://127.0.0.1:{self._prefect_port}/api"
        self._more = dict(environment or {})
        self._held = contextlib.ExitStack()
        self._guard = Guard()
        self.apis = [
            self._server(f"api-{number + 1}", functools.partial(self._serve, number)) for number in range(apis)
        ]
        self.workers = [self._server(f"worker-{number + 1}", _work) for number in range(workers)]

    def __enter__(self) -> Stack:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything, workers first, so that they can give back their runs. Safe to call twice."""
        for group in (self.workers, self.apis, [self.prefect] if hasattr(self, "prefect") else []):
            with ThreadPoolExecutor(max(1, len(group))) as pool:
                list(pool.map(Server.stop, group))
        self._held.close()
        self._guard.close()

    @functools.cached_property
    def setup_link(self) -> str:
        """By which the first admin opens an account."""
        return self.apis[0].wait_for(r"(\S+/setup#token=\S+)")

    @property
    def setup_token(self) -> str:
        """The same for programs."""
        return self.setup_link.partition("#token=")[2]

    @functools.cached_property
    def admin_token(self) -> str:
        """The access token of the first admin, whose account is opened unless it is there."""
        httpx.post(f"{self.api_urls[0]}/api/auth/setup", json={"token": self.setup_token, **ADMIN})
        return self.login(ADMIN["email"], ADMIN["password"])

    def login(self, email: str, password: str, *, api: int = 0) -> str:
        """An access token."""
        answer = httpx.post(f"{self.api_urls[api]}/api/auth/login", json={"email": email, "password": password})
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def run(self, *arguments: str) -> str:
        """What a command of `coursewright` says, with the settings of the stack."""
        done = subprocess.run(
            [beside_python("coursewright"), *arguments],
            env=self._environment("command"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"coursewright {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def _start(self) -> None:
        _refuse_taken(self._prefect_port)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "s3").mkdir()
        with ThreadPoolExecutor(16) as pool:
            database = pool.submit(self._held.enter_context, postgres(self._guard))
            store = pool.submit(self._held.enter_context, s3_server(self.folder / "s3", self._guard))
            prefect = pool.submit(self._start_prefect)
            self.postgres, self.s3 = database.result(), store.result()
            self._write_settings()
            waiting: list[Future[Any]] = [pool.submit(self.run, "storage", "init")]
            for api in self.apis:
                api.start()
            prefect.result()
            for worker in self.workers:
                worker.start()
            waiting += [pool.submit(worker.wait_for, r"worker (\S+) is ready") for worker in self.workers]
            self.api_urls = list(pool.map(lambda api: api.wait_for(r"is served at (\S+)"), self.apis))
            for each in waiting:
                each.result()
        for api, url in zip(self.apis, self.api_urls, strict=True):
            api.wait_until(functools.partial(is_ready, url))

    def _start_prefect(self) -> None:
        home = self.folder / "prefect"
        home.mkdir()
        shutil.copyfile(prepare(), home / "prefect.db")
        command = [sys.executable, "-m", "coursewright.run.server", "serve", str(self._prefect_port)]
        database = f"sqlite+aiosqlite:///{home / 'prefect.db'}"
        variables = {"PREFECT_HOME": str(home), "PREFECT_SERVER_DATABASE_CONNECTION_URL": database}
        environment = {**_inherited(), **QUIET, **_PREFECT, **variables}
        self.prefect = Server("the Prefect server", lambda: command, self._guard, environment=environment)
        self.start_prefect()

    def start_prefect(self) -> None:
        """Start the Prefect server, again after a kill, and wait until it answers. Raises Failed."""
        self.prefect.start()
        self.prefect.wait_until(lambda: _status(f"{self.prefect_url}/health") == 200)

    def _write_settings(self) -> None:
        values = {
            "prefect_api_url": self.prefect_url,
            "s3.endpoint": self.s3.endpoint,
            "s3.bucket": BUCKET,
            "server.database_url": self.postgres.url,
            "server.pipelines_dir": str(ROOT / "pipelines"),
            "secrets.S3_ACCESS_KEY": ACCESS_KEY,
            "secrets.S3_SECRET_KEY": self.s3.secret,
            "secrets.JWT_KEY": secrets.token_hex(32),
        }
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        (self.folder / "settings.toml").touch(mode=0o600)
        (self.folder / "settings.toml").write_text(f"{text}s3.secure = false\n", "utf-8")
        self.settings = settings_from(self._environment("test"))

    def _server(self, name: str, command: Any) -> Server:
        return _Configured(name, command, self._guard, self._environment)

    def _serve(self, number: int) -> Sequence[str]:
        """An API that was started once comes back at the same port."""
        if hasattr(self, "api_urls"):
            port = self.api_urls[number].rpartition(":")[2]
        else:
            port = str(self._port + number if self._port else 0)
        return [beside_python("coursewright"), "serve", "--api-only", "--port", port]

    def _environment(self, name: str) -> dict[str, str]:
        """What a process sees.

        Each API has a data folder of its own, as on a machine of its own; the workers share one, by which workers of
        one machine find names that differ.
        """
        folder = "workers" if name.startswith("worker") else name
        return {
            **_inherited(),
            "COURSEWRIGHT_SETTINGS": str(self.folder / "settings.toml"),
            "COURSEWRIGHT_DATA_DIR": str(self.folder / folder),
            **self._more,
        }


class _Configured(Server):
    """A process of ours, whose settings are known only when it starts."""

    def __init__(self, name: str, command: Any, guard: Guard, environment: Any) -> None:
        super().__init__(name, command, guard)
        self._variables = environment

    def start(self) -> None:
        self._environment = self._variables(self.name)
        super().start()


def _work() -> Sequence[str]:
    return [beside_python("coursewright"), "worker"]


def _refuse_taken(port: int) -> None:
    """Raise Failed where another program has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Failed(f"port {port} is in use by another program") from None


def _inherited() -> dict[str, str]:
    """The environment without settings that somebody made for other purposes."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COURSEWRIGHT_", "PREFECT_"))}


def is_ready(url: str) -> bool:
    """Has this API all that it needs?"""
    return _status(f"{url}/health/ready") == 200


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@click.command()
@click.option("--port", default=8400, show_default=True, help="The port of the first API; the second has the next.")
@click.option("--prefect-port", default=4200, show_default=True, help="The port of Prefect's pages.")
def main(port: int, prefect_port: int) -> None:
    """Start the whole service, as it stands in production, without containers. Ctrl-C stops it."""
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="coursewright-stack-") as folder:
        try:
            with Stack(Path(folder) / "stack", port=port, prefect_port=prefect_port) as stack:
                _tell(stack)
                _wait(stack)
        except Failed as error:
            click.echo(f"error: {error}", err=True)
            click.echo("  → other ports: make stack ARGS='--port 9400 --prefect-port 9200'", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("stopped")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _tell(stack: Stack) -> None:
    for server, url in zip(stack.apis, stack.api_urls, strict=True):
        click.echo(f"  {server.name:<12}{url}")
    click.echo(f"  {'Prefect':<12}{stack.prefect_url.removesuffix('/api')}")
    click.echo(f"  {'PostgreSQL':<12}{stack.postgres.url}")
    click.echo(f"  {'S3':<12}http://{stack.s3.endpoint}/{BUCKET}")
    click.echo(f"  {'settings':<12}{stack.folder / 'settings.toml'}")
    click.echo(f"\nThis link makes the first admin, once:\n  {stack.setup_link}\n\nCtrl-C stops everything.")
    sys.stdout.flush()


def _wait(stack: Stack) -> None:
    """Return when a part has ended by itself, having said which."""
    servers = [stack.postgres.server, stack.s3.server, stack.prefect, *stack.apis, *stack.workers]
    while all(server.lives for server in servers):
        with contextlib.suppress(subprocess.TimeoutExpired):
            servers[0].wait(1.0)
    for server in servers:
        if not server.lives:
            raise Failed(f"{server.name} ended by itself:\n{server.said()}")


if __name__ == "__main__":
    main()
