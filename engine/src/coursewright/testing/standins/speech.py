"""Servers with OpenAI's `/v1/audio/speech`, each as it really answers: formats, lengths, lists, errors, outages.

    with speech_server("kokoro") as server:
        voice = SpeechServer(service=SpeechServer.Service(url=server.url))
        server.switch(break_after=4_000)
        ...
        assert server.requests[-1].body["voice"] == "af_heart"

The ways of each server are those of Kokoro-FastAPI's `openai_compatible.py`, openedai-speech's `speech.py`, LocalAI's
manual, Speaches' `routers/`, ZONOS2's `api_server.py` and OpenAI's reference, all of 2025 and 2026.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import msgspec

from coursewright.testing.standins import sounds
from coursewright.testing.standins.loopback import head, reply, serve
from coursewright.testing.standins.speech_servers import PERSONALITIES, Personality, Refusal

_CHUNK = 4096


class Switches(msgspec.Struct, kw_only=True):
    """What a stand-in does otherwise than its healthy self. All may be changed while it serves."""

    key: str = ""
    """Ask for this key, and refuse as this server does."""
    installed: bool = True
    """Are its models there?"""
    listing: bool = True
    """Does it answer `/v1/models` and `/v1/audio/voices` at all?"""
    models: tuple[str, ...] | None = None
    """List models of these names, with nothing but their names."""
    starting: int = 0
    """Answer so many requests with 503 first."""
    healthy: int = 0
    """Answer so many requests for speech well before any of the following."""
    refuse: int = 0
    """Answer so many requests for speech with `status`, `headers` and `content` first."""
    status: int = 500
    headers: dict[str, str] = {}
    content: bytes | None = None
    """The body of a refusal; or of a 200, when nothing is refused. None: this server's own words."""
    content_type: str = "text/html"
    break_after: int | None = None
    """Cut the connection after so many bytes of sound."""
    keep: float = 1.0
    """The share of the sound that is sent before the answer ends as if it were whole."""
    float_pcm: bool = False
    """Ignore the format asked for: 32-bit float with `X-Audio-*` headers."""
    true_lengths: bool | None = None
    """Sizes in a WAV's header; None: as this server writes them."""
    delay_s: float = 0.0
    """What a request for speech takes in all, at least."""
    hang: bool = False
    """Take requests for speech and never answer."""
    pace: float = sounds.PACE


class Asked(msgspec.Struct, frozen=True):
    """One request that reached the server."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class StandIn:
    """A running server. `url` ends in `/v1`; `requests` are all of them, in order."""

    def __init__(self, personality: Personality, switches: Switches) -> None:
        self.url = ""
        self.requests: list[Asked] = []
        self.switches = switches
        self.asked = threading.Event()
        """A request for speech has come."""
        self.left = threading.Event()
        """A client went away before its answer."""
        self.in_flight = self.most_in_flight = 0
        self._personality = personality

    def switch(self, **changes: Any) -> None:
        """Change `Switches` by name."""
        for name, value in changes.items():
            if name not in Switches.__struct_fields__:
                raise TypeError(f"there is no switch {name}")
            setattr(self.switches, name, value)

    @property
    def spoken(self) -> list[Any]:
        """The bodies of the requests for speech."""
        return [asked.body for asked in self.requests if asked.path == "/v1/audio/speech"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        content = b""
        while (message := await receive())["type"] == "http.request":
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = msgspec.json.decode(content) if content else None
        asked = Asked(scope["method"], scope["path"], headers, body)
        self.requests.append(asked)
        try:
            if asked.path == "/v1/audio/speech":
                self.asked.set()
                self.in_flight += 1
                self.most_in_flight = max(self.in_flight, self.most_in_flight)
                try:
                    await self._speech(asked, receive, send)
                finally:
                    self.in_flight -= 1
            else:
                await reply(send, 200, self._listing(asked))
        except Refusal as refusal:
            words = self._personality.words(refusal)
            await reply(send, refusal.status, words, refusal.headers)

    # -- what it knows ---------------------------------------------------------------------------

    def _admit(self, asked: Asked) -> None:
        switches, personality = self.switches, self._personality
        if switches.starting > 0:
            switches.starting -= 1
            raise Refusal(503, "Loading model", kind="service_unavailable")
        if switches.key and asked.headers.get("authorization") != f"Bearer {switches.key}":
            raise Refusal(personality.refused_status, personality.refused_words, kind="invalid_api_key")

    def _listing(self, asked: Asked) -> Any:
        personality, path = self._personality, asked.path
        if path == "/health" and personality.health is not None:
            return personality.health
        self._admit(asked)
        if self.switches.listing:
            if path == "/v1/models":
                if self.switches.models is not None:
                    return {"object": "list", "data": [{"id": name} for name in self.switches.models]}
                if not self.switches.installed:
                    return personality.no_models
                return {"object": "list", "data": list(personality.models)}
            if path == "/v1/audio/voices" and personality.voices is not None:
                return {"voices": list(personality.voices)}
            if path == "/tts/capabilities" and personality.clones:
                return {"speaker_enabled": True, "speaker_audio_upload": True, "speaking_rate_enabled": True}
        raise Refusal(404, "Not Found", kind="not_found")

    # -- speaking --------------------------------------------------------------------------------

    async def _speech(self, asked: Asked, receive: Any, send: Any) -> None:
        switches, personality = self.switches, self._personality
        self._admit(asked)
        if switches.healthy > 0:
            switches.healthy -= 1
            switches = Switches()
        if switches.hang:
            await receive()  # which now tells of nothing but the client's going
            self.left.set()
            return
        ready_at = asyncio.get_running_loop().time() + switches.delay_s
        if switches.refuse > 0:
            switches.refuse -= 1
            await _until(ready_at)
            if switches.content is None:
                raise Refusal(switches.status, "Something went wrong", headers=switches.headers)
            await reply(send, switches.status, switches.content, switches.headers, switches.content_type)
            return
        if switches.content is not None:
            await _until(ready_at)
            await reply(send, 200, switches.content, switches.headers, switches.content_type)
            return
        wanted = personality.accept(asked.body, installed=switches.installed)
        headers, sound = await asyncio.to_thread(self._sound, asked.body, wanted, switches)
        await _until(ready_at)
        cut = switches.break_after
        await self._stream(send, headers, sound[:cut], whole=cut is None and personality.speaks(asked.body))

    def _sound(self, body: dict[str, Any], form: str, switches: Switches) -> tuple[dict[str, str], bytes]:
        """The answer's headers and its body."""
        personality = self._personality
        speed = body.get("speed", 1.0) if personality.minds_speed(body) else 1.0
        rate_hz = 44_100 if switches.float_pcm else personality.rate_hz
        samples = sounds.hum(body["input"], rate_hz=rate_hz, pace=switches.pace * speed)
        samples = samples[: int(len(samples) * switches.keep)]
        if switches.float_pcm or personality.clones:
            about = {"x-audio-sample-rate": str(rate_hz), "x-audio-channels": "1", "x-audio-format": "float32"}
            return {"content-type": "audio/pcm", **about}, samples.astype("<f4").tobytes()
        headers = {"content-type": personality.media_types[form]}
        if not len(samples):
            return headers, b""
        if form == "pcm":
            return headers, sounds.pcm16(samples)
        if form == "wav":
            known = personality.true_lengths if switches.true_lengths is None else switches.true_lengths
            return headers, sounds.wav(samples, rate_hz, true_lengths=known)
        return headers, sounds.encoded(samples, rate_hz, form)

    async def _stream(self, send: Any, headers: dict[str, str], sound: bytes, *, whole: bool) -> None:
        """In chunks of no stated number, as all of these servers send."""
        await send(head(200, headers))
        for start in range(0, len(sound), _CHUNK):
            await send({"type": "http.response.body", "body": sound[start : start + _CHUNK], "more_body": True})
        if not whole:
            raise ConnectionAbortedError  # the server closes the connection in mid-answer
        await send({"type": "http.response.body"})


async def _until(time: float) -> None:
    await asyncio.sleep(max(0.0, time - asyncio.get_running_loop().time()))


@contextlib.contextmanager
def speech_server(personality: str = "kokoro", **switches: Any) -> Iterator[StandIn]:
    """A server that behaves as `kokoro`, `openedai`, `localai`, `speaches`, `zonos2` or `openai` does."""
    server = StandIn(PERSONALITIES[personality], Switches(**switches))
    with serve(server) as address:
        server.url = f"{address}/v1"
        yield server
