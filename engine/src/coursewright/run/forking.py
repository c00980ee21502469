"""Runs as forks of one process that has imported what they need: importing Prefect takes two seconds of a core.

A worker has a fork server beside it (`fork_server`). What the worker starts for a run asks it for a fork
(`run_in_fork`), hands over its arguments, environment, folder and streams, and stands for it from then on: SIGTERM is
passed on, the fork's end is its end, and without it the fork ends as well. Where there is no fork server, the run
does without. Linux only: on macOS libraries of the system do not survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import secrets
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

VARIABLE = "COURSEWRIGHT_FORK_SERVER"
"""Names the socket of the fork server, for what a worker starts; `@` stands for the abstract namespace."""
_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!i")
_CREDENTIALS = struct.Struct("3i")
"""`struct ucred` of unix(7): process, user, group."""
_HANDING_OVER_S = 5.0
_STREAMS = 3


class _Wanted(msgspec.Struct, frozen=True):
    """What a fork is to become."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


@contextlib.contextmanager
def fork_server() -> Iterator[None]:
    """Have a fork server as long as the block runs, for what this process starts meanwhile."""
    if sys.platform != "linux":
        yield
        return
    name = f"@coursewright-{secrets.token_hex(16)}"
    with _socket() as listener:
        listener.bind(_address(name))
        listener.listen()
        command = [sys.executable, "-c", f"from {__name__} import serve; serve({listener.fileno()})"]
        # It ends when its standard input does, however this process ends.
        server = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
    with server:
        os.environ[VARIABLE] = name
        try:
            yield
        finally:
            del os.environ[VARIABLE]
            server.kill()


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX)


def _address(name: str) -> str:
    """In the abstract namespace: nothing is left of it when its server is killed."""
    return "\0" + name.removeprefix("@")


def run_in_fork() -> int | None:
    """Let a fork run this process's command; its exit code. None where there is no fork server to do so."""
    name = os.environ.pop(VARIABLE, "")
    if not name:
        return None
    wanted = _Wanted(sys.argv, dict(os.environ), str(Path.cwd()))
    with _socket() as fork:
        fork.settimeout(_HANDING_OVER_S)
        try:
            fork.connect(_address(name))
            _send(fork, wanted)
        except OSError:
            return None
        fork.settimeout(None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _frame: fork.sendall(bytes([number])))
        return _end_of(fork)


def _send(fork: socket.socket, wanted: _Wanted) -> None:
    body = msgspec.msgpack.encode(wanted)
    socket.send_fds(fork, [_LENGTH.pack(len(body))], list(range(_STREAMS)))
    fork.sendall(body)


def _end_of(fork: socket.socket) -> int:
    told = fork.recv(_STATUS.size)
    if len(told) < _STATUS.size:
        return 1  # the fork server is gone, and its forks with it
    (code,) = _STATUS.unpack(told)
    if code < 0:  # ended by a signal: whoever waits for this process should see that
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return int(code)


def serve(listening: int) -> None:
    """The fork server: it takes who comes to that socket until its standard input ends."""
    from coursewright.run.server import uncollected

    with uncollected():
        import coursewright.run.deployed  # noqa: F401  # what takes the time
    with socket.socket(fileno=listening) as listener:
        wanted = _Server(listener).next_fork()
    if wanted is not None:
        from coursewright.cli import main

        main(wanted.arguments[1:])


class _Server:
    """Accepts, forks, and tells how forks ended. A single thread, so that a fork finds nothing half done."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._askers: dict[int, socket.socket] = {}
        self._ended, wake = socket.socketpair()
        self._wake = wake
        for each in (self._ended, wake):
            each.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the worker, which ends this process

    def next_fork(self) -> _Wanted | None:
        """Serve. Returns in each fork with what it is to become, and None in the server at its end."""
        with selectors.DefaultSelector() as selector:
            for each in (self._listener, self._ended, sys.stdin):
                selector.register(each, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._ended in ready:
                    self._tell_ends()
                if self._listener in ready and (wanted := self._fork()) is not None:
                    return wanted
                if sys.stdin in ready:
                    return None

    def _tell_ends(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._ended.recv(4096)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with self._askers.pop(ended[0]) as asker, contextlib.suppress(OSError):
                    asker.sendall(_STATUS.pack(os.waitstatus_to_exitcode(ended[1])))

    def _fork(self) -> _Wanted | None:
        asker, _ = self._listener.accept()
        if not _is_ours(asker):
            asker.close()
            return None
        asker.settimeout(_HANDING_OVER_S)
        try:
            wanted, streams = _received(asker)
        except (OSError, EOFError, msgspec.DecodeError):
            asker.close()
            return None
        child = os.fork()
        if child:
            self._askers[child] = asker
        else:
            self._leave()
            _become(wanted, asker, streams)
        for stream in streams:
            os.close(stream)
        return None if child else wanted

    def _leave(self) -> None:
        """In a fork: have nothing of the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._listener, self._ended, self._wake, *self._askers.values()):
            each.close()
        self._askers.clear()


def _is_ours(asker: socket.socket) -> bool:
    """Anybody on the machine may come to an abstract socket; only the server's own user is served."""
    credentials = asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[1]) == os.getuid()


def _received(asker: socket.socket) -> tuple[_Wanted, list[int]]:
    length, streams, _, _ = socket.recv_fds(asker, _LENGTH.size, _STREAMS)
    with asker.makefile("rb") as body:
        wanted = msgspec.msgpack.decode(body.read(_LENGTH.unpack(length)[0]), type=_Wanted)
    return wanted, streams


def _become(wanted: _Wanted, asker: socket.socket, streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    # Objects that knew the server's streams would go on by what those could do, such as seeking.
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  # open as long as the process is
        for number, mode in enumerate("rww")
    )
    os.chdir(wanted.folder)
    os.environ.clear()
    os.environ.update(wanted.environment)
    sys.argv[:] = wanted.arguments
    random.seed()
    gc.enable()
    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()
    asker.settimeout(None)
    threading.Thread(target=_obey, args=(asker,), daemon=True).start()


def _obey(asker: socket.socket) -> None:
    """Take the signals that are passed on, and end with whoever stands for this run."""
    while number := asker.recv(1):
        os.kill(os.getpid(), number[0])
    os._exit(1)
