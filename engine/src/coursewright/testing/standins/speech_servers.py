"""How the servers of `speech.py` differ: what they list, what they accept, and how they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

_PLAIN = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "opus": "audio/opus",
    "pcm": "audio/pcm",
}
_OPENAI_VOICES = ("alloy", "echo", "fable", "onyx", "nova", "shimmer")


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, message: str, *, kind: str = "server_error", param: str = "", headers: Any = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.param = status, message, kind, param
        self.headers: dict[str, str] = headers or {}


class Personality(msgspec.Struct, frozen=True, kw_only=True):
    """One server's ways."""

    models: tuple[dict[str, Any], ...]
    words: Callable[[Refusal], Any]
    """The body of an error."""
    voices: tuple[dict[str, Any], ...] | None = None
    """None: there is no list of them."""
    no_models: Any = msgspec.field(default_factory=lambda: {"object": "list", "data": []})
    health: Any = None
    media_types: dict[str, str] = msgspec.field(default_factory=lambda: dict(_PLAIN))
    default_format: str = "mp3"
    rate_hz: int = 24_000
    true_lengths: bool = False
    refused_status: int = 401
    refused_words: str = "Incorrect API key provided"
    clones: bool = False
    checks: Callable[[Personality, dict[str, Any], bool], None] = lambda personality, body, installed: None
    late_checks: Callable[[Personality, dict[str, Any]], bool] = lambda personality, body: True

    def accept(self, body: dict[str, Any], *, installed: bool) -> str:
        """The format that will be sent; raises `Refusal`."""
        if not body.get("input"):
            raise Refusal(400, "Empty Input", kind="invalid_request_error", param="input")
        self.checks(self, body, installed)
        form = body.get("response_format") or self.default_format
        if form in self.media_types:
            return str(form)
        if self.default_format == "wav":
            return "wav"
        raise Refusal(400, f"Invalid response_format: '{form}'", param="response_format")

    def speaks(self, body: dict[str, Any]) -> bool:
        """False where this server finds out only after it has begun to answer."""
        return self.late_checks(self, body)

    def minds_speed(self, body: dict[str, Any]) -> bool:
        """Does the field `speed` act?"""
        return not self.clones or bool(body.get("speaking_rate_enabled"))


def _model(name: str, owner: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1686935002, "owned_by": owner, **more}


def _names(entries: tuple[dict[str, Any], ...] | None) -> list[str]:
    return [entry["id"] for entry in entries or ()]


# -- Kokoro-FastAPI ----------------------------------------------------------------------------------

_KOKORO_VOICES = (
    *("af_alloy", "af_bella", "af_heart", "af_sky", "am_adam", "am_michael", "bf_emma", "bm_george", "ef_dora"),
    *("em_alex", "ff_siwis", "hf_alpha", "hm_omega", "if_sara", "im_nicola", "jf_alpha", "jm_kumo", "pf_dora"),
    *("pm_alex", "zf_xiaobei", "zm_yunjian"),
)


def _kokoro_words(refusal: Refusal) -> Any:
    if refusal.status == 422:
        return _fields(refusal)
    kind = "invalid_request_error" if refusal.status < 500 else "server_error"
    return {"detail": {"error": refusal.kind, "message": refusal.message, "type": kind}}


def _fields(refusal: Refusal) -> Any:
    """FastAPI's own: a list of fields at fault."""
    return {"detail": [{"type": refusal.kind, "loc": ["body", refusal.param], "msg": refusal.message}]}


def _kokoro_checks(personality: Personality, body: dict[str, Any], installed: bool) -> None:
    speed = body.get("speed", 1.0)
    if not 0.25 <= speed <= 4.0:
        words = "greater than or equal to 0.25" if speed < 1 else "less than or equal to 4"
        raise Refusal(422, f"Input should be {words}", kind="less_than_equal", param="speed")
    if body.get("model") not in (*_names(personality.models), "gpt-4o-mini-tts"):
        raise Refusal(400, f"Unsupported model: {body.get('model')}", kind="invalid_model")
    mixed = (body.get("voice") or "af_heart").replace("-", "+").split("+")
    for voice in (part.partition("(")[0].strip() for part in mixed):
        if voice not in (*_KOKORO_VOICES, *_OPENAI_VOICES):
            known = ", ".join(sorted(_KOKORO_VOICES))
            raise Refusal(400, f"Voice '{voice}' not found. Available voices: {known}", kind="validation_error")


# -- Speaches ----------------------------------------------------------------------------------------

_SPEACHES_VOICES = tuple(
    {"name": name, "language": language, "gender": gender, "id": name}
    for name, language, gender in (
        ("af_heart", "en-us", "female"),
        ("am_adam", "en-us", "male"),
        ("bf_emma", "en-gb", "female"),
        ("ef_dora", "es", "female"),
        ("ff_siwis", "fr-fr", "female"),
        ("pf_dora", "pt-br", "female"),
        ("zf_xiaobei", "zh", "female"),
    )
)


def _speaches_checks(personality: Personality, body: dict[str, Any], installed: bool) -> None:
    model = body.get("model")
    if not installed or model not in _names(personality.models):
        words = f"Model '{model}' is not installed locally. You can download the model using `POST /v1/models`"
        raise Refusal(404, words)
    if not 0.5 <= body.get("speed", 1.0) <= 2.0:
        raise Refusal(422, f"Speed must be between 0.5 and 2.0, got {body['speed']}")
    if "voice" not in body:
        raise Refusal(422, "Field required", kind="missing", param="voice")


def _speaches_late(personality: Personality, body: dict[str, Any]) -> bool:
    return body["voice"] in (*_names(personality.voices), *_OPENAI_VOICES)


# -- the others --------------------------------------------------------------------------------------


def _openedai_checks(personality: Personality, body: dict[str, Any], installed: bool) -> None:
    if (model := body.get("model", "tts-1")) not in _names(personality.models):
        raise Refusal(400, f"Error loading voice: {body.get('voice')}. No configuration for: {model}", param="model")
    if (voice := body.get("voice", "alloy")) not in _OPENAI_VOICES:
        raise Refusal(400, f"Error loading voice: {voice}, KeyError: '{voice}'", param="voice")


def _localai_checks(personality: Personality, body: dict[str, Any], installed: bool) -> None:
    if not installed or body.get("model") not in _names(personality.models):
        raise Refusal(500, f"could not load model: {body.get('model')}: no such file or directory", kind="")


def _openai_checks(personality: Personality, body: dict[str, Any], installed: bool) -> None:
    if body.get("model") not in _names(personality.models):
        raise Refusal(404, f"The model `{body.get('model')}` does not exist or you do not have access to it.")
    if body.get("voice") not in _OPENAI_VOICES:
        known = ", ".join(f"'{voice}'" for voice in _OPENAI_VOICES)
        raise Refusal(400, f"Input should be {known}", kind="invalid_request_error", param="voice")


def _zonos2_checks(personality: Personality, body: dict[str, Any], installed: bool) -> None:
    import base64

    try:
        base64.b64decode(body.get("speaker_audio_base64", ""), validate=True)
    except ValueError:
        raise Refusal(400, "speaker_audio_base64 is not valid base64.") from None


def _nested(refusal: Refusal) -> Any:
    kind, param = refusal.kind or "", refusal.param or None
    return {"error": {"code": refusal.status, "message": refusal.message, "type": kind, "param": param}}


def _detail(refusal: Refusal) -> Any:
    if refusal.status == 422 and refusal.param:
        return _fields(refusal)
    return {"detail": refusal.message}


def _top_level(refusal: Refusal) -> Any:
    param = refusal.param or None
    return {"message": refusal.message, "code": refusal.status, "type": "BadRequestError", "param": param}


PERSONALITIES = {
    "kokoro": Personality(
        models=tuple(_model(name, "kokoro") for name in ("tts-1", "tts-1-hd", "kokoro")),
        voices=tuple({"id": name, "name": name} for name in _KOKORO_VOICES),
        words=_kokoro_words,
        health={"status": "healthy"},
        checks=_kokoro_checks,
    ),
    "openedai": Personality(
        models=tuple(_model(name, "user") for name in ("tts-1", "tts-1-hd")),
        no_models={},
        words=_top_level,
        health={"status": "ok"},
        media_types=_PLAIN | {"flac": "audio/x-flac", "opus": "audio/ogg;codec=opus", "pcm": "audio/pcm;rate=22050"},
        rate_hz=22_050,
        checks=_openedai_checks,
    ),
    "localai": Personality(
        models=({"id": "voice-en-us-amy-low", "object": "model"},),
        words=_nested,
        default_format="wav",
        rate_hz=16_000,
        true_lengths=True,
        checks=_localai_checks,
    ),
    "speaches": Personality(
        models=(
            _model("Systran/faster-whisper-small", "Systran", task="automatic-speech-recognition"),
            _model("speaches-ai/Kokoro-82M-v1.0-ONNX", "speaches-ai", task="text-to-speech", voices=_SPEACHES_VOICES),
        ),
        voices=_SPEACHES_VOICES,
        words=_detail,
        health={"message": "OK"},
        refused_status=403,
        refused_words="Not authenticated",
        checks=_speaches_checks,
        late_checks=_speaches_late,
    ),
    "zonos2": Personality(
        models=(_model("Zyphra/ZONOS2", "zonos2", root="Zyphra/ZONOS2"),),
        words=_detail,
        rate_hz=44_100,
        clones=True,
        checks=_zonos2_checks,
    ),
    "openai": Personality(
        models=tuple(_model(name, "openai") for name in ("gpt-4o", "whisper-1", "tts-1", "tts-1-hd")),
        words=_nested,
        checks=_openai_checks,
    ),
}
