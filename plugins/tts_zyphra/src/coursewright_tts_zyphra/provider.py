"""`tts.zyphra`: the provider."""

from __future__ import annotations

import re
import threading
from typing import Any, ClassVar, cast

import msgspec
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import ProviderError
from coursewright.kit.health import cached
from coursewright.kit.http import Http
from coursewright.kit.speech import narrate, sample_of
from coursewright.kit.speech.parts import split
from coursewright.providers import Context, Cost, Health, Provider

from coursewright_tts_zyphra.hosted import Cloud, Legacy, is_zyphras
from coursewright_tts_zyphra.line import FEWEST_CHARACTERS, Line, TooLong, health_of
from coursewright_tts_zyphra.options import CLOUD_URL, ZyphraOptions, ZyphraService
from coursewright_tts_zyphra.zonos import Zonos

_LINES: dict[str, type[Line]] = {"cloud": Cloud, "legacy": Legacy, "zonos": Zonos}


class ZyphraVoice(Provider[SpeechRequest, Speech]):
    """A natural voice, cloned from a sample if one is given."""

    capability: ClassVar[str] = "tts"
    name: ClassVar[str] = "zyphra"
    summary: ClassVar[str] = "natural, cloned voices by Zyphra's service or a Zonos of your own"
    version: ClassVar[str] = "1"
    deterministic: ClassVar[bool] = True
    """Two answers differ in their delivery, not in their worth: a stored one may be reused."""
    cost: ClassVar[Cost] = "metered"
    unit: ClassVar[str] = "character"
    preference: ClassVar[int] = 10
    concurrency: ClassVar[int | None] = 4
    Options: ClassVar[type[msgspec.Struct]] = ZyphraOptions
    Service: ClassVar[type[msgspec.Struct]] = ZyphraService
    licence: ClassVar[str] = (
        "Zyphra's terms of service hold for speech made by its service; the Zonos models are Apache-2.0 (ZONOS2's code "
        "MIT). Clone a voice only with the consent of the person it belongs to."
    )
    sends: ClassVar[str] = (
        "The text and, if given, the voice sample go to the service that is set: Zyphra's, or a Zonos of your own."
    )

    @cached
    def check(self) -> Health:
        """Ask the service, at no cost: is it there, does it take the key, is it what it was taken for?"""
        try:
            return self._line().health()
        except ProviderError as error:
            return health_of(error)

    def identity(self) -> str:
        service = self.service
        parts = [service.url if service.url != CLOUD_URL else "", service.api if service.api != "auto" else ""]
        return " ".join(part for part in parts if part)

    def size(self, request: SpeechRequest) -> float:
        """Characters: what time and price grow with."""
        return float(len(request.text))

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        """Speak the text, in parts where it is long.

        Raises Unavailable for a language that the service does not speak, so that another provider may; BadInput
        for a voice sample or a voice's name that nobody could use.
        """
        context.raise_if_cancelled()
        line = self._line(context)
        line.say_what_is_unused(request, context)
        sample = None if request.voice is None else sample_of(request.voice, context)
        onward = Onward(context)
        voicing = line.voicing(request, sample, context, onward.within)
        limit = line.limit(request.text)
        key = [self.identity(), voicing.key]
        while True:
            parts = [len(part.text) for part in split(request.text, limit)]
            onward.begin(len(parts))
            try:
                return narrate(request, cast(Context, onward), voicing.say, limit=limit, key=key)
            except TooLong:
                limit = max(parts) // 2
                if limit < FEWEST_CHARACTERS:
                    raise
                context.notice("parts of the text were too long for the service: shorter ones were sent")

    def _line(self, context: Context | None = None) -> Line:
        api = self.service.api if self.service.api != "auto" else _api_at(self.service, context)
        return _LINES[api](self.service, self.options, self.host)


class Onward:
    """A context whose progress never goes back: what is begun anew in shorter parts was further before."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._furthest = 0.0
        self._spoken, self._parts = 0.0, 1.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def begin(self, parts: int) -> None:
        """So many parts are to be spoken now."""
        self._spoken, self._parts = 0.0, max(1.0, parts)

    def progress(self, done: float, total: float, message: str = "") -> None:
        """So many parts are spoken."""
        self._spoken = done
        self._tell(done / total, message)

    def within(self, done: float, total: float, message: str = "") -> None:
        """So far the service says it is with the part under way."""
        share = done / total if total > 0 else 0.0
        self._tell((self._spoken + 0.99 * min(max(share, 0.0), 1.0)) / self._parts, message)

    def _tell(self, fraction: float, message: str) -> None:
        with self._lock:
            self._furthest = max(self._furthest, min(fraction, 1.0))
            self._context.progress(self._furthest, 1.0, message)


_seen: dict[str, str] = {}
"""What was found by looking, in this process."""


def _api_at(service: ZyphraService, context: Context | None) -> str:
    """What is spoken at the service's address: told by the host or the path, or by asking for
    what only a Gradio app has."""
    url = service.url.strip()
    if is_zyphras(url):
        return "cloud" if "zyphracloud.com" in url.lower() else "legacy"
    if "://" not in url or re.match(r"https://([^/]+\.)?(hf\.space|huggingface\.co|hf\.co)(/|$)", url, re.IGNORECASE):
        return "zonos"
    if re.search(r"/v\d+(/audio/speech)?/?$", url):
        return "cloud"
    if url not in _seen:
        with Http(url, what="the speech service", context=context, connect_s=4.0, read_s=8.0, total_s=9.0) as http:
            answer = http.get("config", allow=range(400, 500))
        _seen[url] = "zonos" if answer.status == 200 and b"api_prefix" in answer.body else "legacy"
    return _seen[url]
