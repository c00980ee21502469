"""Every HTTP request of one client, in one hand: what it may carry, how long it may take, and how it is cut off.

`gradio_client` hands its `httpx_kwargs` to httpx; an `auth=` among them sees every request before it is sent and
every response before it is read. Importing this module imports httpx.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Generator
from typing import Any

import httpcore
import httpx

CONNECT_S = 20.0
ANSWER_S = 60.0
"""For the beginning of an ordinary answer. A Space that is being started may take long for its first."""
TELL_S = 5.0
"""For telling a service that a job is cancelled."""

_STREAMS = ("/queue/data", "/heartbeat/")
TOKEN = "x-hf-authorization"  # noqa: S105  # the header's name


@functools.cache
def tls() -> ssl.SSLContext:
    """One TLS context for all requests of this process: httpx builds one for each, which takes 15 to 50 ms."""
    return httpx.create_ssl_context()


class Wire(httpx.Auth):
    """The requests of one client to the app at `home`."""

    def __init__(self, home: str) -> None:
        self._home = _origin(httpx.URL(home))
        self._sockets: list[Any] = []
        self._lock = threading.Lock()
        self._cut = False
        self.failed: httpx.Response | None = None
        """The first answer that was no success; its body may be unread."""

    @property
    def options(self) -> dict[str, Any]:
        """For a client's `httpx_kwargs`."""
        return {"auth": self, "timeout": httpx.Timeout(CONNECT_S, read=None)}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._cut:
            raise httpx.RemoteProtocolError("the call is over", request=request)
        if _origin(request.url) != self._home:
            request.headers.pop(TOKEN, None)
        path = request.url.path
        streams = any(stream in path for stream in _STREAMS)
        if not streams:
            read_s = TELL_S if path.endswith(("/cancel", "/reset")) else ANSWER_S
            request.extensions["timeout"] = {**request.extensions.get("timeout", {}), "read": read_s}
        request.extensions["trace"] = self._trace_stream if streams else self._trace
        response = yield request
        if not response.is_success and self.failed is None:
            self.failed = response

    def cut(self) -> None:
        """End every request now, from any thread. None is begun after it."""
        with self._lock:
            self._cut = True
            sockets, self._sockets = self._sockets, []
        for connection in sockets:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which would tear its state away under the thread that reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        # httpcore's names; the socket of the second takes over that of the first.
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            connection = info["return_value"].get_extra_info("socket")
            with self._lock:
                cut = self._cut
                self._sockets.append(connection)
            if cut:
                self.cut()

    def _trace_stream(self, event: str, info: dict[str, Any]) -> None:
        self._trace(event, info)
        # gradio_client prints a traceback when its event stream ends by any error but this one.
        error = info.get("exception")
        if event.endswith(".failed") and isinstance(error, httpcore.NetworkError | httpcore.TimeoutException):
            raise httpcore.RemoteProtocolError(f"the connection ended: {error}") from error


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
