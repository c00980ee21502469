"""Server processes that do not outlive whoever started them, however that ends.

Each gets a process group of its own, so that Ctrl-C in a terminal reaches its owner alone, who stops them in their
order. A guard process ends the groups of an owner that was killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
"""For a busy machine to start a server."""
_STOP_S = 12.0

_GUARD = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    number = int(line)
    groups.discard(-number) if number < 0 else groups.add(number)
for sent, patience_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 1)):
    for group in groups:
        try:
            os.killpg(group, sent)
        except OSError:
            pass
    deadline = time.monotonic() + patience_s
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        for group in list(groups):
            try:
                os.killpg(group, 0)
            except OSError:
                groups.discard(group)
"""
"""Reads the numbers of groups, negative ones of those that have ended, until its owner has gone; then ends the rest."""


class Failed(Exception):
    """A server did not start: what it said."""


class Guard:
    """Ends processes whose owner was killed. One for each owner."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _GUARD], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def watch(self, group: int) -> None:
        """This one too."""
        self._tell(group)

    def forget(self, group: int) -> None:
        """It has ended: its number may be another's soon."""
        self._tell(-group)

    def _tell(self, number: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Nobody is left to be watched."""
        self._process.kill()
        self._process.communicate()


class Server:
    """A process, what it says, and the lines by which it is known to be ready.

    `command` is asked for at each start, so that a server can come back at the address that it had.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str]],
        guard: Guard,
        *,
        environment: Mapping[str, str] | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
        **options: Any,
    ) -> None:
        self.name = name
        self._command = command
        self._guard = guard
        self._environment = environment
        self._stop_with = stop_with
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self._watched = False
        self._coming: queue.Queue[str | None] = queue.Queue()
        self.lines: list[str] = []

    def start(self) -> None:
        """Begin; `wait_for` says when it is ready."""
        self.lines.clear()
        self._coming = queue.Queue()
        self._process = subprocess.Popen(
            self._command(),
            env=None if self._environment is None else dict(self._environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            **{"stdin": subprocess.DEVNULL, **self._options},
        )
        self._guard.watch(self._process.pid)
        self._watched = True
        threading.Thread(target=self._read, args=(self._process, self._coming), daemon=True).start()

    def _read(self, process: subprocess.Popen[str], coming: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                coming.put(line)
        coming.put(None)

    def wait_for(self, pattern: str) -> str:
        """The first group of the first line, already there or to come, that matches. Raises Failed."""
        for line in self.lines:
            if found := re.search(pattern, line):
                return found[1]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                next_line = self._coming.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name} is not ready after {PATIENCE_S:g} s:\n{''.join(self.lines)}") from None
            if next_line is None:
                raise Failed(f"{self.name} ended:\n{''.join(self.lines)}")
            self.lines.append(next_line)
            if found := re.search(pattern, next_line):
                return found[1]

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return when `ready` says so. Raises Failed."""
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            if not self.lives or time.monotonic() > deadline:
                raise Failed(f"{self.name} did not start:\n{self.said()}")
            time.sleep(0.05)

    def said(self) -> str:
        """What it has said so far."""
        with contextlib.suppress(queue.Empty):
            while (line := self._coming.get(timeout=0 if self.lives else 1)) is not None:
                self.lines.append(line)
        return "".join(self.lines)

    @property
    def lives(self) -> bool:
        """Was it started, and has not ended?"""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the running process, and of its group."""
        assert self._process is not None
        return self._process.pid

    def wait(self, timeout_s: float) -> None:
        """Return when it has ended. Raises subprocess.TimeoutExpired."""
        assert self._process is not None
        self._process.wait(timeout_s)

    def stop(self) -> int | None:
        """Ask it to end, and end it when it does not; its exit code."""
        if self._process is None:
            return None
        if self.lives:
            self._process.send_signal(self._stop_with)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        self.kill()  # what it may have left in its group
        return self._process.returncode

    def kill(self) -> None:
        """End it, and what it started in its group, at once."""
        if self._process is not None and self._watched:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._guard.forget(self._process.pid)
            self._watched = False
            if self._process.stdin is not None:
                self._process.stdin.close()

    def pause(self) -> None:
        """Let it hang: connections stay, and nobody answers."""
        os.killpg(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        os.killpg(self.pid, signal.SIGCONT)


def free_port() -> int:
    """A port that was free just now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def beside_python(name: str) -> str:
    """A program of the environment that this process runs in."""
    return str(Path(sys.executable).with_name(name))
