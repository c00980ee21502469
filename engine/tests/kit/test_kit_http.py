"""Requests to web services, against a server on loopback that says exactly what the test gives it."""

from __future__ import annotations

import contextlib
import email.utils
import json
import logging
import pickle
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from coursewright.errors import (
    AuthFailed,
    BadInput,
    Busy,
    Cancelled,
    ProviderError,
    QuotaExceeded,
    TimedOut,
    Unavailable,
)
from coursewright.kit import exchange
from coursewright.kit.http import Http, v1, words_of
from coursewright.run.context import RequestContext
from coursewright.secrets import Secret
from coursewright.testing import Bench, bench

KEY = Secret("TEST_KEY", 'sk-very/secret+0123"456789')
Answerer = Callable[[socket.socket], None]


class Scripted:
    """A server that reads a request and then does what it was told; `requests` is what it read."""

    def __init__(self, answer: bytes | Answerer) -> None:
        self.requests: list[bytes] = []
        self.closed_by_client = threading.Event()
        self.asked = threading.Event()
        self.ending = threading.Event()
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = connection.recv(1)
            if request == b"\x16":  # the first byte of a TLS client
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            while b"\r\n\r\n" not in request and (piece := connection.recv(65536)):
                request += piece
            head, _, body = request.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            while len(body) < length and (piece := connection.recv(65536)):
                body += piece
            self.requests.append(head + b"\r\n\r\n" + body)
            self.asked.set()
            if callable(self._answer):
                self._answer(connection)
            else:
                connection.sendall(self._answer)

    def silence(self, connection: socket.socket) -> None:
        """Say nothing until the client goes away or the test ends."""
        connection.settimeout(0.05)
        while not self.ending.is_set():
            try:
                if connection.recv(1) == b"":
                    self.closed_by_client.set()
                    return
            except TimeoutError:
                continue

    def close(self) -> None:
        self.ending.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(2)


Serve = Callable[[bytes | Answerer], Scripted]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Scripted] = []

    def start(answer: bytes | Answerer) -> Scripted:
        servers.append(Scripted(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Callable[..., RequestContext]]:
    with bench(tmp_path) as made:
        yield lambda **more: _context(made, **more)


def _context(made: Bench, *, timeout_s: float = 60.0) -> RequestContext:
    class _Named:
        capability, name, version = "llm", "test", "1"

    return made.context(_Named(), timeout_s=timeout_s)  # type: ignore[arg-type]  # its names are all that is read


def response(status: int, body: bytes | dict[str, Any] | str = b"", **headers: str) -> bytes:
    if isinstance(body, dict):
        body, headers = json.dumps(body).encode(), {"content_type": "application/json", **headers}
    elif isinstance(body, str):
        body, headers = body.encode(), {"content_type": "text/html; charset=UTF-8", **headers}
    lines = [
        f"{name.replace('_', '-')}: {value}" for name, value in {"content_length": str(len(body)), **headers}.items()
    ]
    return "\r\n".join([f"HTTP/1.1 {status} Said", "Connection: close", *lines, "", ""]).encode() + body


def http(server: Scripted | str, **more: Any) -> Http:
    return Http(server if isinstance(server, str) else server.url, what="the test server", **more)


def error_of(server: Scripted | str, **more: Any) -> ProviderError:
    with http(server, **more) as asked, pytest.raises(ProviderError) as caught:
        asked.post("/v1/say", {"text": "Hello"}, field="text")
    assert caught.value.message
    assert caught.value.remedy
    assert "Traceback" not in caught.value.detail
    return caught.value


# -- what goes well --------------------------------------------------------------------------------------------------


def test_posts_json_and_reads_the_whole_body(serve: Serve) -> None:
    server = serve(response(200, b"RIFF....", content_type="audio/WAV; rate=24000"))

    with http(server, key=KEY) as asked:
        answer = asked.post("say", {"text": "Grüße"}, field="text")

    assert (answer.status, answer.body, answer.media_type) == (200, b"RIFF....", "audio/wav")
    assert server.requests[0].startswith(b"POST /say HTTP/1.1\r\n")
    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2]) == {"text": "Grüße"}
    assert b"\r\nAuthorization: Bearer " + KEY.reveal().encode() in server.requests[0]


def test_a_key_in_a_header_of_its_own_is_sent_bare(serve: Serve) -> None:
    server = serve(response(200, {"ok": True}))

    with http(server, key=KEY, key_header="X-API-Key") as asked:
        assert asked.get_json("/models") == {"ok": True}

    assert b"\r\nX-API-Key: " + KEY.reveal().encode() + b"\r\n" in server.requests[0]
    assert b"uthorization" not in server.requests[0]


def test_streams_pieces_as_they_come(serve: Serve) -> None:
    came = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        assert came.wait(5), "the first piece was held back"
        connection.sendall(b"3\r\ntwo\r\n0\r\n\r\n")

    with http(serve(answer)) as asked, asked.stream("/say", {}, field="text") as chunks:
        assert next(chunks) == b"one"
        came.set()
        assert list(chunks) == [b"two"]


def test_leaving_a_stream_early_closes_the_connection(serve: Serve) -> None:
    server = serve(lambda connection: None)

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        server.silence(connection)

    server._answer = answer
    with http(server) as asked, asked.stream("/say", {}, field="text") as chunks:
        assert next(chunks) == b"one"

    assert server.closed_by_client.wait(2)


def test_several_threads_share_one_service_and_leave_nothing_behind(serve: Serve) -> None:
    server = serve(response(200, {"ok": True}))

    with http(server) as asked, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: asked.post("/say", {"n": number}, field="n").json(), range(40)))

    assert answers == [{"ok": True}] * 40
    sent = sorted(json.loads(request.partition(b"\r\n\r\n")[2])["n"] for request in server.requests)
    assert sent == list(range(40))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("coursewright-http")]


def test_a_stream_that_broke_has_ended(serve: Serve) -> None:
    broken = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly")

    with http(broken) as asked, asked.stream("/say", {}, field="text") as chunks:
        with pytest.raises(Busy):
            b"".join(chunks)
        assert list(chunks) == []


def test_an_allowed_status_is_an_answer(serve: Serve) -> None:
    server = serve(response(404, {"error": {"message": "model not found"}}))

    with http(server) as asked:
        answer = asked.post("/say", {}, field="model", allow={404})
        failure = asked.failure(answer, field="model")

    assert answer.status == 404
    assert isinstance(failure, Unavailable)
    assert failure.detail == "404: model not found"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h:11434", "http://h:11434/v1"),
        ("http://h:11434/", "http://h:11434/v1"),
        ("http://h:8080/v1/", "http://h:8080/v1"),
        ("http://h:8080/v1/chat/completions", "http://h:8080/v1"),
        ("http://h:8880/v1/audio/speech", "http://h:8880/v1"),
        ("https://host/gpu", "https://host/gpu/v1"),
        ("https://host/openai/v1", "https://host/openai/v1"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
        ("http://v2.host:80", "http://v2.host:80/v1"),
        ("http://[", "http://[/v1"),
    ],
)
def test_the_base_of_an_openai_server_is_found(url: str, base: str) -> None:
    assert v1(url) == base


# -- what each status stands for -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Unavailable),
        (302, Unavailable),
        (307, Unavailable),
        (400, BadInput),
        (401, AuthFailed),
        (402, QuotaExceeded),
        (403, AuthFailed),
        (404, Unavailable),
        (405, Unavailable),
        (407, AuthFailed),
        (408, TimedOut),
        (410, Unavailable),
        (413, BadInput),
        (418, Unavailable),
        (422, BadInput),
        (429, Busy),
        (500, Busy),
        (501, Unavailable),
        (502, Busy),
        (503, Busy),
        (504, TimedOut),
        (520, Busy),
        (521, Unavailable),
        (522, Unavailable),
        (524, TimedOut),
        (529, Busy),
        (530, Unavailable),
    ],
)
def test_a_status_is_an_error_of_the_family(serve: Serve, status: int, kind: type[ProviderError]) -> None:
    error = error_of(serve(response(status, {"message": "the service's own words"})))

    assert type(error) is kind
    assert str(status) in error.detail
    assert "the test server" in error.message
    if isinstance(error, BadInput):
        assert error.field == "text"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds(serve: Serve, status: int) -> None:
    error = error_of(serve(response(status, retry_after="17")))

    assert isinstance(error, Busy)
    assert error.retry_after_s == 17


def test_retry_after_as_an_http_date(serve: Serve) -> None:
    error = error_of(serve(response(429, retry_after=email.utils.formatdate(time.time() + 40, usegmt=True))))

    assert isinstance(error, Busy)
    assert error.retry_after_s == pytest.approx(40, abs=3)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("Thu, 01 Jan 1970 00:00:10 GMT", 0), ("soon", None), ("-5", None), ("", None), ("9" * 40, None), ("1.5", 1.5)],
)
def test_an_odd_retry_after_does_no_harm(serve: Serve, given: str, seconds: float | None) -> None:
    error = error_of(serve(response(429, retry_after=given)))

    assert isinstance(error, Busy)
    assert error.retry_after_s == seconds


def test_429_without_retry_after_is_busy(serve: Serve) -> None:
    error = error_of(serve(response(429)))

    assert isinstance(error, Busy)
    assert error.retry_after_s is None


def test_a_refused_key_is_named_and_a_missing_one_asked_for(serve: Serve) -> None:
    server = serve(response(401, {"error": "Unauthorized"}))

    assert error_of(server).message == "the test server wants a key"
    refused = error_of(server, key=KEY)
    assert refused.message == "the test server refused the key TEST_KEY"
    assert "COURSEWRIGHT_SECRET_TEST_KEY" in refused.remedy


def test_429_of_an_account_without_money_is_no_reason_to_wait(serve: Serve) -> None:
    body = {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}

    assert isinstance(error_of(serve(response(429, body))), QuotaExceeded)


def test_400_that_speaks_of_the_key_is_about_the_key(serve: Serve) -> None:
    body = {"error": {"message": "API key not valid. Please pass a valid API key."}}

    assert isinstance(error_of(serve(response(400, body))), AuthFailed)


# -- the service's own words -----------------------------------------------------------------------------------------

CLOUDFLARE = """<!DOCTYPE html><!--[if lt IE 7]> <html class="no-js ie6" lang="en-US"> <![endif]-->
<html lang="en-US"><head><title>api.example.org | {status}: {title}</title><style>body{{margin:0}}</style>
<script>window.location = "evil"</script></head><body><div id="cf-wrapper"><h1><span>{title}</span>
<span>Error code {status}</span></h1><p>The web server reported a bad&nbsp;gateway &amp; more.</p></div>
</body></html>"""


@pytest.mark.parametrize(
    ("status", "title", "kind"), [(502, "Bad gateway", Busy), (524, "A timeout occurred", TimedOut)]
)
@pytest.mark.parametrize("content_type", ["text/html; charset=UTF-8", "text/plain", "application/json"])
def test_a_page_of_html_is_never_shown_raw(
    serve: Serve, status: int, title: str, kind: type[ProviderError], content_type: str
) -> None:
    page = CLOUDFLARE.format(status=status, title=title)

    error = error_of(serve(response(status, page, content_type=content_type)))

    assert type(error) is kind
    assert f"{status}: {title}" in error.detail
    assert not set("<>{}") & set(error.message + error.detail)
    assert "evil" not in error.detail
    assert len(error.detail) <= 310


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"detail": {"error": "e", "message": "voice unknown", "type": "t"}}, id="kokoro"),
        pytest.param({"detail": [{"loc": ["body", "speed"], "msg": "voice unknown", "type": "t"}]}, id="kokoro-422"),
        pytest.param({"message": "voice unknown", "code": 400, "type": "t", "param": None}, id="openedai"),
        pytest.param({"error": {"code": 400, "message": "voice unknown", "type": ""}}, id="localai"),
        pytest.param({"detail": "voice unknown"}, id="speaches"),
        pytest.param(
            {"error": {"code": 400, "message": "voice unknown", "type": "invalid_request_error"}}, id="llama.cpp"
        ),
        pytest.param(
            {"error": {"message": "voice unknown", "type": "api_error", "param": None, "code": None}}, id="ollama"
        ),
        pytest.param({"error": {"message": "voice unknown", "type": "NotFound", "param": "x", "code": 4}}, id="vllm"),
        pytest.param({"error": "voice unknown"}, id="bare"),
        pytest.param([{"error": {"message": "voice unknown"}}], id="in-a-list"),
    ],
)
def test_the_words_of_each_server_are_found(serve: Serve, body: Any) -> None:
    error = error_of(serve(response(400, json.dumps(body).encode(), content_type="application/json")))

    assert error.detail == "400: voice unknown"
    assert "voice unknown" in error.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ""),
        (b"plain words\nin two lines", "plain words in two lines"),
        (b'{"unknown": 1}', '{"unknown": 1}'),
        (b'{"error": {"message": "<b>bold</b><br>words"}}', "bold words"),
        (b"\xff\xfe broken", "�� broken"),
        (b"a < b and c > d", "a < b and c > d"),
        (b"[" * 100_000, "[" * 299 + "…"),
        (b"\x1b[31mred\x00", "[31mred"),
    ],
)
def test_odd_bodies_become_one_short_line(body: bytes, words: str) -> None:
    assert words_of(body, "application/json") == words


# -- a connection that fails -----------------------------------------------------------------------------------------


def test_a_body_cut_short_is_busy(serve: Serve) -> None:
    error = error_of(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this"))

    assert isinstance(error, Busy)
    assert "broke" in error.message


def test_a_chunked_body_cut_short_is_busy(serve: Serve) -> None:
    assert isinstance(error_of(serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nonly this")), Busy)


def test_a_connection_that_is_reset_is_busy(serve: Serve) -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert isinstance(error_of(serve(reset)), Busy)


def test_a_connection_closed_without_a_word_is_busy(serve: Serve) -> None:
    assert isinstance(error_of(serve(b"")), Busy)


def test_a_server_that_speaks_no_http_is_busy(serve: Serve) -> None:
    assert isinstance(error_of(serve(b"SSH-2.0-OpenSSH_9\r\n")), Busy)


def test_a_refused_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    error = error_of(f"http://127.0.0.1:{port}")

    assert isinstance(error, Unavailable)
    assert error.message == "the test server is not running there"


def test_a_name_that_nobody_knows_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    error = error_of("http://tts.example.invalid")

    assert isinstance(error, Unavailable)
    assert "name of the test server is not known" in error.message


def test_no_tls_where_tls_was_expected_is_unavailable(serve: Serve) -> None:
    error = error_of(serve(response(200)).url.replace("http:", "https:"))

    assert isinstance(error, Unavailable)
    assert "secure connection" in error.message


@pytest.mark.parametrize(
    "url", ["localhost:8080", "", "ftp://h/", "http://", "http://h:99999", "http://h?key=1", "http://a b"]
)
def test_an_address_that_is_none_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable, match="no web address"), http(url) as asked:
        asked.get("/")


def test_json_from_something_else_is_unavailable(serve: Serve) -> None:
    server = serve(response(200, "<html><title>Router login</title></html>"))
    with http(server) as asked, pytest.raises(Unavailable, match="another service") as caught:
        asked.get_json("/models")
    assert caught.value.detail == "Router login"


def test_a_body_without_end_is_not_kept(serve: Serve) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    error = error_of(serve(flood), most_bytes=1_000_000)

    assert isinstance(error, Unavailable)
    assert "more than 1,000,000 bytes" in error.message


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    elsewhere = serve(response(200, {"ok": True}))

    error = error_of(serve(response(307, location=elsewhere.url)), key=KEY)

    assert isinstance(error, Unavailable)
    assert elsewhere.url in error.detail
    assert elsewhere.requests == []


# -- time ------------------------------------------------------------------------------------------------------------


def test_a_slow_first_byte_is_waited_for_until_the_run_is_cancelled(
    serve: Serve, context: Callable[..., RequestContext]
) -> None:
    server, given = serve(b""), context()
    server._answer = server.silence
    cancelled_at: list[float] = []

    def cancel() -> None:
        server.asked.wait(5)
        cancelled_at.append(time.monotonic())
        given.cancel.set()

    threading.Thread(target=cancel).start()
    error = error_of_cancelled(server, given)

    assert isinstance(error, Cancelled)
    assert time.monotonic() - cancelled_at[0] < 1
    assert server.closed_by_client.wait(1), "the service is told by the closed connection"


def error_of_cancelled(server: Scripted, context: RequestContext) -> ProviderError:
    with http(server, context=context) as asked, pytest.raises(ProviderError) as caught:
        asked.post("/say", {}, field="text")
    return caught.value


def test_a_name_server_that_is_silent_does_not_hold_a_cancel_up(
    monkeypatch: pytest.MonkeyPatch, context: Callable[..., RequestContext]
) -> None:
    asked, released = threading.Event(), threading.Event()

    def silent(*_: Any, **__: Any) -> Any:
        asked.set()
        released.wait(10)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    given = context()

    def cancel() -> None:
        asked.wait(5)
        given.cancel.set()

    threading.Thread(target=cancel).start()
    started = time.monotonic()

    with http("http://tts.example.invalid", context=given) as service, pytest.raises(Cancelled):
        service.get("/models")

    released.set()
    assert time.monotonic() - started < 1.5


def test_a_run_that_is_cancelled_already_asks_nobody(serve: Serve, context: Callable[..., RequestContext]) -> None:
    server, given = serve(response(200)), context()
    given.cancel.set()

    assert isinstance(error_of_cancelled(server, given), Cancelled)
    assert server.requests == []


def test_the_deadline_of_the_step_is_kept(serve: Serve, context: Callable[..., RequestContext]) -> None:
    server = serve(b"")
    server._answer = server.silence
    started = time.monotonic()

    error = error_of_cancelled(server, context(timeout_s=0.4))

    assert isinstance(error, TimedOut)
    assert time.monotonic() - started < 1.4


def test_silence_longer_than_allowed_is_timed_out(serve: Serve) -> None:
    server = serve(b"")
    server._answer = server.silence

    assert isinstance(error_of(server, read_s=0.2), TimedOut)


def test_drops_that_never_end_are_timed_out_by_the_total(serve: Serve) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.ending.wait(0.02):
            connection.sendall(b".")

    server = serve(drip)
    started = time.monotonic()

    assert isinstance(error_of(server, total_s=0.3), TimedOut)
    assert time.monotonic() - started < 1.3


# -- the key ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://8.8.8.8/v1", "http://[2001:4860:4860::8888]:8080"])
def test_a_key_is_not_sent_unencrypted_to_a_public_address(url: str) -> None:
    error = error_of(url, key=KEY, connect_s=0.1)

    assert isinstance(error, AuthFailed)
    assert "was not sent" in error.message


def test_a_key_is_not_sent_unencrypted_when_a_name_leads_to_a_public_address(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(response(200))
    monkeypatch.setattr(exchange, "is_near", lambda host: False)

    error = error_of(server.url.replace("127.0.0.1", "localhost"), key=KEY)

    assert isinstance(error, AuthFailed)
    assert not any(KEY.reveal().encode() in request for request in server.requests)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 429, 500, 503])
def test_a_key_that_the_service_sends_back_is_shown_nowhere(
    serve: Serve, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    key = KEY.reveal()
    echo = {"error": {"message": f"Key {key}, that is Bearer {key}, is wrong. <b>{key}</b>"}}
    server = serve(response(status, echo if status != 200 else f"<p>{key}</p>", location=f"https://x/?key={key}"))

    with caplog.at_level(logging.DEBUG), http(server, key=KEY) as asked, pytest.raises(ProviderError) as caught:
        asked.get_json("/models")

    shown = [str(caught.value), repr(caught.value), caught.value.detail, str(pickle.dumps(caught.value)), caplog.text]
    assert not [text for text in shown if key in text or key[:12] in text]
    assert key not in repr(asked) + repr(vars(asked))


def test_the_key_is_hidden_from_text_by_whoever_asked(serve: Serve) -> None:
    with http("http://127.0.0.1:9", key=KEY) as asked:
        assert asked.hidden(f"wrong key {KEY.reveal()}!") == "wrong key [key]!"


def test_a_dummy_key_does_not_spoil_every_word(serve: Serve) -> None:
    error = error_of(serve(response(400, {"message": "exceeds the maximum; the key is x"})), key=Secret("K", "x"))

    assert error.detail == "400: exceeds the maximum; the key is [key]"


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "schlüssel", ""])
def test_a_key_that_cannot_be_one_is_told_without_being_shown(serve: Serve, value: str) -> None:
    server = serve(response(200))

    error = error_of(server, key=Secret("TEST_KEY", value))

    assert isinstance(error, AuthFailed)
    assert "TEST_KEY" in error.message
    assert not value or value not in str(error) + error.detail
    assert server.requests == []


def test_a_login_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(AuthFailed) as caught:
        http("https://user:pass1234@host/v1")
    assert "pass1234" not in str(caught.value)


def test_a_proxy_of_the_environment_is_not_asked_for_what_is_near(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(response(200, {"from": "proxy"})), serve(response(200, {"from": "server"}))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url.replace("//", "//login:hidden@"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    with http(server, key=KEY) as asked:
        assert asked.get_json("/models") == {"from": "server"}
    assert proxy.requests == []


def test_a_proxy_that_refuses_is_told_without_its_login(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(response(407))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//login:hidden@"))
    monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//login:hidden@"))
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    error = error_of("https://api.example.invalid/v1", key=KEY)

    assert isinstance(error, Unavailable)
    assert "proxy" in error.message
    assert "hidden" not in str(error) + error.detail
    assert proxy.requests[0].startswith(b"CONNECT api.example.invalid:443")
    assert KEY.reveal().encode() not in proxy.requests[0]
