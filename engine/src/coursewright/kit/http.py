"""Requests to web services that end in an answer or in an error of the family, and stop when the run stops."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import queue
import re
import socket
import threading
import time
from collections.abc import Collection, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from coursewright.errors import AuthFailed, Busy, ProviderError, TimedOut, Unavailable
from coursewright.kit.replies import Answer, failure, hidden, retry_after_s, words_of
from coursewright.providers import Context
from coursewright.secrets import Secret

if TYPE_CHECKING:
    import ssl

__all__ = ["Answer", "Chunks", "Http", "retry_after_s", "v1", "words_of"]

MOST_BYTES = 256_000_000
"""More than a day of MP3 speech: a larger body is no answer to anything that is asked here."""
_POLL_S = 0.1


def v1(url: str) -> str:
    """The base of an OpenAI-compatible server, given with or without `/v1`, or with the path of a request."""
    base = re.sub(r"/(chat/completions|audio/speech|models)$", "", url.strip().rstrip("/"))
    path = urlsplit(base).path
    return base if any(re.match(r"v\d", part) for part in path.split("/")) else base + "/v1"


class Http:
    """One service at `url`, called `what` in messages. A context manager; any thread may ask.

    `key` is sent as a Bearer token in `Authorization`, and bare in any other `key_header`: over https, or to a
    loopback or private address, and to nobody else. No redirect is followed, so nothing is sent anywhere else.
    Proxies of the environment are used for https to public hosts only. With a `context` all waiting ends within
    a second of its cancel or deadline, and the connection is closed; `total_s` bounds a request without one.

    Every method raises `Unavailable` when the service cannot be reached, `TimedOut` when it is silent for `read_s`
    seconds or past a limit, `Busy` when the connection breaks, and else what the status stands for: 401 and 403
    `AuthFailed`; 402 `QuotaExceeded`; 408, 504, 524 `TimedOut`; 400, 413, 422 `BadInput`; 429, 500, 502, 503
    `Busy`; any other `Unavailable`.
    """

    def __init__(
        self,
        url: str,
        *,
        what: str,
        key: Secret | None = None,
        key_header: str = "Authorization",
        context: Context | None = None,
        connect_s: float = 10,
        read_s: float = 300,
        total_s: float | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.what = what
        self._base = url.strip().rstrip("/")
        self._key, self._key_header = key, key_header
        self._context = context
        self._connect_s, self._read_s, self._total_s = connect_s, read_s, total_s
        self._most_bytes = most_bytes
        self._parts = _checked(self._base, what)
        self._open: list[_Exchange] = []

    def __enter__(self) -> Http:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for exchange in tuple(self._open):
            exchange.stop()

    def get(self, path: str, *, allow: Collection[int] = ()) -> Answer:
        """The answer to a GET; one whose status is in `allow` is returned instead of raised."""
        return self._whole("GET", path, None, field="", allow=allow)

    def get_json(self, path: str) -> Any:
        """The JSON at that path. Raises Unavailable when it is no JSON: another service is at that address."""
        answer = self.get(path)
        try:
            return answer.json()
        except (ValueError, RecursionError):
            raise Unavailable(
                f"{self.what} did not answer as expected: another service may be at this address",
                remedy="check its address",
                detail=words_of(answer.body, answer.headers.get("content-type", ""), hide=self._hide()),
            ) from None

    def post(self, path: str, payload: dict[str, Any], *, field: str, allow: Collection[int] = ()) -> Answer:
        """The answer to a POST of JSON, wholly read. `field` is the field of the request that BadInput names."""
        return self._whole("POST", path, payload, field=field, allow=allow)

    @contextlib.contextmanager
    def stream(
        self, path: str, payload: dict[str, Any], *, field: str, allow: Collection[int] = ()
    ) -> Generator[Chunks]:
        """The answer to a POST of JSON, as it comes. Leaving the block closes the connection."""
        with self._exchange("POST", path, payload) as exchange:
            chunks = Chunks(exchange)
            if not _well(chunks.status, allow):
                raise self.failure(Answer(chunks.status, chunks.headers, b"".join(chunks)), field=field)
            yield chunks

    def failure(self, answer: Answer, *, field: str) -> ProviderError:
        """The error that an allowed answer would have raised."""
        return failure(answer, what=self.what, field=field, hide=self._hide())

    def hidden(self, text: str) -> str:
        """The service's text without the key, should it have sent it back."""
        return hidden(text, self._hide())

    def _whole(
        self, method: str, path: str, payload: dict[str, Any] | None, *, field: str, allow: Collection[int]
    ) -> Answer:
        with self._exchange(method, path, payload) as exchange:
            chunks = Chunks(exchange)
            answer = Answer(chunks.status, chunks.headers, b"".join(chunks))
        if not _well(answer.status, allow):
            raise self.failure(answer, field=field)
        return answer

    @contextlib.contextmanager
    def _exchange(self, method: str, path: str, payload: dict[str, Any] | None) -> Generator[_Exchange]:
        if self._context is not None:
            self._context.raise_if_cancelled()
        exchange = _Exchange(self, method, f"{self._base}/{path.lstrip('/')}", payload)
        self._open.append(exchange)
        try:
            exchange.start()
            yield exchange
        finally:
            exchange.stop()
            self._open.remove(exchange)

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": "coursewright", "Accept": "*/*", "Accept-Encoding": "identity"}
        if self._key is not None:
            value = self._key.reveal().strip()
            if not re.fullmatch(r"[!-~]+", value):
                raise AuthFailed(
                    f"the secret {self._key.name} holds characters that no key has", remedy="copy the key anew"
                )
            headers[self._key_header] = f"Bearer {value}" if self._key_header.lower() == "authorization" else value
        return headers

    def _hide(self) -> tuple[str, ...]:
        return () if self._key is None else (self._key.reveal().strip(),)


class Chunks(Iterator[bytes]):
    """A body as it arrives, under its `status` and `headers` (names in lower-case)."""

    def __init__(self, exchange: _Exchange) -> None:
        head = exchange.next()
        if not isinstance(head, _Head):
            raise AssertionError("a response begins with its head")
        self.status = head.status
        self.headers = head.headers
        self._exchange = exchange
        self._ended = False

    def __next__(self) -> bytes:
        piece = None if self._ended else self._exchange.next()
        if not isinstance(piece, bytes):
            self._ended = True
            raise StopIteration
        return piece


class _Head(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]


class _Stopped(Exception):
    """Nobody waits for this exchange any more."""


class _Exchange:
    """One request, made in a daemon thread: neither a name server nor a silent service can be interrupted otherwise.

    The thread hands over what comes; whoever waits looks at the context ten times a second. Stopping shuts the
    socket down, which wakes the thread and tells the service.
    """

    def __init__(self, http: Http, method: str, url: str, payload: dict[str, Any] | None) -> None:
        self._http, self._method, self._url = http, method, url
        self._content = None if payload is None else msgspec.json.encode(payload)
        self._headers = http._headers()
        if payload is not None:
            self._headers["Content-Type"] = "application/json"
        self._came: queue.SimpleQueue[_Head | bytes | BaseException | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(
            target=self._work, name=f"coursewright-http-{http._parts.hostname}", daemon=True
        )
        self._ends = None if http._total_s is None else time.monotonic() + http._total_s

    def start(self) -> None:
        self._thread.start()

    def next(self) -> _Head | bytes | None:
        """What came next; None after the end. Raises one of the family."""
        while True:
            if self._http._context is not None:
                self._http._context.raise_if_cancelled()
            if self._ends is not None and time.monotonic() > self._ends:
                raise _silent(self._http.what, f"within {self._http._total_s:g} s")
            with contextlib.suppress(queue.Empty):
                came = self._came.get(timeout=_POLL_S)
                if isinstance(came, BaseException):
                    raise self._meaning(came) from None
                return came

    def stop(self) -> None:
        self._stopped.set()
        with self._lock:
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(one, socket.SHUT_RDWR)
            connected = bool(self._sockets)
        if connected and self._thread is not threading.current_thread():
            self._thread.join(0.5)

    def _work(self) -> None:
        try:
            import httpx

            http = self._http
            far = http._parts.scheme == "https" and not _near(http._parts.hostname or "")
            with (
                httpx.Client(
                    timeout=httpx.Timeout(http._read_s, connect=http._connect_s),
                    verify=_certificates() if http._parts.scheme == "https" else False,
                    trust_env=far,
                    follow_redirects=False,
                ) as client,
                client.stream(
                    self._method,
                    self._url,
                    content=self._content,
                    headers=self._headers,
                    extensions={"trace": self._trace},
                ) as response,
            ):
                self._came.put(_Head(response.status_code, {k.lower(): v for k, v in response.headers.items()}))
                size = 0
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > http._most_bytes:
                        raise Unavailable(
                            f"{http.what} sent more than {http._most_bytes:,} bytes: no answer is so large",
                            remedy="check its address",
                        )
                    self._came.put(chunk)
            self._came.put(None)
        except BaseException as error:  # handed to whoever waits
            self._came.put(error)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """httpcore tells what it does; a connection is looked at before anything is sent on it."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        stream = info["return_value"]
        with self._lock:
            self._sockets = [stream.get_extra_info("socket")]
        if self._stopped.is_set():
            stream.close()
            raise _Stopped
        if self._http._key is not None and self._http._parts.scheme == "http":
            peer = str(stream.get_extra_info("server_addr")[0])
            if not _near(peer):
                stream.close()
                raise AuthFailed(
                    f"{self._http.what} is at a public address without https: the key was not sent",
                    remedy="set an address that begins with https://",
                )

    def _meaning(self, error: BaseException) -> ProviderError:
        """The error of the family for what went wrong on the way."""
        if isinstance(error, ProviderError):
            return error
        import httpx

        what, detail = self._http.what, self._http.hidden(f"{type(error).__name__}: {error}")[:300]
        causes = list(_causes(error))
        if isinstance(error, httpx.ConnectTimeout):
            return Unavailable(
                f"{what} did not answer within {self._http._connect_s:g} s",
                remedy="check that it runs and that the network lets it through",
                detail=detail,
            )
        if isinstance(error, httpx.TimeoutException):
            return _silent(what, f"for {self._http._read_s:g} s", detail)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return Unavailable(
                f"the name of {what} is not known on this network",
                remedy="check its address and the network",
                detail=detail,
            )
        if any(type(cause).__name__.startswith(("SSL", "CertificateError")) for cause in causes):
            return Unavailable(
                f"no secure connection to {what}", remedy="check its address and its certificate", detail=detail
            )
        if isinstance(error, httpx.ProxyError):
            return Unavailable(
                f"the network's proxy does not lead to {what}", remedy="check HTTPS_PROXY", detail=detail
            )
        if isinstance(error, httpx.ConnectError):
            return Unavailable(f"{what} is not running there", remedy="start it, or check its address", detail=detail)
        return Busy(f"the connection to {what} broke", remedy="try again", detail=detail)


def _well(status: int, allow: Collection[int]) -> bool:
    return 200 <= status < 300 or status in allow


def _silent(what: str, how_long: str, detail: str = "") -> TimedOut:
    return TimedOut(f"{what} did not answer {how_long}", remedy="try again later, or give it more time", detail=detail)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _near(host: str) -> bool:
    """Is the host this machine or in a private network, by its written address?"""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_private or (mapped or address).is_loopback)


def _checked(url: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        right = False
    if not right or parts.query or parts.fragment:
        raise Unavailable(f"the address of {what} is no web address", remedy="set one such as http://127.0.0.1:8080/v1")
    if parts.username or parts.password:
        raise AuthFailed(f"the address of {what} holds a login", remedy="give the key as a secret instead")
    return parts


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Made once: reading the certificates takes 15 to 50 ms."""
    import httpx

    return httpx.create_ssl_context()
