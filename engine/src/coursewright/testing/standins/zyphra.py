"""Zyphra's two hosted text-to-speech services, on loopback.

`POST /v1/audio/text-to-speech` is the older API of api.zyphra.com (key in `X-API-Key`), `POST /api/v1/audio/speech`
with `GET /api/v1/models` the one of api.zyphracloud.com (bearer key, OpenAI's body). Both answer with real, audible
sound, longer for more text and shorter at a higher speaking rate, in the format that was asked for, in chunks without
`Content-Length`; or with what `switch` says:

    with zyphra_server() as server:
        server.switch("html_524", longer_than=200)
        ...
        server.requests[-1].body
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import msgspec

from coursewright.testing.standins.zyphra_speech import RATE_HZ, Refused, cloud_speech, encoded, legacy_speech

KEY = "zsk-5d0e3b7c-not-a-real-key"
"""The key that the server wants."""

Mode = Literal[
    "",
    "empty",  # 200 without a body
    "truncated",  # the chunked body breaks off in the middle
    "short",  # a whole file that holds only the first half second of the speech
    "not_sound",  # 200 whose body is a web page
    "html_502",
    "html_524",
    "tunnel",
    "busy",  # 429
    "busy_retry_after",  # 429 with Retry-After
    "no_credit",
    "forbidden",
    "invalid",  # 422
    "error_500",
    "reset",  # the connection is reset before any answer
    "slow",  # the answer comes after `delay_s`, or when the server ends
    "redirect",  # 301 to the same address without TLS
]

_LEGACY = "/v1/audio/text-to-speech"
_CLOUD = "/api/v1/audio/speech"
_MODELS = "/api/v1/models"


class Received(msgspec.Struct, frozen=True):
    """One request as it came. `body` is the decoded JSON, or None."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Switch(msgspec.Struct, kw_only=True):
    """How requests are answered from now on: so for `times` of them, after the first `after`.

    Only texts of more than `longer_than` characters count.
    """

    mode: Mode = ""
    times: int | None = None
    after: int = 0
    longer_than: int = -1
    retry_after: str = "7"
    delay_s: float = 30.0
    at_fault: str = "text"
    """The field that "invalid" complains of."""


class ZyphraServer:
    """What the tests see of it. `requests` grows with every request, the refused ones included."""

    def __init__(self, httpd: ThreadingHTTPServer) -> None:
        self.requests: list[Received] = []
        self.strict_models = True
        """Refuse `emotion` and `pitch_std` with the hybrid model, as a strict validator would."""
        self.waiting = threading.Event()
        """Set as soon as a slow answer is waited for."""
        self.ended = threading.Event()
        self.how = Switch()
        self._httpd = httpd
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address without a path: the older API's base."""
        return f"http://127.0.0.1:{self._httpd.server_address[1]}"

    @property
    def cloud_url(self) -> str:
        """The newer API's base."""
        return f"{self.url}/api/v1"

    @property
    def spoken(self) -> list[dict[str, Any]]:
        """The bodies of the requests for speech, in order."""
        return [one.body for one in self.requests if one.path in (_LEGACY, _CLOUD)]

    def switch(self, mode: Mode, **how: Any) -> None:
        """Answer so from now on; `how` are fields of `Switch`."""
        with self._lock:
            self.how = Switch(mode=mode, **how)

    def mode(self, text: str) -> Mode:
        """How this request is answered."""
        with self._lock:
            how = self.how
            if len(text) <= how.longer_than or how.times == 0:
                return ""
            if how.after > 0:
                how.after -= 1
                return ""
            if how.times is not None:
                how.times -= 1
            return how.mode


@contextlib.contextmanager
def zyphra_server() -> Iterator[ZyphraServer]:
    """Both services on one port that is free, in threads that end with the block."""
    httpd = _Quiet(("127.0.0.1", 0), _Handler)
    server = httpd.stand_in = ZyphraServer(httpd)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    stand_in: ZyphraServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Quiet

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read `requests`, not a log."""

    def do_GET(self) -> None:
        self._received(None)
        if self.path != _MODELS:
            self._json(404, {"detail": "Not Found"})
        elif self._has_key(bearer=True) and not self._interfered(""):
            self._json(200, {"object": "list", "data": [{"id": "zyphra/ZONOS2", "object": "model"}]})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        self._received(body)
        if self.path not in (_LEGACY, _CLOUD):
            self._json(404, {"detail": "Not Found"})
            return
        legacy = self.path == _LEGACY
        text = str((body or {}).get("text" if legacy else "input") or "")
        if not self._has_key(bearer=not legacy) or self._interfered(text):
            return
        try:
            strict = self.server.stand_in.strict_models
            samples, media_type = legacy_speech(body, strict) if legacy else cloud_speech(body)
        except Refused as refused:
            self._json(refused.status, refused.body)
            return
        said = samples[: RATE_HZ // 2] if self._late_mode == "short" else samples
        self._speak(encoded(said, media_type), media_type)

    # -- parts of an answer --------------------------------------------------------------------

    _late_mode: Mode = ""

    def _received(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.stand_in.requests.append(Received(self.command, self.path, headers, body))

    def _has_key(self, *, bearer: bool) -> bool:
        """Answer 401 unless the key was sent as this service wants it."""
        sent = self.headers.get("Authorization" if bearer else "X-API-Key")
        if sent == (f"Bearer {KEY}" if bearer else KEY):
            return True
        said = f"Invalid API key: {sent}"  # services do quote what they were sent
        self._json(401, {"error": {"message": said, "code": 401}} if bearer else {"detail": said})
        return False

    def _interfered(self, text: str) -> bool:
        """Answer as the switch says; False when the speech is still to come."""
        stand_in = self.server.stand_in
        mode = stand_in.mode(text)
        self._late_mode = ""
        match mode:
            case "":
                return False
            case "truncated" | "short":
                self._late_mode = mode
                return False
            case "slow":
                stand_in.waiting.set()
                stand_in.ended.wait(stand_in.how.delay_s)
                return False
            case "empty":
                self._bytes(200, b"", "audio/webm")
            case "not_sound":
                self._bytes(200, _page("Welcome", "Zyphra"), "text/html")
            case "html_502":
                self._bytes(502, _page("502: Bad gateway", "api.zyphra.com | 502: Bad gateway"), "text/html")
            case "html_524":
                self._bytes(524, _page("A timeout occurred Error code 524", "api.zyphra.com | 524"), "text/html")
            case "tunnel":
                self._bytes(530, _page("Error 1033: Cloudflare Tunnel error", "Cloudflare Tunnel error"), "text/html")
            case "busy":
                self._json(429, {"detail": "Rate limit exceeded"})
            case "busy_retry_after":
                self._json(429, {"detail": "Rate limit exceeded"}, {"Retry-After": stand_in.how.retry_after})
            case "no_credit":
                self._json(402, {"detail": "Insufficient credits"})
            case "forbidden":
                self._json(403, {"detail": "This key may not use text to speech"})
            case "invalid":
                detail = {
                    "loc": ["body", stand_in.how.at_fault],
                    "msg": "unsupported characters",
                    "type": "value_error",
                }
                self._json(422, {"detail": [detail]})
            case "error_500":
                self._json(500, {"detail": "CUDA out of memory"})
            case "redirect":
                self._bytes(301, b"", "text/html", {"Location": f"{stand_in.url}{self.path}"})
            case "reset":
                self._reset()
        return True

    def _speak(self, data: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cut = self._late_mode == "truncated"
        for start in range(0, len(data) // 2 if cut else len(data), 4096):
            piece = data[start : start + 4096]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._bytes(status, json.dumps(body).encode(), "application/json", headers)

    def _bytes(self, status: int, data: bytes, media_type: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _reset(self) -> None:
        """Close with SO_LINGER 0, which sends RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.rfile, self.wfile = io.BytesIO(), io.BytesIO()
        self.close_connection = True


def _page(heading: str, title: str) -> bytes:
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title><style>body {{color: #333}}</style></head>"
        f"<body><h1>{heading}</h1><script>var ray = 1;</script><p>Cloudflare Ray ID: 8f2</p></body></html>"
    ).encode()
