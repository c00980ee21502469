"""`coursewright serve` for tests and pictures, at a port of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tools.processes import Guard, Server, beside_python, free_port

ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def served(data: Path, *arguments: str, **settings: str) -> Iterator[tuple[Server, str]]:
    """The service on that data folder, and its address, which stays when it is started again."""
    port = free_port()
    program = beside_python("coursewright")
    variables = {f"COURSEWRIGHT_SERVER_{name.upper()}": value for name, value in settings.items()}
    environment = {**os.environ, "COURSEWRIGHT_DATA_DIR": str(data), **variables}
    with contextlib.closing(Guard()) as guard:
        server = Server(
            "coursewright serve",
            lambda: [program, "serve", "--port", str(port), *arguments],
            guard,
            environment=environment,
            cwd=ROOT,
        )
        server.start()
        try:
            yield server, server.wait_for(r"is served at (\S+)")
        finally:
            server.stop()
