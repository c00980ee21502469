"""An S3 server that really checks signatures, for tests and for `make stack`: OpenStack Swift."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

from minio import Minio

from tools.processes import Failed, Guard, Server, free_port
from tools.swift import ENVIRONMENT, ROOT

PYTHON = ENVIRONMENT / "bin" / "python"
_PROGRAM = ROOT / "engine" / "tests" / "store" / "swift_server.py"
ACCESS_KEY = "test:author"
"""Swift's account and user."""


class S3Server:
    """A running server. It may be stopped, and started again at its address with what it holds."""

    def __init__(self, endpoint: str, secret: str, server: Server) -> None:
        self.endpoint = endpoint
        self.secret = secret
        self.server = server
        self.client = Minio(endpoint, ACCESS_KEY, secret, secure=False, region="us-east-1")

    def start(self) -> None:
        """Start it, and wait until it answers. Raises Failed."""
        self.server.start()
        self.server.wait_for('"endpoint": "([^"]+)"')

    def stop(self) -> None:
        """End it."""
        self.server.kill()


@contextlib.contextmanager
def s3_server(folder: Path, guard: Guard) -> Iterator[S3Server]:
    """A new server that keeps its data in `folder`. Raises Failed when it is not installed."""
    if not PYTHON.exists():
        raise Failed("the S3 server for tests is not installed: run `python tools/swift.py`, or `make test`")
    secret, port = secrets.token_urlsafe(16), free_port()
    command = [str(PYTHON), "-I", "-W", "ignore", str(_PROGRAM), str(folder), secret, str(port)]
    # It serves until its standard input closes.
    server = Server("the S3 server", lambda: command, guard, stdin=subprocess.PIPE)
    found = S3Server(f"127.0.0.1:{port}", secret, server)
    try:
        found.start()
        yield found
    finally:
        found.stop()
