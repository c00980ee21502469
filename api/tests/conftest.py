"""The service on SQLite and on a real PostgreSQL, with people in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from coursewright.run import server as prefect
from coursewright.settings import Settings
from coursewright_api.app import create_app
from coursewright_api.assets.inspection import Inspector
from coursewright_api.auth.identity import Identity
from coursewright_api.auth.middleware import Authentication
from coursewright_api.auth.passwords import Passwords
from coursewright_api.database import SQLITE_NAME, Database
from coursewright_api.database.tables import TABLES
from coursewright_api.service import Service
from coursewright_api.settings import server_settings
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.types import ASGIApp, Receive, Scope, Send

from tools.postgres import postgres as postgres_server
from tools.postgres import query
from tools.processes import Guard

DSN_VARIABLE = "COURSEWRIGHT_TEST_POSTGRES"
"""The address of a PostgreSQL whose user may create databases; without it, one is started."""
URL = "http://127.0.0.1:8400"
PASSWORD = "correct horse battery"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server: the one that the environment names, or one of our own."""
    if given := os.environ.get(DSN_VARIABLE):
        yield given
        return
    with contextlib.closing(Guard()) as guard, postgres_server(guard) as server:
        yield server.url


@pytest.fixture
def new_postgres(postgres: str) -> Iterator[Callable[[], str]]:
    """Makes an empty database; gives its address."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{uuid4().hex}")
        asyncio.run(query(postgres, f"CREATE DATABASE {made[-1]}"))
        return urlsplit(postgres)._replace(path=f"/{made[-1]}").geturl()

    yield make
    for name in made:
        asyncio.run(query(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The setting for a new, empty database of each kind."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("new_postgres")()
    return url


async def _migrated(folder: Path, url: str) -> None:
    settings = Settings(data_dir=folder, server={"database_url": url})
    database = Database(settings, server_settings(settings))
    await database.open()
    await database.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to copy."""
    folder = tmp_path_factory.mktemp("migrated")
    asyncio.run(_migrated(folder, ""))
    return folder / SQLITE_NAME


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with all tables, to empty before each test."""
    name = f"test_{uuid4().hex}"
    asyncio.run(query(postgres, f"CREATE DATABASE {name}"))
    url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
    asyncio.run(_migrated(tmp_path_factory.mktemp("migrated"), url))
    yield url
    asyncio.run(query(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgres"])
def ready_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The setting for an empty database with all tables, of each kind."""
    if request.param == "sqlite":
        (tmp_path / "data").mkdir()
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), tmp_path / "data" / SQLITE_NAME)
        return ""
    url: str = request.getfixturevalue("migrated_postgres")
    names = ", ".join(f'"{table._meta.tablename}"' for table in TABLES)
    asyncio.run(query(url, f"TRUNCATE {names} RESTART IDENTITY"))
    return url


class CountingPasswords(Passwords):
    """Argon2id at its cheapest, and how often it was asked to check a password."""

    def __init__(self) -> None:
        super().__init__(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.checked = 0

    def _matches(self, kept: str, password: str) -> bool:
        self.checked += 1
        return super()._matches(kept, password)


@dataclass
class Person:
    """Somebody who is logged in."""

    api: Api
    email: str
    id: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def ask(self, method: str, path: str, **options: Any) -> Response:
        return await self.api.client.request(method, path, headers=self.headers, **options)


class Api:
    """The service, asked over its ASGI interface."""

    def __init__(self, service: Service, client: AsyncClient, passwords: CountingPasswords) -> None:
        self.service = service
        self.client = client
        self.passwords = passwords

    async def post(self, path: str, body: Any = None, **options: Any) -> Response:
        return await self.client.post(path, json=body, **options)

    async def login(self, email: str, password: str = PASSWORD, **more: Any) -> Person:
        """Log in. Raises when that fails."""
        answer = await self.post("/api/auth/login", {"email": email, "password": password, **more})
        assert answer.status_code == 200, answer.text
        person = Person(self, email, "", answer.json())
        person.id = (await person.ask("GET", "/api/auth/profile")).json()["id"]
        return person

    async def author(self, name: str = "bob") -> Person:
        """A new author."""
        email = f"{name}@example.org"
        answer = await self.post("/api/auth/register", {"email": email, "username": name, "password": PASSWORD})
        assert answer.status_code == 202, answer.text
        return await self.login(email)

    async def admin(self, name: str = "ada") -> Person:
        """The first admin."""
        link = await self.service.links.setup()
        assert link is not None
        body = {"token": link.token, "email": f"{name}@example.org", "username": name, "password": PASSWORD}
        answer = await self.post("/api/auth/setup", body)
        assert answer.status_code == 204, answer.text
        return await self.login(f"{name}@example.org")


Start = Callable[..., Any]


class LastingInspector(Inspector):
    """One for all tests: its processes take a second to start."""

    def close(self) -> None:
        """The session's end closes it."""


@pytest.fixture(scope="session")
def inspector() -> Iterator[Inspector]:
    inspector = LastingInspector()
    yield inspector
    Inspector.close(inspector)


class Standing(Service):
    """Stands for another service at each test: Litestar takes a fifth of a second to register all routes."""

    def __init__(self) -> None:
        self._stood_for: Service | None = None

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name == "stand_for":
            return super().__getattribute__(name)
        return Delegated(self) if name == "authentication" else getattr(self._stood_for, name)

    def stand_for(self, service: Service) -> None:
        """Answer as this one does from now on."""
        self._stood_for = service


class Delegated(Authentication):
    """The authentication of the service that is stood for."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        await self._real.handle(scope, receive, send, next_app)

    async def identify(self, connection: ASGIConnection[Any, Any, Any, Any], method: str) -> Identity:
        return await self._real.identify(connection, method)

    @property
    def _real(self) -> Authentication:
        assert self._standing._stood_for is not None
        return self._standing._stood_for.authentication


Apps = dict[tuple[Any, ...], list[tuple[Standing, Litestar]]]


@pytest.fixture(scope="session")
def apps() -> Apps:
    """Applications that no test uses now, by the settings they were made with."""
    return {}


@contextlib.contextmanager
def lent(apps: Apps, service: Service) -> Iterator[Litestar]:
    """An application for the service."""
    server = service.server
    free = apps.setdefault((server.secure, server.max_body_bytes, tuple(server.allowed_origins)), [])
    standing, app = free.pop() if free else (Standing(), None)
    standing.stand_for(service)
    app = app or create_app(standing)
    yield app
    free.append((standing, app))


@pytest.fixture
async def start(tmp_path: Path, ready_url: str, inspector: Inspector, apps: Apps) -> AsyncIterator[Start]:
    """`await start(registration="closed")`: the service with these settings of its own."""
    # No AsyncExitStack: Python 3.11's loops for ever over errors whose causes go in a circle.
    opened: list[contextlib.AbstractAsyncContextManager[Any]] = []

    async def enter(context: contextlib.AbstractAsyncContextManager[Any]) -> Any:
        entered = await context.__aenter__()
        opened.append(context)
        return entered

    async def start(*, secrets: dict[str, str] | None = None, **server: Any) -> Api:
        settings = Settings(
            data_dir=tmp_path / "data",
            server={"database_url": ready_url, "pipelines_dir": "", **server},
            secrets=secrets or {},
        )
        passwords = CountingPasswords()
        service = Service(settings, server_settings(settings), passwords=passwords, inspector=inspector)
        app = lending.enter_context(lent(apps, service))
        await enter(app.lifespan())
        transport = ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]  # two spellings of the ASGI types
        client = await enter(AsyncClient(transport=transport, base_url=URL))
        return Api(service, client, passwords)

    lending = contextlib.ExitStack()
    try:
        yield start
    finally:
        for context in reversed(opened):
            await context.__aexit__(None, None, None)
    lending.close()


@pytest.fixture
async def api(start: Start) -> Api:
    started: Api = await start()
    return started


def problem(answer: Response) -> tuple[int, str]:
    """The status and code of a problem, which is well-formed."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:coursewright:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["code"]


PATIENCE_S = 60.0
"""For a busy machine; what is waited for takes seconds."""


class Served:
    """A running service."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        command = [str(Path(sys.executable).with_name("coursewright")), "serve", "--port", "0", *arguments]
        variables = {**os.environ, "COURSEWRIGHT_DATA_DIR": str(folder), **environment}
        self.process = subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._coming: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self.wait_for(r"is served at (\S+)")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line)

    def wait_for(self, pattern: str) -> str:
        """The first group of the first line, already there or to come, that matches."""
        for line in self.lines:
            if found := re.search(pattern, line):
                return found[1]
        while True:
            line = self._coming.get(timeout=PATIENCE_S)
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found[1]

    def close(self) -> None:
        """Nothing is left of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """The exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        return code, time.monotonic() - began


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*arguments: str, **environment: str) -> Served:
        started.append(Served(tmp_path / "data", *arguments, **environment))
        return started[-1]

    yield start
    for each in started:
        each.close()
    prefect.stop(Settings(data_dir=tmp_path / "data"))
