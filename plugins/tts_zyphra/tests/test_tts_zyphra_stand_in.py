"""The stand-in is as strict as the services it stands for, so that a request which passes here would pass there."""

from __future__ import annotations

import io
from typing import Any

import av
import httpx
import pytest
from coursewright.testing.standins.zyphra import KEY, ZyphraServer
from coursewright.testing.standins.zyphra_speech import SAVED_VOICE

TEXT = "The tide rises twice a day."


def legacy(server: ZyphraServer, **body: Any) -> httpx.Response:
    return httpx.post(
        f"{server.url}/v1/audio/text-to-speech",
        headers={"X-API-Key": KEY},
        json={"text": TEXT, **body},
        trust_env=False,
    )


def cloud(server: ZyphraServer, **body: Any) -> httpx.Response:
    return httpx.post(
        f"{server.cloud_url}/audio/speech",
        headers={"Authorization": f"Bearer {KEY}"},
        json={"model": "zyphra/ZONOS2", "input": TEXT, **body},
        trust_env=False,
    )


def seconds(sound: bytes) -> float:
    with av.open(io.BytesIO(sound), "r") as container:
        rate = container.streams.audio[0].rate
        return float(sum(frame.samples for frame in container.decode(audio=0)) / rate)


def test_sound_comes_in_chunks_without_its_length(server: ZyphraServer) -> None:
    answer = legacy(server)

    assert answer.headers["content-type"] == "audio/webm"
    assert "content-length" not in answer.headers
    assert answer.content.startswith(b"\x1a\x45\xdf\xa3")  # Matroska's mark


def test_its_length_follows_the_text_and_the_rate(server: ZyphraServer) -> None:
    usual = seconds(legacy(server).content)

    assert seconds(legacy(server, text=f"{TEXT} {TEXT}").content) == pytest.approx(2 * usual, rel=0.1)
    assert seconds(legacy(server, speaking_rate=30).content) < 0.75 * usual
    assert seconds(cloud(server).content) == pytest.approx(usual, rel=0.1)
    assert seconds(cloud(server, speed=2.0).content) == pytest.approx(usual, rel=0.1)  # not without its switch
    assert seconds(cloud(server, speed=2.0, speaking_rate_enabled=True).content) < 0.75 * usual


@pytest.mark.parametrize(
    "body",
    [
        {"text": " "},
        {"model": "zonos-v2"},
        {"speaking_rate": 36},
        {"fmax": 24_001},
        {"vqscore": 0.5},
        {"pitch_std": -1},
        {"mime_type": "audio/flac"},
        {"speaker_audio": "no base64!"},
        {"emotion": {"joy": 1}},
        {"emotion": {"anger": 2}},
        {"language_iso_code": "en"},
        {"default_voice_name": "somebody"},
        {"pitchStd": 45},
        {"model": "zonos-v0.1-hybrid", "emotion": {"anger": 1}},
        {"model": "zonos-v0.1-hybrid", "pitch_std": 45},
    ],
    ids=str,
)
def test_the_older_service_refuses_what_it_does_not_take(server: ZyphraServer, body: dict[str, Any]) -> None:
    answer = legacy(server, **body)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


def test_the_hybrid_may_be_lenient(server: ZyphraServer) -> None:
    server.strict_models = False

    assert legacy(server, model="zonos-v0.1-hybrid", pitch_std=45).status_code == 200


def test_a_saved_voice_is_case_sensitive(server: ZyphraServer) -> None:
    assert legacy(server, voice_name=SAVED_VOICE).status_code == 200
    assert legacy(server, voice_name=SAVED_VOICE.lower()).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"input": ""}, 400),
        ({"model": "zonos-v0.1-transformer"}, 404),
        ({"response_format": "ogg"}, 400),
        ({"reference_audio_b64": "no base64!"}, 400),
    ],
    ids=str,
)
def test_the_newer_service_refuses_what_it_does_not_take(
    server: ZyphraServer, body: dict[str, Any], status: int
) -> None:
    answer = cloud(server, **body)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_each_service_wants_the_key_in_its_own_place(server: ZyphraServer) -> None:
    bearer, own = {"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY}
    for path, headers in (("/v1/audio/text-to-speech", bearer), ("/api/v1/audio/speech", own)):
        answer = httpx.post(f"{server.url}{path}", headers=headers, json={"text": TEXT}, trust_env=False)
        assert answer.status_code == 401
    assert httpx.get(f"{server.cloud_url}/models", headers=own, trust_env=False).status_code == 401
    assert httpx.get(f"{server.cloud_url}/models", headers=bearer, trust_env=False).json()["data"]
