"""Gradio servers are born by forking one process that has imported Gradio, which costs four seconds, once."""

from __future__ import annotations

import array
import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_GONE_S = 10.0


class Server:
    """A process born here. The end of its `stdin` tells it that we are gone."""

    def __init__(self, pid: int, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout

    def kill(self) -> None:
        """End it, and return when it is gone."""
        ends = time.monotonic() + _GONE_S
        try:
            os.kill(self.pid, signal.SIGKILL)
            while time.monotonic() < ends:
                os.kill(self.pid, 0)
                time.sleep(0.005)
        except ProcessLookupError:
            pass
        self.stdin.close()
        self.stdout.close()


class Nursery:
    """The process with Gradio in it. It ends when the process that started it does."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "coursewright.testing.standins.space_apps", "--nursery"]
            environment = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
            environment |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())], pass_fds=(theirs.fileno(),), env=environment, stdin=subprocess.DEVNULL
            )
        self._socket = ours
        self._lock = threading.Lock()
        atexit.register(self._close)

    def born(self, arguments: list[str], environment: dict[str, str], folder: Path) -> Server:
        """A server with these arguments and this environment; what it says on stderr goes to `server.log`."""
        stdin, to_stdin = os.pipe()
        from_stdout, stdout = os.pipe()
        with (folder / "server.log").open("ab") as log, self._lock:
            order = json.dumps({"arguments": arguments, "environment": environment}).encode()
            socket.send_fds(self._socket, [len(order).to_bytes(4, "big") + order], [stdin, stdout, log.fileno()])
            pid = int.from_bytes(_exactly(self._socket, 4), "big")
        os.close(stdin)
        os.close(stdout)
        return Server(pid, os.fdopen(to_stdin, "wb"), os.fdopen(from_stdout, "rb"))

    def _close(self) -> None:
        self._socket.close()
        self._process.wait()


@functools.cache
def nursery() -> Nursery:
    """The one of this process."""
    return Nursery()


def serve_births(handle: int, run: Callable[[list[str]], None]) -> None:
    """In the nursery: fork for every order, until the other side is gone. `run(arguments)` serves in the child."""
    import gradio  # noqa: F401  # what all this is for

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    with socket.socket(fileno=handle) as orders:
        while True:
            size = array.array("i").itemsize
            head, ancillary, _, _ = orders.recvmsg(4, socket.CMSG_SPACE(3 * size))
            if not head:
                return
            handles = array.array("i", ancillary[0][2][: 3 * size])
            order = json.loads(_exactly(orders, int.from_bytes(head + _exactly(orders, 4 - len(head)), "big")))
            pid = os.fork()
            if pid == 0:
                _become(order, list(handles))
                orders.close()
                run(order["arguments"])
                os._exit(0)
            for each in handles:
                os.close(each)
            orders.sendall(pid.to_bytes(4, "big"))


def _become(order: dict[str, object], handles: list[int]) -> None:
    """A process like any other: its own streams and environment."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(dict(order["environment"]))  # type: ignore[call-overload]  # a mapping, by its sender


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = source.recv(count - len(data))
        if not part:
            raise EOFError("the other side is gone")
        data += part
    return data
