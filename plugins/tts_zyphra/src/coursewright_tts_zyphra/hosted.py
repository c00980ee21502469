"""The two services that Zyphra runs, both over HTTP."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from coursewright.capabilities.tts import SpeechRequest
from coursewright.errors import AuthFailed, BadInput, Busy, ProviderError, TimedOut
from coursewright.kit.http import Answer, Http, v1
from coursewright.providers import Context, Health
from coursewright.secrets import Secret

from coursewright_tts_zyphra.languages import LEGACY, ZONOS2, code_for, own_code
from coursewright_tts_zyphra.line import Line, Tell, TooLong, Voicing, health_of

CLOUD_MODEL = "zyphra/ZONOS2"
_TELLING = (404, 408, 422, 504, 524)
"""Statuses that tell more here than anywhere: a voice, a field, or that the gateway did not wait for so much speech."""


class Hosted(Line):
    """Texts go out as JSON, sound comes back as the body."""

    path: ClassVar[str]
    key_header: ClassVar[str]

    def base(self) -> str:
        """The address that paths are put after: https for Zyphra's own hosts, however it was written."""
        return secure(self.service.url)

    def http(self, context: Context | None = None) -> Http:
        """For a request, or without a context for `health`, which has 10 s.

        Raises AuthFailed when Zyphra's own host is meant and no key is set.
        """
        return Http(
            self.base(),
            what=self.what,
            key=self._key(),
            key_header=self.key_header,
            context=context,
            connect_s=10.0 if context else 4.0,
            read_s=self.service.patience_s if context else 8.0,
            total_s=None if context else 9.0,
        )

    def _key(self) -> Secret | None:
        try:
            return self.host.secret(self.service.secret)
        except AuthFailed:
            if is_zyphras(self.service.url):
                raise
            return None  # somebody's own server may want none

    def spoken(self, payload: dict[str, Any], folder: Path, context: Context) -> Path:
        """Send one part; the sound as a file in `folder`."""
        with self.http(context) as http:
            answer = http.post(self.path, payload, field="text", allow=_TELLING)
            if answer.status in _TELLING:
                raise self.refusal(answer, http)
        if not answer.body:
            raise Busy(f"{self.what} answered without any sound (0 bytes)", remedy="try again in a minute")
        sound = folder / "answer"
        sound.write_bytes(answer.body)
        return sound

    def refusal(self, answer: Answer, http: Http) -> ProviderError:
        """What an answer of `_TELLING` stands for; of a 422 the field that is at fault, if it says so."""
        error = http.failure(answer, field=_field(answer))
        if isinstance(error, TimedOut):
            return TooLong(error.message, remedy=error.remedy, detail=error.detail)
        return error


class Legacy(Hosted):
    """`api.zyphra.com`, which the packages `zyphra` and `@zyphra/client` speak to: Zonos v0.1."""

    what = "Zyphra's API"
    part_s = 25.0
    path = "v1/audio/text-to-speech"
    key_header = "X-API-Key"
    takes = frozenset(
        {
            *("speaking_rate", "language_code", "model", "emotion", "pitch_std", "fmax", "vqscore", "mime_type"),
            *("speaker_noised", "default_voice_name", "voice_name"),
        }
    )

    def base(self) -> str:
        return re.sub(r"(/v1)?(/audio/text-to-speech)?$", "", super().base().rstrip("/"))

    def voicing(self, request: SpeechRequest, sample: Path | None, context: Context, tell: Tell) -> Voicing:
        options = self.options
        fields: dict[str, Any] = {
            "language_iso_code": own_code(options.language_code, LEGACY, what=self.what)
            if options.language_code
            else code_for(request.language, LEGACY, what=self.what),
            "speaking_rate": options.speaking_rate,
            "fmax": options.fmax,
            "vqscore": self.bounded("vqscore", 0.6, 0.8, context),
            "mime_type": options.mime_type or None,
            "model": f"zonos-v0.1-{options.model}" if options.model else None,
            **self._of_the_model(context),
        }
        if sample is None:
            fields["default_voice_name"] = options.default_voice_name or None
            fields["voice_name"] = options.voice_name or None
        wanted = {name: value for name, value in fields.items() if value is not None}
        voice = {} if sample is None else {"speaker_audio": _base64(sample)}

        def say(text: str, folder: Path) -> Path:
            return self.spoken({"text": text, **wanted, **voice}, folder, context)

        return Voicing(say, ["legacy", wanted, request.voice and request.voice.digest])

    def _of_the_model(self, context: Context) -> dict[str, Any]:
        """The fields that one model knows and the other one's validation would refuse."""
        options = self.options
        emotion = options.emotion.given() if options.emotion else None
        of_transformer = {"emotion": emotion or None, "pitch_std": options.pitch_std}
        of_hybrid = {"speaker_noised": options.speaker_noised}
        fields, others = (of_hybrid, of_transformer) if options.model == "hybrid" else (of_transformer, of_hybrid)
        if lost := [name for name, value in others.items() if value is not None]:
            context.notice(f"the model {options.model or 'transformer'} knows no {' and no '.join(lost)}: not used")
        return fields

    def refusal(self, answer: Answer, http: Http) -> ProviderError:
        if answer.status == 404 and self.options.voice_name:
            return BadInput(
                f"no voice named '{self.options.voice_name}' is saved in the account",
                field="voice_name",
                remedy="spell it as in the account, capitals included",
            )
        return super().refusal(answer, http)

    def health(self) -> Health:
        """There is no request that only tells whether the key is right: one without a text costs nothing."""
        try:
            with self.http() as http:
                http.post(self.path, {}, field="text")
        except BadInput:
            return Health(reason="reachable; whether the account has credit shows when something is spoken")
        except ProviderError as error:
            return health_of(error)
        return Health(reason="reachable")


class Cloud(Hosted):
    """`api.zyphracloud.com`: ZONOS2 behind OpenAI's request for speech."""

    what = "Zyphra Cloud"
    part_s = 25.0
    path = "audio/speech"
    key_header = "Authorization"
    takes = frozenset({"speaking_rate", "mime_type", "voice_name", "seed"})

    def base(self) -> str:
        return v1(super().base())

    def voicing(self, request: SpeechRequest, sample: Path | None, context: Context, tell: Tell) -> Voicing:
        options = self.options
        code_for(request.language, ZONOS2, what=self.what)
        wanted: dict[str, Any] = {"model": CLOUD_MODEL, "response_format": _FORMATS[options.mime_type]}
        if options.speaking_rate is not None:
            # 1.0 is the model's neutral rate. Without the switch `speed` is ignored.
            wanted |= {"speed": round(options.speaking_rate / 15, 3), "speaking_rate_enabled": True}
        if options.seed is not None:
            wanted["seed"] = options.seed
        if sample is None and options.voice_name:
            wanted["voice"] = options.voice_name
        voice = {} if sample is None else {"reference_audio_b64": _base64(sample)}

        def say(text: str, folder: Path) -> Path:
            return self.spoken({"input": text, **wanted, **voice}, folder, context)

        return Voicing(say, ["cloud", wanted, request.voice and request.voice.digest])

    def health(self) -> Health:
        """The list of models costs nothing, and wants the key."""
        try:
            with self.http() as http:
                listed = http.get_json("models")
        except ProviderError as error:
            return health_of(error)
        models = _ids(listed)
        if models and not any(model.lower() == CLOUD_MODEL.lower() for model in models):
            return Health(
                state="degraded",
                reason=f"{self.what} does not list the model {CLOUD_MODEL}; it has {', '.join(models[:5])}",
                remedy="try it, or name another tts provider",
            )
        return Health()


_FORMATS = {
    "": "wav",
    "audio/webm": "opus",
    "audio/ogg": "opus",
    "audio/wav": "wav",
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
}
_FIELDS = {
    "text": "text",
    "input": "text",
    "speaker_audio": "voice",
    "reference_audio_b64": "voice",
    "voice": "voice_name",
    "language_iso_code": "language",
    **{name: name for name in Legacy.takes | Cloud.takes},
    "speed": "speaking_rate",
    "response_format": "mime_type",
}
"""Which field of ours a field of the services stands for."""


def is_zyphras(url: str) -> bool:
    """Is it a host of Zyphra's own?"""
    host = (urlsplit(url if "://" in url else f"//{url}").hostname or "").rstrip(".")
    return any(host == name or host.endswith(f".{name}") for name in ("zyphra.com", "zyphracloud.com"))


def secure(url: str) -> str:
    """https for Zyphra's own hosts: their packages send the key in the clear, and their addresses get copied."""
    url = url.strip()
    return re.sub(r"^(http://)?(?!https://)", "https://", url, flags=re.IGNORECASE) if is_zyphras(url) else url


def _base64(sample: Path) -> str:
    return base64.b64encode(sample.read_bytes()).decode("ascii")


def _field(answer: Answer) -> str:
    """The field of ours that a validator's `detail[0].loc` names; the text when it names none."""
    try:
        place = answer.json()["detail"][0]["loc"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return "text"
    names = [_FIELDS[part] for part in place if isinstance(part, str) and part in _FIELDS] if place else []
    return names[0] if names else "text"


def _ids(listed: Any) -> list[str]:
    entries = listed.get("data") if isinstance(listed, dict) else listed
    found = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [name for name in found if isinstance(name, str)]
