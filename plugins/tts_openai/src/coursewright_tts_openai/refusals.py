"""What a server's refusal of a request for speech means: which field is at fault, and what would be right."""

from __future__ import annotations

import re
from typing import Any

from coursewright.errors import AuthFailed, BadInput, ProviderError, Unavailable
from coursewright.kit.http import Answer, Http, words_of

from coursewright_tts_openai.choice import OPENAI_VOICES, listed
from coursewright_tts_openai.offer import Address, Offer

SECRET = "OPENAI_SPEECH_API_KEY"  # noqa: S105  # the name of a secret

_FIELDS = {"input": "text", "model": "model", "voice": "voice_name", "response_format": "response_format"}
_FIELDS |= {"speed": "speed", "speaker_audio_base64": "voice"}
_ABOUT_MODEL = (400, 404, 422, 500)
"""LocalAI answers 500 for a model it does not have, Speaches and OpenAI 404, Kokoro-FastAPI and openedai-speech 400."""


def refusal(answer: Answer, http: Http, address: Address, payload: dict[str, Any], offer: Offer) -> ProviderError:
    """The error for an answer that is no sound, by its status, its words and what the server lists."""
    status = answer.status
    words = http.hidden(words_of(answer.body, answer.headers.get("content-type", "")))
    detail = f"{status}: {words}" if words else str(status)
    if status in (401, 403):
        told = http.failure(answer, field="text")
        return key_refused(address, detail) if isinstance(told, AuthFailed) else told
    if status in _ABOUT_MODEL and (status == 404 or _model_unknown(payload["model"], offer)):
        if _no_route(answer):
            return Unavailable(
                f"{address.what} has no /audio/speech", remedy="check its address; it often ends in /v1", detail=detail
            )
        if fault := _model_fault(status, words, payload["model"], offer, address, detail):
            return fault
    field = _field(answer, words)
    if status in (400, 404, 422) and field == "voice_name":
        return voice_unknown(payload["voice"], payload["model"], offer, address, detail)
    if status in (400, 413, 422) and field in ("speed", "response_format"):
        return BadInput(
            f"{address.what} does not take {field} {payload[field]}: {words}",
            field=field,
            remedy="choose another speed" if field == "speed" else "choose wav or mp3",
            detail=detail,
        )
    return http.failure(answer, field=field)


def key_refused(address: Address, detail: str) -> AuthFailed:
    """Servers answer 401 or 403 alike whether the key is missing or wrong; we know which."""
    if address.key is None:
        return AuthFailed(
            f"{address.what} wants a key, and none is set", remedy=f"set COURSEWRIGHT_SECRET_{SECRET}", detail=detail
        )
    return AuthFailed(
        f"{address.what} refused the key", remedy=f"set COURSEWRIGHT_SECRET_{SECRET} to a valid one", detail=detail
    )


def voice_unknown(voice: str, model: str, offer: Offer, address: Address, detail: str) -> BadInput:
    """With the voices that there are, by the server's list or its own words."""
    names = [known.name for known in offer.voices_of(model) or ()]
    return BadInput(
        f"{address.what} has no voice '{voice}'" if voice else f"{address.what} wants a voice",
        field="voice_name",
        remedy=f"use one of: {listed(names)}" if names else "use a name that its configuration has",
        detail=detail,
    )


def has_voice(voice: str, model: str, offer: Offer) -> bool:
    """May the voice be there? Only a list that does not have it says no; mixes are told by their parts.

    OpenAI's names are taken without being listed: Kokoro-FastAPI and Speaches put voices of their own in their place.
    """
    voices = offer.voices_of(model)
    if not voices or not voice or voice in OPENAI_VOICES:
        return True
    known = {listed_voice.name for listed_voice in voices}
    parts = [part.partition("(")[0].strip() for part in re.split(r"[+-]", voice)] if offer.is_kokoro else []
    return voice in known or (bool(parts) and all(part in known for part in parts))


def how_to_install(model: str, address: Address) -> str:
    """The remedy for a model that is not there."""
    return f"install it: POST {address.url}/models/{model} (Speaches), or as that server's manual says"


def _model_unknown(model: str, offer: Offer) -> bool:
    return offer.models is not None and offer.named(model) is None


def _no_route(answer: Answer) -> bool:
    """Is it the path that is unknown? FastAPI and others say just this."""
    words = words_of(answer.body, answer.headers.get("content-type", "")).lower().rstrip(".")
    return answer.status == 404 and (words in ("not found", "404 not found", "") or "page" in words)


def _model_fault(
    status: int, words: str, model: str, offer: Offer, address: Address, detail: str
) -> ProviderError | None:
    names = [known.name for known in offer.models or ()]
    if model in names:
        return None
    if status == 404 or (status == 500 and not names):
        there = f"; there are: {listed(names)}" if names else ""
        return Unavailable(
            f"the model {model} is not installed at {address.what}{there}",
            remedy=how_to_install(model, address),
            detail=detail,
        )
    if status == 500 or "model" in words.lower() or "configuration for" in words.lower():
        return BadInput(
            f"{address.what} has no model '{model}'",
            field="model",
            remedy=f"use one of: {listed(names)}" if names else "install one there",
            detail=detail,
        )
    return None


def _field(answer: Answer, words: str) -> str:
    """The field of ours that the server means: by FastAPI's `loc`, by OpenAI's `param`, else by its words."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        error = body.get("error")
        named = (error if isinstance(error, dict) else body).get("param")
        faults = body.get("detail")
        if isinstance(faults, list) and faults and isinstance(faults[0], dict):
            place = faults[0].get("loc") or [""]
            named = place[-1] if isinstance(place, list) else place
        if named in _FIELDS:
            return _FIELDS[named]
    said = words.lower()
    for word, field in (
        ("speaker", "voice"),
        ("voice", "voice_name"),
        ("speed", "speed"),
        ("format", "response_format"),
    ):
        if word in said:
            return field
    return "model" if "model" in said else "text"
