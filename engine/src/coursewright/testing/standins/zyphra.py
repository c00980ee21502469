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

import base64
import binascii
import contextlib
import hashlib
import io
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from coursewright.testing.standins import sounds

if TYPE_CHECKING:
    import numpy

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

_LEGACY_MODELS = ("zonos-v0.1-transformer", "zonos-v0.1-hybrid")
_RANGES = {"speaking_rate": (5, 35), "fmax": (0, 24000), "vqscore": (0.6, 0.8), "pitch_std": (0, 500)}
_EMOTIONS = {"happiness", "sadness", "disgust", "fear", "surprise", "anger", "other", "neutral"}
_VOICES = {
    *("american_female", "american_male", "anime_girl", "british_female", "british_male"),
    *("energetic_boy", "energetic_girl", "japanese_female", "japanese_male"),
}
_LANGUAGES = {"en-us", "fr-fr", "de", "ja", "ko", "cmn"}
_LEGACY_TYPES = ("audio/webm", "audio/ogg", "audio/wav", "audio/mp3", "audio/mpeg", "audio/mp4", "audio/aac")
_LEGACY_FIELDS = {
    *("text", "speaker_audio", "speaking_rate", "fmax", "vqscore", "pitch_std", "emotion", "language_iso_code"),
    *("mime_type", "model", "speaker_noised", "default_voice_name", "voice_name"),
}
_CLOUD_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
}
_FORMS = {
    "audio/webm": "webm",
    "audio/ogg": "opus",
    "audio/wav": "wav",
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
    "audio/mp4": "mp4",
    "audio/aac": "aac",
    "audio/flac": "flac",
}
RATE_HZ = 44_100
"""What the Zonos models produce."""
_MODEL_VOICE_HZ = 900.0
SAVED_VOICE = "Head of department"
"""The voice that the account has saved; its name is case-sensitive."""


class Received(msgspec.Struct, frozen=True):
    """One request as it came. `body` is the decoded JSON, or None."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class ZyphraServer:
    """What the tests see of it. `requests` grows with every request, the refused ones included."""

    def __init__(self, httpd: ThreadingHTTPServer) -> None:
        self.requests: list[Received] = []
        self.strict_models = True
        """Refuse `emotion` and `pitch_std` with the hybrid model, as a strict validator would."""
        self.ended = threading.Event()
        self.waiting = threading.Event()
        """Set as soon as a slow answer is waited for."""
        self._httpd = httpd
        self._lock = threading.Lock()
        self._mode: Mode = ""
        self._left: int | None = None
        self._after = 0
        self._longer_than = -1
        self._retry_after = "7"
        self._delay_s = 30.0
        self.at_fault = "text"

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

    def switch(
        self,
        mode: Mode,
        *,
        times: int | None = None,
        after: int = 0,
        longer_than: int = -1,
        retry_after: str = "7",
        delay_s: float = 30.0,
        at_fault: str = "text",
    ) -> None:
        """Answer so from now on: `times` times after the first `after`, and only to texts of more than
        `longer_than` characters.

        `at_fault` is the field that "invalid" complains of.
        """
        with self._lock:
            self.at_fault = at_fault
            self._mode, self._left, self._longer_than = mode, times, longer_than
            self._after = after
            self._retry_after, self._delay_s = retry_after, delay_s

    def mode(self, text: str) -> Mode:
        """How this request is answered."""
        with self._lock:
            if not self._mode or len(text) <= self._longer_than or self._left == 0:
                return ""
            if self._after > 0:
                self._after -= 1
                return ""
            if self._left is not None:
                self._left -= 1
            return self._mode

    @property
    def retry_after(self) -> str:
        return self._retry_after

    @property
    def delay_s(self) -> float:
        return self._delay_s


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


class _Refused(Exception):
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Quiet

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read `requests`, not a log."""

    def do_GET(self) -> None:
        self._received(None)
        if self.path != _MODELS:
            self._json(404, {"detail": "Not Found"})
        elif self._refusal_of_key("bearer") is None and self._interfered("") is False:
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
        if self._refusal_of_key("x-api-key" if legacy else "bearer") is not None:
            return
        if self._interfered(text):
            return
        try:
            speech = _legacy_speech(body, self.server.stand_in.strict_models) if legacy else _cloud_speech(body)
        except _Refused as refused:
            self._json(refused.status, refused.body)
            return
        self._speak(*speech, mode=self._late_mode)

    # -- parts of an answer --------------------------------------------------------------------

    _late_mode: Mode = ""

    def _received(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.stand_in.requests.append(Received(self.command, self.path, headers, body))

    def _refusal_of_key(self, scheme: str) -> int | None:
        sent = self.headers.get("X-API-Key") if scheme == "x-api-key" else self.headers.get("Authorization")
        if sent == (KEY if scheme == "x-api-key" else f"Bearer {KEY}"):
            return None
        said = f"Invalid API key: {sent}"  # services do quote what they were sent
        self._json(401, {"detail": said} if scheme == "x-api-key" else {"error": {"message": said, "code": 401}})
        return 401

    def _interfered(self, text: str) -> bool:
        """Answer as the switch says; False when the answer is still to come."""
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
                stand_in.ended.wait(stand_in.delay_s)
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
                self._json(429, {"detail": "Rate limit exceeded"}, {"Retry-After": stand_in.retry_after})
            case "no_credit":
                self._json(402, {"detail": "Insufficient credits"})
            case "forbidden":
                self._json(403, {"detail": "This key may not use text to speech"})
            case "invalid":
                detail = {"loc": ["body", stand_in.at_fault], "msg": "unsupported characters", "type": "value_error"}
                self._json(422, {"detail": [detail]})
            case "error_500":
                self._json(500, {"detail": "CUDA out of memory"})
            case "redirect":
                self._bytes(301, b"", "text/html", {"Location": f"{stand_in.url}{self.path}"})
            case "reset":
                self._reset()
        return True

    def _speak(self, data: bytes, media_type: str, whole: Callable[[float], bytes], *, mode: Mode) -> None:
        if mode == "short":
            data = whole(0.5)
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if mode == "truncated":
            data = data[: len(data) // 2]
        for start in range(0, len(data), 4096):
            piece = data[start : start + 4096]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if mode == "truncated":
            self.close_connection = True
            return
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


# -- the two services ------------------------------------------------------------------------------

_Speech = tuple[bytes, str, Callable[[float], bytes]]


def _legacy_speech(body: Any, strict_models: bool) -> _Speech:
    faults = [{"loc": ["body", *place], "msg": message, "type": "value_error"} for place, message in _faults(body)]
    if isinstance(body, dict) and strict_models and body.get("model") == _LEGACY_MODELS[1]:
        faults += [
            {"loc": ["body", name], "msg": f"{name} is not supported by the hybrid model", "type": "value_error"}
            for name in ("emotion", "pitch_std")
            if name in body
        ]
    if faults:
        raise _Refused(422, {"detail": faults})
    if (saved := body.get("voice_name")) and saved != SAVED_VOICE:
        raise _Refused(404, {"detail": f"Voice {saved!r} not found"})
    mime = body.get("mime_type", "audio/webm")
    voice = body.get("speaker_audio") or body.get("default_voice_name") or body.get("voice_name") or ""
    return _encoded(voiced(body["text"], voice.encode(), pace=body.get("speaking_rate", 15)), mime)


def _faults(body: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(body, dict):
        yield (), "Input should be a valid dictionary"
        return
    if not str(body.get("text") or "").strip():
        yield ("text",), "Field required"
    for name in body.keys() - _LEGACY_FIELDS:
        yield (name,), "Extra inputs are not permitted"
    for name, (low, high) in _RANGES.items():
        if name in body and not (isinstance(body[name], int | float) and low <= body[name] <= high):
            yield (name,), f"Input should be between {low} and {high}"
    if body.get("model", _LEGACY_MODELS[0]) not in _LEGACY_MODELS:
        yield ("model",), f"Input should be {' or '.join(_LEGACY_MODELS)}"
    if body.get("mime_type", "audio/webm") not in _LEGACY_TYPES:
        yield ("mime_type",), f"Input should be one of {', '.join(_LEGACY_TYPES)}"
    if body.get("language_iso_code", "de") not in _LANGUAGES:
        yield ("language_iso_code",), "Unsupported language"
    if body.get("default_voice_name", "anime_girl") not in _VOICES:
        yield ("default_voice_name",), "Unknown default voice"
    for name, value in (body.get("emotion") or {}).items():
        if name not in _EMOTIONS or not 0 <= value <= 1:
            yield ("emotion", name), "Input should be between 0 and 1"
    yield from _base64_faults(body, "speaker_audio")


def _base64_faults(body: dict[str, Any], name: str) -> Iterator[tuple[tuple[str, ...], str]]:
    try:
        base64.b64decode(body.get(name, ""), validate=True)
    except (binascii.Error, ValueError):
        yield (name,), "Invalid base64"


def _cloud_speech(body: Any) -> _Speech:
    if not isinstance(body, dict) or not str(body.get("input") or "").strip():
        raise _Refused(400, {"error": {"message": "input is required", "code": 400}})
    if body.get("model") != "zyphra/ZONOS2":
        raise _Refused(404, {"error": {"message": f"model {body.get('model')} does not exist", "code": 404}})
    if list(_base64_faults(body, "reference_audio_b64")):
        raise _Refused(400, {"error": {"message": "reference_audio_b64 is not valid base64", "code": 400}})
    kind = body.get("response_format", "mp3")
    if kind not in _CLOUD_TYPES:
        raise _Refused(400, {"error": {"message": f"unknown response_format {kind}", "code": 400}})
    # `speed` acts only when conditioning on the speaking rate is switched on.
    speed = body.get("speed", 1.0) if body.get("speaking_rate_enabled") else 1.0
    voice = body.get("reference_audio_b64") or body.get("voice") or ""
    return _encoded(voiced(body["input"], voice.encode(), pace=15 * speed), _CLOUD_TYPES[kind])


def voiced(text: str, voice: bytes, *, pace: float) -> numpy.ndarray[Any, Any]:
    """Mono float32 samples at `RATE_HZ`: what would be said, with a tone of `voice_hz(voice)` sounding along."""
    import numpy as np

    hum = sounds.hum(text, rate_hz=RATE_HZ, pace=pace)
    tone = np.sin(2 * np.pi * voice_hz(voice) * np.arange(len(hum)) / RATE_HZ)
    return np.where(hum == 0, 0, hum + 0.15 * tone).astype(np.float32)


def voice_hz(voice: bytes) -> float:
    """The tone by which a voice is told, 1,000 to 2,950 Hz; 900 Hz is the model's own (no bytes)."""
    return 1_000.0 + 50 * (hashlib.sha256(voice).digest()[0] % 40) if voice else _MODEL_VOICE_HZ


def _encoded(samples: numpy.ndarray[Any, Any], media_type: str) -> _Speech:
    def first(longest_s: float) -> bytes:
        return _file(samples[: int(longest_s * RATE_HZ)], _FORMS[media_type])

    return first(len(samples) / RATE_HZ + 1), media_type, first


def _file(samples: numpy.ndarray[Any, Any], form: str) -> bytes:
    match form:
        case "wav":
            return sounds.wav(samples, RATE_HZ, true_lengths=False)
        case "mp4":
            return _mp4(samples)
        case _:
            return sounds.encoded(samples, RATE_HZ, form)


def _mp4(samples: numpy.ndarray[Any, Any]) -> bytes:
    """AAC in fragments, as far as MP4 can be streamed."""
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.frombuffer(sounds.pcm16(samples), "<i2").reshape(1, -1), "s16", "mono")
        frame.sample_rate = RATE_HZ
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def _page(heading: str, title: str) -> bytes:
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title><style>body {{color: #333}}</style></head>"
        f"<body><h1>{heading}</h1><script>var ray = 1;</script><p>Cloudflare Ray ID: 8f2</p></body></html>"
    ).encode()
