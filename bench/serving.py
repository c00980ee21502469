"""The service in a process of its own, an admin in it, and connections to it: what several benchmarks need."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ADMIN = {"email": "ada@example.org", "username": "ada", "password": "correct horse battery"}
_TICKS = os.sysconf("SC_CLK_TCK")


class Served:
    """A running service. `process` is there to be stopped and measured."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.url = self.setup_token = ""
        assert process.stdout is not None
        while not self.setup_token:
            line = process.stdout.readline()
            assert line, "the service did not start"
            self.url = self.url or "".join(re.findall(r"is served at (\S+)", line))
            self.setup_token = "".join(re.findall(r"#token=(\S+)", line))
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):  # closed, since it ends
            for _ in self.process.stdout:
                pass

    @property
    def pid(self) -> int:
        return self.process.pid

    def admin(self) -> str:
        """Make the first admin; an access token."""
        ask(f"{self.url}/api/auth/setup", {"token": self.setup_token, **ADMIN})
        return self.login()

    def login(self) -> str:
        """Another access token."""
        body = {key: ADMIN[key] for key in ("email", "password")}
        return str(ask(f"{self.url}/api/auth/login", body)["access_token"])


@contextlib.contextmanager
def service(
    folder: Path,
    *arguments: str,
    settings: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Served]:
    """`coursewright serve` on any port, with these settings of the server by their names in upper case."""
    given = {f"COURSEWRIGHT_SERVER_{name}": str(value) for name, value in (settings or {}).items()}
    environment = {**os.environ, "COURSEWRIGHT_DATA_DIR": str(folder), **given, **(variables or {})}
    command = [sys.executable, "-m", "coursewright", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, **options) as process:
        try:
            yield Served(process, folder)
        finally:
            process.terminate()
            process.wait()


def ask(url: str, body: Any = None, token: str = "", method: str | None = None) -> Any:
    """What a request is answered, decoded. Raises urllib's HTTPError."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


class Line:
    """One connection that stays open, for requests one after the other. Costs little itself."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        self._address = parts.hostname, parts.port or 80
        self._headers = f"Host: {parts.netloc}\r\n" + (f"Authorization: Bearer {token}\r\n" if token else "") + "\r\n"
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fresh(self) -> None:
        """Connect anew: servers close connections that have been idle for some seconds."""
        self._socket.close()
        self._open()

    def get(self, target: str) -> bytes:
        """The body of the answer, which must be a good one."""
        self._socket.sendall(f"GET {target} HTTP/1.1\r\n{self._headers}".encode())
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head, body = received[:end], received[end + 4 :]
        assert head.split(b" ", 2)[1] == b"200", received.decode()
        found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        assert found
        while len(body) < int(found[1]):
            body += self._more()
        return body

    def _more(self) -> bytes:
        received = self._socket.recv(262_144)
        if not received:
            raise ConnectionError("the server closed the connection")
        return received

    def close(self) -> None:
        self._socket.close()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_bytes(pid: int, kind: str = "VmRSS") -> int:
    """What a process holds now, or, as `VmHWM`, held at most."""
    found = re.search(rf"{kind}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def until(url: str, patience_s: float = 120.0) -> float:
    """The moment (of `time.perf_counter`) at which an address answers well. Raises TimeoutError."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return time.perf_counter()
        time.sleep(0.02)
    raise TimeoutError(url)
