"""The two backends of the store, each with what a test needs to get behind its back."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursewright.settings import Settings, settings_from
from coursewright.store import open_store
from coursewright.store.contract import Store, object_path

from tools.processes import Guard
from tools.s3_server import ACCESS_KEY, S3Server, s3_server

HERE = Path(__file__).parent
AWKWARD = "a 'store' with \"quotes\" & 🎬"


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with contextlib.closing(Guard()) as guard, s3_server(tmp_path_factory.mktemp("swift"), guard) as server:
        yield server


class Backend(ABC):
    """One store. Each `open` sees it as another process would."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def settings_file(self, **changes: str) -> Path:
        """A settings file that names the store."""

    @abstractmethod
    def damage(self, digest: str, content: bytes) -> None:
        """Replace stored bytes behind the store's back."""

    @abstractmethod
    def break_record(self, key: str, content: bytes) -> None:
        """Replace a record behind the store's back."""

    @abstractmethod
    def litter(self, digest: str) -> None:
        """Leave what the store did not write beside stored bytes."""

    def settings(self, **changes: str) -> Settings:
        return settings_from({"COURSEWRIGHT_SETTINGS": str(self.settings_file(**changes))})

    def open(self, **changes: str) -> Store:
        return open_store(self.settings(**changes))

    def start(self, *arguments: object, **changes: str) -> subprocess.Popen[str]:
        """`worker.py`, in a process of its own."""
        command = [sys.executable, *map(str, (HERE / "worker.py", self.settings_file(**changes), *arguments))]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def run(self, *arguments: object, **changes: str) -> str:
        with self.start(*arguments, **changes) as process:
            answer, _ = process.communicate()
        assert process.returncode == 0
        return answer


class LocalBackend(Backend):
    name = "local"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.root = folder / AWKWARD / "store"

    def settings_file(self, **changes: str) -> Path:
        path = self.folder / "settings.toml"
        path.write_text(f"data_dir = {toml(self.root.parent)}\n", "utf-8")
        return path

    def blob(self, digest: str) -> Path:
        return self.root / object_path("blobs", digest)

    def record(self, key: str) -> Path:
        return self.root / object_path("records", key)

    def damage(self, digest: str, content: bytes) -> None:
        replace_in_place(self.blob(digest), content)

    def break_record(self, key: str, content: bytes) -> None:
        self.record(key).write_bytes(content)

    def litter(self, digest: str) -> None:
        self.blob(digest).with_name("Thumbs.db").write_bytes(b"x")
        (self.root / "blobs" / ".DS_Store").write_bytes(b"x")


class S3Backend(Backend):
    name = "s3"

    def __init__(self, folder: Path, swift: S3Server) -> None:
        super().__init__(folder)
        self.client = swift.client
        self.bucket = f"test-{secrets.token_hex(8)}"
        self.client.make_bucket(self.bucket)
        self._values = {
            "endpoint": swift.endpoint,
            "bucket": self.bucket,
            "prefix": "team a/courses",
            "access_key": ACCESS_KEY,
            "secret_key": swift.secret,
        }
        self._opened = 0

    def settings_file(self, **changes: str) -> Path:
        """Every one has a cache folder of its own, as on another machine."""
        self._opened += 1
        values = self._values | changes
        data_dir = values.get("data_dir", self.folder / f"{AWKWARD} {self._opened}")
        path = self.folder / f"settings-{self._opened}.toml"
        keys = "".join(f"{key} = {toml(values[key])}\n" for key in ("endpoint", "bucket", "prefix"))
        path.write_text(
            f"data_dir = {toml(data_dir)}\n[s3]\n{keys}secure = false\n[secrets]\n"
            f"S3_ACCESS_KEY = {toml(values['access_key'])}\nS3_SECRET_KEY = {toml(values['secret_key'])}\n",
            "utf-8",
        )
        return path

    def object_name(self, kind: str, name: str) -> str:
        return f"{self._values['prefix']}/{object_path(kind, name)}"

    def damage(self, digest: str, content: bytes) -> None:
        self._write(self.object_name("blobs", digest), content)

    def break_record(self, key: str, content: bytes) -> None:
        self._write(self.object_name("records", key), content)

    def litter(self, digest: str) -> None:
        self._write(self.object_name("blobs", digest).rpartition("/")[0] + "/Thumbs.db", b"x")

    def _write(self, name: str, content: bytes) -> None:
        self.client.put_object(self.bucket, name, io.BytesIO(content), len(content))


@pytest.fixture
def local(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path)


@pytest.fixture
def s3(tmp_path: Path, swift: S3Server) -> S3Backend:
    return S3Backend(tmp_path, swift)


@pytest.fixture(params=["local", "s3"])
def backend(request: pytest.FixtureRequest) -> Backend:
    backend = request.getfixturevalue(request.param)
    assert isinstance(backend, Backend)
    return backend


@pytest.fixture
def store(backend: Backend) -> Store:
    return backend.open()


class Relay:
    """A TCP relay that carries bytes to and from the server, until it has carried `limit` of them.

    Then it ends that connection once (`stalls` false), or keeps it open in silence.
    """

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self.endpoint = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.carried = 0
        self.limit: int | None = None
        self.stalls = False
        self.reached = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.carried += len(data)
                if self.limit is not None and self.carried > self.limit:
                    self.reached.set()
                    if self.stalls:
                        return
                    self.limit = None
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def relay(swift: S3Server) -> Iterator[Relay]:
    relay = Relay(swift.endpoint)
    try:
        yield relay
    finally:
        relay.close()


@pytest.fixture
def kill_at_end() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that must not outlive the test."""
    processes: list[subprocess.Popen[str]] = []
    try:
        yield processes
    finally:
        for process in processes:
            with process:
                process.kill()


def toml(value: object) -> str:
    """A TOML string; JSON's escapes are among TOML's as long as characters stay as they are."""
    return json.dumps(str(value), ensure_ascii=False)


def replace_in_place(path: Path, content: bytes) -> None:
    """Overwrite a read-only file's bytes, as a failing disk or a careless person would."""
    path.chmod(0o644)
    path.write_bytes(content)
    status = path.stat()
    # A clock tick may be longer than a test; nobody's damage happens within the tick of the writing.
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    path.chmod(0o444)
