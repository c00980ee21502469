"""One request over the network, in a thread of its own. `coursewright.kit.http` is what a provider uses."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import logging
import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from coursewright.errors import AuthFailed, Busy, ProviderError, TimedOut, Unavailable
from coursewright.kit.replies import hidden
from coursewright.providers import Context

if TYPE_CHECKING:
    import ssl

_POLL_S = 0.1


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how much: seconds to connect, of silence, and in all; bytes of body."""

    connect_s: float
    read_s: float
    total_s: float | None
    most_bytes: int


class Head(msgspec.Struct, frozen=True):
    """What comes before the body. Names of headers are lower-case."""

    status: int
    headers: dict[str, str]


class _Stopped(Exception):
    """Nobody waits for this exchange any more."""


class Exchange:
    """Made in a daemon thread, as neither a name server nor a silent service can be interrupted otherwise.

    The thread hands over what comes; whoever waits looks at the context ten times a second. Stopping shuts the
    socket down, which wakes the thread and tells the service. `private` is what must not be sent unencrypted over
    a public network, nor be shown.
    """

    def __init__(
        self,
        method: str,
        url: str,
        *,
        what: str,
        headers: dict[str, str],
        content: bytes | None,
        private: Sequence[str],
        limits: Limits,
        context: Context | None,
    ) -> None:
        self._what, self._private, self._limits, self._context = what, private, limits, context
        self._request: dict[str, Any] = {"method": method, "url": url, "headers": headers, "content": content}
        self._secure, host = url.startswith("https:"), urlsplit(url).hostname or ""
        self._far = self._secure and not is_near(host)
        self._came: queue.SimpleQueue[Head | bytes | BaseException | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._work, name=f"coursewright-http-{host}", daemon=True)
        self._ends = None if limits.total_s is None else time.monotonic() + limits.total_s
        self._thread.start()

    def next(self) -> Head | bytes | None:
        """What came next: the head, pieces of the body, None at its end. Raises one of the family."""
        while True:
            if self._context is not None:
                self._context.raise_if_cancelled()
            if self._ends is not None and time.monotonic() > self._ends:
                raise _silent(self._what, f"within {self._limits.total_s:g} s")
            with contextlib.suppress(queue.Empty):
                came = self._came.get(timeout=_POLL_S)
                if isinstance(came, BaseException):
                    raise self._meaning(came) from None
                return came

    def stop(self) -> None:
        """Close the connection, finished or not."""
        self._stopped.set()
        with self._lock:
            connected = self._socket
            if connected is not None:
                with contextlib.suppress(OSError):  # closed already
                    # Not SSLSocket's own, which takes the TLS state away under the thread that reads.
                    socket.socket.shutdown(connected, socket.SHUT_RDWR)
        if connected is not None:
            self._thread.join(0.5)

    def _work(self) -> None:
        try:
            import httpx

            _quiet()
            # Proxies of the environment are for the world outside: a plain one would see what passes through it.
            with (
                httpx.Client(
                    timeout=httpx.Timeout(self._limits.read_s, connect=self._limits.connect_s),
                    verify=_certificates() if self._secure else False,
                    trust_env=self._far,
                    follow_redirects=False,
                ) as client,
                client.stream(**self._request, extensions={"trace": self._trace}) as response,
            ):
                self._came.put(Head(response.status_code, {k.lower(): v for k, v in response.headers.items()}))
                size = 0
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > self._limits.most_bytes:
                        raise Unavailable(
                            f"{self._what} sent more than {self._limits.most_bytes:,} bytes: no answer is so large",
                            remedy="check its address",
                        )
                    self._came.put(chunk)
            self._came.put(None)
        except BaseException as error:  # handed to whoever waits
            self._came.put(error)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """httpcore tells what it does. A connection is looked at before anything is sent over it."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        stream = info["return_value"]
        with self._lock:
            self._socket = stream.get_extra_info("socket")
        if self._stopped.is_set():
            stream.close()
            raise _Stopped
        if self._private and not self._secure and not is_near(str(stream.get_extra_info("server_addr")[0])):
            stream.close()
            raise unprotected(self._what)

    def _meaning(self, error: BaseException) -> BaseException:
        """The error of the family for what went wrong on the way; itself, when nothing did but our own work."""
        import httpx

        if isinstance(error, ProviderError) or not isinstance(error, httpx.HTTPError | httpx.InvalidURL | OSError):
            return error
        what, detail = self._what, hidden(f"{type(error).__name__}: {error}", self._private)[:300]
        causes = list(_causes(error))
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return no_address(what)
        if isinstance(error, httpx.ConnectTimeout):
            return Unavailable(
                f"{what} cannot be reached: no connection within {self._limits.connect_s:g} s",
                remedy="check that it runs and that the network lets it through",
                detail=detail,
            )
        if isinstance(error, httpx.TimeoutException):
            return _silent(what, f"for {self._limits.read_s:g} s", detail)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return Unavailable(
                f"the name of {what} is not known on this network",
                remedy="check its address, and the network",
                detail=detail,
            )
        if any(type(cause).__name__.startswith(("SSL", "CertificateError")) for cause in causes):
            return Unavailable(
                f"there is no secure connection to {what}",
                remedy="check its address and its certificate",
                detail=detail,
            )
        if isinstance(error, httpx.ProxyError):
            return Unavailable(
                f"the network's proxy does not lead to {what}", remedy="check HTTPS_PROXY", detail=detail
            )
        if isinstance(error, httpx.ConnectError):
            return Unavailable(f"{what} is not running there", remedy="start it, or check its address", detail=detail)
        return Busy(f"the connection to {what} broke", remedy="try again", detail=detail)


def unprotected(what: str) -> AuthFailed:
    """A key would have gone through a public network for all to read."""
    return AuthFailed(
        f"{what} is at a public address without https: the key was not sent",
        remedy="set an address that begins with https://",
    )


def no_address(what: str) -> Unavailable:
    """What was set as the service's address is none."""
    return Unavailable(f"the address of {what} is no web address", remedy="set one such as http://127.0.0.1:8080/v1")


def is_near(host: str) -> bool:
    """Is the host, by its written address, this machine or in a private network? Other names are not looked up."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_private or address.is_loopback


def is_public(host: str) -> bool:
    """Is the host a written address outside every private network?"""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host.partition("%")[0])
        return not is_near(host)
    return False


def _silent(what: str, how_long: str, detail: str = "") -> TimedOut:
    return TimedOut(f"{what} did not answer {how_long}", remedy="try again later, or give it more time", detail=detail)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@functools.cache
def _quiet() -> None:
    """At DEBUG httpcore writes down every header that a service sends, our key too if it sends that back."""
    logger = logging.getLogger("httpcore")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Made once: reading the certificates takes 15 to 50 ms."""
    import httpx

    return httpx.create_ssl_context()
