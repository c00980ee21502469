"""An ASGI application on a free port of 127.0.0.1, in a thread of this process."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgspec

_START_S = 10.0


@contextlib.contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve `app` while the block runs; yields its address, `http://127.0.0.1:<port>`.

    What the application raises cuts the connection and is not reported: that is how a server breaks off.
    """
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level=100,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        ends = time.monotonic() + _START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > ends:
                raise RuntimeError("the stand-in does not start")
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(_START_S)
        listening.close()


def free_port() -> int:
    """A port on which nobody listens: what is asked there is refused."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def head(status: int, headers: dict[str, str]) -> dict[str, Any]:
    """The message that begins a response."""
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


async def reply(
    send: Any, status: int, content: Any, headers: dict[str, str] | None = None, media_type: str = "application/json"
) -> None:
    """Send a whole response: bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    length = {"content-type": media_type, "content-length": str(len(body))}
    await send(head(status, length | (headers or {})))
    await send({"type": "http.response.body", "body": body})
