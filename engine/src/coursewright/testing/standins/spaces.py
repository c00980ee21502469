"""A real Gradio server in a process of its own, with switches for everything that a Space can do wrong.

    with space("llama", mode="fenced") as server:
        Space(server.url, what="the chat").call(...)
        server.switch(fail="quota")
        assert server.requests == [...]

The first start takes the seconds that importing Gradio takes; later ones are forked from a process that has done so.
Still, share one server between the tests of a module and `reset()` it before each. What the switches mean, and how an
app of your own is written, is told in `space_apps`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from coursewright.testing.standins.space_apps.nursery import Server, nursery

START_S = 100.0
"""Importing Gradio takes 4 s on a quiet machine, and 20 s on a busy one."""


class SpaceServer:
    """One server. It ends when `space()` is left, and when the process that started it dies."""

    def __init__(self, app: str, folder: Path, switches: dict[str, Any]) -> None:
        self.folder = folder
        """Everything the server keeps, its uploads included."""
        self._app = app
        self._first = switches
        self._round = 0
        self._port = _free_port()
        self._process: Server | None = None
        self.reset()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What the app's handlers were called with, in order."""
        return _lines(self.folder / "requests.jsonl")

    @property
    def http(self) -> list[dict[str, Any]]:
        """Every HTTP request: `method`, `path`, `query` and `headers` (names in lower case)."""
        return _lines(self.folder / "http.jsonl")

    def switch(self, **switches: Any) -> None:
        """Change some switches from the next request on; None takes one away."""
        self._write({key: value for key, value in {**self._switches, **switches}.items() if value is not None})

    def reset(self) -> None:
        """Back to the switches it was started with, with nothing recorded; jobs that hang are let go."""
        self._round += 1  # by which the server knows that it has to count anew
        self._write({**self._first, "round": self._round})
        for name in ("requests.jsonl", "http.jsonl"):
            (self.folder / name).unlink(missing_ok=True)

    def wait_for(self, found: Callable[[SpaceServer], object], patience_s: float = 10.0) -> None:
        """Wait until `found(self)` is true, such as a request that has begun. Raises TimeoutError."""
        ends = time.monotonic() + patience_s
        while not found(self):
            if time.monotonic() > ends:
                raise TimeoutError(f"not seen within {patience_s:g} s; requests so far: {self.requests}")
            time.sleep(0.01)

    def start(self) -> None:
        """Start it, at the same address as before. Returns when it answers."""
        environment = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
        environment |= {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": str(self.folder / "cache"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TMPDIR": str(self.folder),
        }
        self._process = nursery().born([self._app, str(self.folder), str(self._port)], environment, self.folder)
        self._await_ready(self._process)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def pause(self) -> None:
        """Let it keep its connections and answer nothing, until `go_on()`."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)

    @property
    def _switches(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "switches.json").read_text("utf-8"))
        return found

    def _write(self, switches: dict[str, Any]) -> None:
        part = self.folder / "switches.part"
        part.write_text(json.dumps(switches), "utf-8")
        part.replace(self.folder / "switches.json")

    def _await_ready(self, process: Server) -> None:
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if selector.select(START_S):
                said = process.stdout.readline()
        if said.strip() != b"ready":
            self.kill()
            words = (self.folder / "server.log").read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(f"the stand-in {self._app} did not start within {START_S:g} s: {words}")


@contextlib.contextmanager
def space(app: str, **switches: Any) -> Iterator[SpaceServer]:
    """One app at a free port: a module in `space_apps`, one elsewhere by its dotted name, or a .py file by its path."""
    with tempfile.TemporaryDirectory(prefix="space-", ignore_cleanup_errors=True) as folder:
        server = SpaceServer(app, Path(folder), switches)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    # The last line may be half written.
    return [json.loads(line) for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
