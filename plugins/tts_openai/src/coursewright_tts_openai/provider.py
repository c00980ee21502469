"""`tts.openai`: the provider."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import AuthFailed, Busy, ProviderError, Unavailable
from coursewright.kit.health import cached
from coursewright.kit.http import v1
from coursewright.kit.speech import narrate, sample_of
from coursewright.providers import Context, Health, Host, Provider
from coursewright.secrets import Secret
from msgspec import Meta

from coursewright_tts_openai.choice import Choice, choose, listed, most_characters
from coursewright_tts_openai.offer import Address, Offer, forget, offered
from coursewright_tts_openai.refusals import SECRET, has_voice, how_to_install, key_refused, refusal, voice_unknown
from coursewright_tts_openai.sound import sound_file
from coursewright_tts_openai.turns import turn

_HERE = "http://127.0.0.1:8880/v1"
"""Where Kokoro-FastAPI listens."""


class SpeechOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the text is spoken."""

    model: Annotated[str, Meta(max_length=200, description="The server's model; empty: the one that it has.")] = ""
    voice_name: Annotated[
        str, Meta(max_length=200, description="The server's voice; empty: one that fits the language.")
    ] = ""
    response_format: Annotated[
        Literal["wav", "mp3"], Meta(description="What travels: wav is lossless, mp3 a tenth of its size.")
    ] = "wav"
    speed: Annotated[float, Meta(ge=0.25, le=4.0, description="1 is the voice's own pace.")] = 1.0


class SpeechService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server is."""

    url: Annotated[str, Meta(description="Address of the server, with or without `/v1`.")] = _HERE
    connect_s: Annotated[float, Meta(gt=0, le=600, description="Seconds to wait for a connection.")] = 5.0
    read_s: Annotated[float, Meta(gt=0, le=3600, description="Seconds to wait for the next bytes.")] = 300.0
    at_once: Annotated[int, Meta(ge=1, le=64, description="Calls to the server at the same time.")] = 4
    characters: Annotated[int, Meta(ge=100, le=4096, description="Longer text is sent in parts, cut at sentences.")] = (
        2000
    )


class SpeechServer(Provider[SpeechRequest, Speech]):
    """Any server with `/v1/audio/speech`: Kokoro-FastAPI, Speaches, LocalAI, openedai-speech, ZONOS2, OpenAI."""

    capability: ClassVar[str] = "tts"
    name: ClassVar[str] = "openai"
    summary: ClassVar[str] = "natural voices of any server with OpenAI's speech interface, at home or hosted"
    version: ClassVar[str] = "1"
    preference: ClassVar[int] = 10
    concurrency: ClassVar[int | None] = 8
    """Twice the calls that are made at once: while some wait for the server, others decode what has come."""
    Options: ClassVar[type[msgspec.Struct]] = SpeechOptions
    Service: ClassVar[type[msgspec.Struct]] = SpeechService
    unit: ClassVar[str] = "character"
    licence: ClassVar[str] = (
        "The terms of the server's own model bind the speech; XTTS (tts-1-hd of openedai-speech) is for "
        "non-commercial use only."
    )
    sends: ClassVar[str] = (
        "The narration goes to the server whose address is set, this machine unless you change it; "
        "a voice sample only to a server that clones voices."
    )

    @cached
    def check(self) -> Health:
        """Ask for the server's models and voices, and compare them with what the options name."""
        options, address = self.options, self._address(self.host)
        try:
            offer = self._offer(address, None, anew=True)
            if options.model and offer.models is not None and not _has_model(options.model, offer):
                raise Unavailable(
                    f"the model {options.model} is not installed at {address.what}; there are: "
                    + (listed([model.name for model in offer.models]) or "none"),
                    remedy=how_to_install(options.model, address),
                )
            # English stands for any language here: what one request needs is not known yet.
            choice = choose(options.model, options.voice_name or "any", "en", offer, address.what)
            if options.voice_name and not has_voice(options.voice_name, choice.model, offer):
                raise voice_unknown(options.voice_name, choice.model, offer, address, "")
        except ProviderError as error:
            return Health(state="unavailable", reason=error.message, remedy=error.remedy or "start the server")
        if offer.models is None:
            return Health(
                state="degraded",
                reason=f"{address.what} lists no models: whether it speaks shows when it is asked",
                remedy="try it with: coursewright providers test tts.openai",
            )
        return Health()

    def identity(self) -> str:
        """The server's address, unless it is the usual one of this machine."""
        url = v1(self.service.url)
        return "" if url == _HERE else url

    def size(self, request: SpeechRequest) -> float:
        """Characters of text."""
        return len(request.text)

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        """Speak the text, in parts when it is long.

        Raises BadInput(field="model", "voice_name", "speed" …) with what the server has instead, Unavailable for
        a model that is not installed or a language without a voice, AuthFailed, Busy, QuotaExceeded and TimedOut.
        """
        context.raise_if_cancelled()
        address = self._address(context)
        offer = self._offer(address, context)
        choice = choose(self.options.model, self.options.voice_name, request.language, offer, address.what)
        extras = self._cloning(request, context, offer, address.what) | self._pace(context, offer, address.what)
        if not request.voice or not offer.clones:
            for notice in choice.notices:
                context.notice(notice)
        if choice.lang_code:
            extras["lang_code"] = choice.lang_code
        payload = {
            "model": choice.model,
            "voice": choice.voice,
            "response_format": self.options.response_format,
            "speed": self.options.speed,
            **extras,
        }

        def say(text: str, folder: Path) -> Path:
            return self._say(payload | {"input": text}, folder, context, address, offer, choice)

        limit = min(self.service.characters, most_characters(choice.model, offer))
        sample = request.voice.digest if "speaker_audio_base64" in extras and request.voice else ""
        sound = {name: value for name, value in payload.items() if name != "speaker_audio_base64"}
        return narrate(request, context, say, limit=limit, key=[address.url, sound, sample])

    def _say(
        self,
        payload: dict[str, Any],
        folder: Path,
        context: Context,
        address: Address,
        offer: Offer,
        choice: Choice,
    ) -> Path:
        with address.http(context, read_s=self.service.read_s) as http:
            try:
                with turn(address.url, self.service.at_once, context):
                    answer = http.post("audio/speech", payload, field="text", allow=range(400, 600))
                if answer.status >= 400:
                    forget(address.url)
                    raise refusal(answer, http, address, payload, offer)
                return sound_file(answer, folder, address.what)
            except Busy as error:
                # Speaches finds out in mid-answer that it does not have a voice.
                if has_voice(choice.voice, choice.model, offer):
                    raise
                raise voice_unknown(choice.voice, choice.model, offer, address, error.detail or error.message) from None

    def _cloning(self, request: SpeechRequest, context: Context, offer: Offer, what: str) -> dict[str, Any]:
        if request.voice is None:
            return {}
        if not offer.clones:
            context.notice(f"{what} cannot clone a voice: the sample is not sent, its own voice speaks")
            return {}
        sample = sample_of(request.voice, context).read_bytes()
        return {"speaker_audio_base64": base64.b64encode(sample).decode(), "speaker_audio_name": "voice.wav"}

    def _pace(self, context: Context, offer: Offer, what: str) -> dict[str, Any]:
        if not offer.clones or self.options.speed == 1.0:
            return {}
        if not offer.paced:
            context.notice(f"{what} does not change its pace: speed {self.options.speed:g} is not used")
            return {}
        return {"speaking_rate_enabled": True}

    def _offer(self, address: Address, context: Context | None, *, anew: bool = False) -> Offer:
        try:
            return offered(address, context, anew=anew)
        except AuthFailed as error:
            if not error.detail:  # the key was not sent at all: the address is at fault
                raise
            raise key_refused(address, error.detail) from None

    def _address(self, place: Host | Context) -> Address:
        key: Secret | None = None
        with contextlib.suppress(AuthFailed):  # most servers at home want none
            key = place.secret(SECRET)
        return Address(v1(self.service.url), key, self.service.connect_s)


def _has_model(model: str, offer: Offer) -> bool:
    """Kokoro-FastAPI takes the newest OpenAI name too, without listing it."""
    return offer.named(model) is not None or (offer.is_kokoro and model == "gpt-4o-mini-tts")
