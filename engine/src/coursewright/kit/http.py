"""Requests to web services that end in an answer or in an error of the family, and stop when the run stops."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Generator, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from coursewright.errors import AuthFailed, ProviderError, Unavailable
from coursewright.kit.exchange import Exchange, Head, Limits, is_public, no_address, unprotected
from coursewright.kit.replies import Answer, failure, hidden, retry_after_s, words_of
from coursewright.providers import Context
from coursewright.secrets import Secret

__all__ = ["Answer", "Chunks", "Http", "retry_after_s", "v1", "words_of"]

MOST_BYTES = 256_000_000
"""Over four hours of MP3 speech: a larger body is no answer to anything that is asked here."""


def v1(url: str) -> str:
    """The base of an OpenAI-compatible server, given with or without `/v1`, or with the path of a request."""
    base = re.sub(r"/(chat/completions|audio/speech|models)$", "", url.strip().rstrip("/"))
    return base if re.search(r"[^/:]/(.*/)?v\d[^/]*(/|$)", base) else base + "/v1"


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
        self._base = _checked(url.strip().rstrip("/"), what)
        self._key, self._key_header = key, key_header
        self._context = context
        self._limits = Limits(connect_s=connect_s, read_s=read_s, total_s=total_s, most_bytes=most_bytes)
        self._open: list[Exchange] = []

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
        return self.json_of(self.get(path))

    def json_of(self, answer: Answer) -> Any:
        """The JSON that was answered. Raises as `get_json` does."""
        try:
            return answer.json()
        except (ValueError, RecursionError):
            raise Unavailable(
                f"{self.what} did not answer as expected: another service may be at this address",
                remedy="check its address",
                detail=words_of(answer.body, answer.headers.get("content-type", ""), hide=self._private()),
            ) from None

    def post(self, path: str, payload: dict[str, Any], *, field: str, allow: Collection[int] = ()) -> Answer:
        """The answer to a POST of JSON, wholly read. `field` is the field of the request that BadInput names."""
        return self._whole("POST", path, payload, field=field, allow=allow)

    @contextlib.contextmanager
    def stream(
        self, path: str, payload: dict[str, Any], *, field: str, allow: Collection[int] = ()
    ) -> Generator[Chunks]:
        """The answer to a POST of JSON, as it comes. Leaving the block closes the connection."""
        with self._exchange("POST", path, payload) as chunks:
            if not _well(chunks.status, allow):
                raise self.failure(chunks.answer(), field=field)
            yield chunks

    def failure(self, answer: Answer, *, field: str) -> ProviderError:
        """The error that an allowed answer would have raised."""
        name = self._key.name if self._key is not None else ""
        return failure(answer, what=self.what, field=field, key=name, hide=self._private())

    def hidden(self, text: str) -> str:
        """The service's text without the key, should it have sent it back."""
        return hidden(text, self._private())

    def _whole(
        self, method: str, path: str, payload: dict[str, Any] | None, *, field: str, allow: Collection[int]
    ) -> Answer:
        with self._exchange(method, path, payload) as chunks:
            answer = chunks.answer()
        if not _well(answer.status, allow):
            raise self.failure(answer, field=field)
        return answer

    @contextlib.contextmanager
    def _exchange(self, method: str, path: str, payload: dict[str, Any] | None) -> Generator[Chunks]:
        if self._context is not None:
            self._context.raise_if_cancelled()
        headers, content = self._headers(), None
        if payload is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(payload)
        exchange = Exchange(
            method,
            f"{self._base}/{path.lstrip('/')}",
            what=self.what,
            headers=headers,
            content=content,
            private=self._private(),
            limits=self._limits,
            context=self._context,
        )
        self._open.append(exchange)
        try:
            yield Chunks(exchange)
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
            if self._base.startswith("http:") and is_public(urlsplit(self._base).hostname or ""):
                raise unprotected(self.what)
            headers[self._key_header] = f"Bearer {value}" if self._key_header.lower() == "authorization" else value
        return headers

    def _private(self) -> tuple[str, ...]:
        return () if self._key is None else (self._key.reveal().strip(),)


class Chunks(Iterator[bytes]):
    """A body as it arrives, under its `status` and `headers` (names in lower-case)."""

    def __init__(self, exchange: Exchange) -> None:
        head = exchange.next()
        if not isinstance(head, Head):
            raise AssertionError("a response begins with its head")
        self.status = head.status
        self.headers = head.headers
        self._exchange = exchange
        self._ended = False

    def __next__(self) -> bytes:
        if self._ended:
            raise StopIteration
        self._ended = True  # also when the next lines raise: nothing more will come
        piece = self._exchange.next()
        if not isinstance(piece, bytes):
            raise StopIteration
        self._ended = False
        return piece

    def answer(self) -> Answer:
        """The whole response, once all has come."""
        return Answer(self.status, self.headers, b"".join(self))


def _well(status: int, allow: Collection[int]) -> bool:
    return 200 <= status < 300 or status in allow


def _checked(url: str, what: str) -> str:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise no_address(what) from None
    if not right or parts.query or parts.fragment or re.search(r"\s", url):
        raise no_address(what)
    if parts.username is not None:
        raise AuthFailed(f"the address of {what} holds a login", remedy="give the key as a secret instead")
    return url
