"""What Zyphra's two services say to a request: its faults, or its speech as a file. For the stand-in `zyphra`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from coursewright.testing.standins import sounds

if TYPE_CHECKING:
    import numpy

    Samples = numpy.ndarray[Any, Any]

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


class Refused(Exception):
    """The service answers so, and not with speech."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def legacy_speech(body: Any, strict_models: bool) -> tuple[Samples, str]:
    """The older service's speech and its media type. Raises Refused with 422 and every fault, or 404."""
    faults = [{"loc": ["body", *place], "msg": message, "type": "value_error"} for place, message in _faults(body)]
    if isinstance(body, dict) and strict_models and body.get("model") == _LEGACY_MODELS[1]:
        faults += [
            {"loc": ["body", name], "msg": f"{name} is not supported by the hybrid model", "type": "value_error"}
            for name in ("emotion", "pitch_std")
            if name in body
        ]
    if faults:
        raise Refused(422, {"detail": faults})
    if (saved := body.get("voice_name")) and saved != SAVED_VOICE:
        raise Refused(404, {"detail": f"Voice {saved!r} not found"})
    mime = body.get("mime_type", "audio/webm")
    voice = body.get("speaker_audio") or body.get("default_voice_name") or body.get("voice_name") or ""
    return voiced(body["text"], voice.encode(), pace=body.get("speaking_rate", 15)), mime


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


def cloud_speech(body: Any) -> tuple[Samples, str]:
    """The newer service's speech and its media type. Raises Refused."""
    if not isinstance(body, dict) or not str(body.get("input") or "").strip():
        raise Refused(400, {"error": {"message": "input is required", "code": 400}})
    if body.get("model") != "zyphra/ZONOS2":
        raise Refused(404, {"error": {"message": f"model {body.get('model')} does not exist", "code": 404}})
    if list(_base64_faults(body, "reference_audio_b64")):
        raise Refused(400, {"error": {"message": "reference_audio_b64 is not valid base64", "code": 400}})
    kind = body.get("response_format", "mp3")
    if kind not in _CLOUD_TYPES:
        raise Refused(400, {"error": {"message": f"unknown response_format {kind}", "code": 400}})
    # `speed` acts only when conditioning on the speaking rate is switched on.
    speed = body.get("speed", 1.0) if body.get("speaking_rate_enabled") else 1.0
    voice = body.get("reference_audio_b64") or body.get("voice") or ""
    return voiced(body["input"], voice.encode(), pace=15 * speed), _CLOUD_TYPES[kind]


def voiced(text: str, voice: bytes, *, pace: float) -> Samples:
    """Mono float32 samples at `RATE_HZ`: what would be said, with a tone of `voice_hz(voice)` sounding along."""
    import numpy as np

    hum = sounds.hum(text, rate_hz=RATE_HZ, pace=pace)
    tone = np.sin(2 * np.pi * voice_hz(voice) * np.arange(len(hum)) / RATE_HZ)
    return np.where(hum == 0, 0, hum + 0.15 * tone).astype(np.float32)


def voice_hz(voice: bytes) -> float:
    """The tone by which a voice is told, 1,000 to 2,950 Hz; 900 Hz is the model's own (no bytes)."""
    return 1_000.0 + 50 * (hashlib.sha256(voice).digest()[0] % 40) if voice else _MODEL_VOICE_HZ


def encoded(samples: Samples, media_type: str) -> bytes:
    """The file that a service sends: streamed, so that a WAV does not know its own length."""
    match _FORMS[media_type]:
        case "wav":
            return sounds.wav(samples, RATE_HZ, true_lengths=False)
        case "mp4":
            return _mp4(samples)
        case form:
            return sounds.encoded(samples, RATE_HZ, form)


def _mp4(samples: Samples) -> bytes:
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
