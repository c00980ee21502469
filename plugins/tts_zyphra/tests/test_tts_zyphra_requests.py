"""What is sent to which service: the fields that were set, in its own words, with one voice at most."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable
from typing import Any

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import AuthFailed, BadInput, Busy, Unavailable
from coursewright.testing import Bench
from coursewright.testing.standins.spaces import SpaceServer
from coursewright.testing.standins.zyphra import KEY, ZyphraServer
from coursewright.testing.standins.zyphra_speech import SAVED_VOICE, voice_hz
from coursewright_tts_zyphra.options import CLOUD_URL, Emotion
from coursewright_tts_zyphra.provider import ZyphraVoice, _api_at

Make = Callable[..., ZyphraVoice]
Hear = Callable[[Speech], float]
TEXT = "The tide rises twice a day."


def served(bench: Bench, provider: ZyphraVoice, **request: Any) -> tuple[Any, list[str]]:
    context = bench.context(provider)
    return provider.run(SpeechRequest(**{"text": TEXT, **request}), context), context.notices


# -- the older service -----------------------------------------------------------------------------


def test_legacy_is_sent_nothing_that_was_not_set(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    served(bench, legacy())

    assert server.spoken == [{"text": TEXT, "language_iso_code": "en-us"}]
    assert server.requests[0].headers["x-api-key"] == KEY
    assert "authorization" not in server.requests[0].headers


def test_legacy_is_sent_every_option_of_the_transformer(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    _, notices = served(
        bench,
        legacy(
            speaking_rate=20.0,
            model="transformer",
            emotion=Emotion(happiness=0.9, neutral=0.1),
            pitch_std=80.0,
            fmax=22_050,
            vqscore=0.7,
            mime_type="audio/mp3",
            default_voice_name="british_female",
        ),
    )

    assert server.spoken == [
        {
            "text": TEXT,
            "language_iso_code": "en-us",
            "speaking_rate": 20.0,
            "model": "zonos-v0.1-transformer",
            "emotion": {"happiness": 0.9, "neutral": 0.1},
            "pitch_std": 80.0,
            "fmax": 22_050,
            "vqscore": 0.7,
            "mime_type": "audio/mp3",
            "default_voice_name": "british_female",
        }
    ]
    assert notices == []


def test_legacy_sends_the_hybrid_only_what_it_knows(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    options = {"model": "hybrid", "emotion": Emotion(anger=1.0), "pitch_std": 80.0, "speaker_noised": True}
    _, notices = served(bench, legacy(**options), language="ja")

    [body] = server.spoken
    assert body == {"text": TEXT, "language_iso_code": "ja", "model": "zonos-v0.1-hybrid", "speaker_noised": True}
    assert notices == ["the model hybrid knows no emotion and no pitch_std: not used"]


def test_legacy_sends_the_transformer_no_speaker_noised(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    _, notices = served(bench, legacy(speaker_noised=False))

    assert "speaker_noised" not in server.spoken[0]
    assert notices == ["the model transformer knows no speaker_noised: not used"]


def test_legacy_gets_the_sample_as_wav_in_base64(
    bench: Bench, server: ZyphraServer, legacy: Make, sample: Artifact, heard_hz: Hear
) -> None:
    speech, _ = served(bench, legacy(), voice=sample)

    sent = server.spoken[0]["speaker_audio"]
    with wave.open(io.BytesIO(base64.b64decode(sent, validate=True))) as wav:
        assert (wav.getnchannels(), wav.getsampwidth()) == (1, 2)
        assert 3 < wav.getnframes() / wav.getframerate() <= 30
    assert heard_hz(speech) == pytest.approx(voice_hz(sent.encode()), abs=3)


def test_one_voice_at_most_is_sent(bench: Bench, server: ZyphraServer, legacy: Make, sample: Artifact) -> None:
    _, notices = served(bench, legacy(voice_name=SAVED_VOICE), voice=sample)

    assert server.spoken[0].keys() == {"text", "language_iso_code", "speaker_audio"}
    assert notices == ["the voice sample is used, and not the voice that voice_name names"]


def test_two_named_voices_are_refused_before_anything_is_sent(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    with pytest.raises(BadInput) as error:
        served(bench, legacy(voice_name=SAVED_VOICE, default_voice_name="anime_girl"))

    assert error.value.field == "voice_name"
    assert server.requests == []


def test_a_saved_voice_is_named(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    served(bench, legacy(voice_name=SAVED_VOICE))

    assert server.spoken[0]["voice_name"] == SAVED_VOICE


def test_a_saved_voice_that_is_not_there_names_its_option(bench: Bench, legacy: Make) -> None:
    with pytest.raises(BadInput, match="no voice named 'head of department'") as error:
        served(bench, legacy(voice_name="head of department"))

    assert error.value.field == "voice_name"


def test_a_number_outside_of_what_legacy_takes_is_brought_inside(
    bench: Bench, server: ZyphraServer, legacy: Make
) -> None:
    _, notices = served(bench, legacy(vqscore=0.5))

    assert server.spoken[0]["vqscore"] == 0.6
    assert notices == ["Zyphra's API takes vqscore from 0.6 to 0.8: 0.6 is used"]


@pytest.mark.parametrize(
    "mime_type", ["", "audio/webm", "audio/ogg", "audio/wav", "audio/mp3", "audio/mp4", "audio/aac"]
)
@pytest.mark.parametrize("line", ["legacy", "cloud"])
def test_every_type_of_sound_becomes_wav(
    bench: Bench, request: pytest.FixtureRequest, line: str, mime_type: str
) -> None:
    speech, _ = served(bench, request.getfixturevalue(line)(mime_type=mime_type))

    assert speech.audio.media_type == "audio/wav"
    assert 1.5 < speech.duration_s < 3


def test_speech_is_shorter_at_a_higher_rate(bench: Bench, legacy: Make, cloud: Make) -> None:
    for make in (legacy, cloud):
        slow, _ = served(bench, make(speaking_rate=7.5))
        usual, _ = served(bench, make())
        fast, _ = served(bench, make(speaking_rate=30.0))

        assert slow.duration_s > 1.5 * usual.duration_s > 2 * fast.duration_s


# -- the newer service -----------------------------------------------------------------------------


def test_cloud_is_asked_in_openais_way(bench: Bench, server: ZyphraServer, cloud: Make) -> None:
    served(bench, cloud())

    assert server.requests[0].path == "/api/v1/audio/speech"
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.spoken == [{"model": "zyphra/ZONOS2", "input": TEXT, "response_format": "wav"}]


def test_cloud_takes_rate_seed_and_a_named_voice(bench: Bench, server: ZyphraServer, cloud: Make) -> None:
    _, notices = served(bench, cloud(speaking_rate=12.0, seed=7, voice_name="american_male", mime_type="audio/ogg"))

    [body] = server.spoken
    assert body["speed"] == 0.8
    assert body["speaking_rate_enabled"] is True
    assert (body["seed"], body["voice"], body["response_format"]) == (7, "american_male", "opus")
    assert notices == []


def test_cloud_gets_the_sample_in_base64(
    bench: Bench, server: ZyphraServer, cloud: Make, sample: Artifact, heard_hz: Hear
) -> None:
    speech, _ = served(bench, cloud(), voice=sample)

    sent = server.spoken[0]["reference_audio_b64"]
    assert base64.b64decode(sent).startswith(b"RIFF")
    assert heard_hz(speech) == pytest.approx(voice_hz(sent.encode()), abs=3)


def test_cloud_says_which_options_have_no_effect(bench: Bench, server: ZyphraServer, cloud: Make) -> None:
    _, notices = served(bench, cloud(emotion=Emotion(sadness=1.0), fmax=22_050))

    assert notices == ["Zyphra Cloud knows no emotion and no fmax: not used"]
    assert server.spoken[0].keys() == {"model", "input", "response_format"}


def test_a_voice_by_a_name_that_cloud_has_not_is_refused_before_it_costs(
    bench: Bench, server: ZyphraServer, cloud: Make
) -> None:
    with pytest.raises(BadInput) as error:
        served(bench, cloud(default_voice_name="british_female"))

    assert error.value.field == "default_voice_name"
    assert server.requests == []


# -- long texts ------------------------------------------------------------------------------------


def test_a_long_text_goes_in_parts_and_comes_back_whole(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    text = " ".join(f"Sentence number {number} tells of the moon and of the sea." for number in range(14))
    speech, _ = served(bench, legacy(), text=text)

    parts = [body["text"] for body in server.spoken]
    assert len(parts) == 3
    assert max(map(len, parts)) <= 500
    assert " ".join(parts).split() == text.split()
    assert speech.duration_s == pytest.approx(len(text) / 15, rel=0.25)
    assert all(0 <= done <= total for done, total, _ in bench.progress)


def test_parts_are_shorter_where_a_character_holds_more_sounds(
    bench: Bench, server: ZyphraServer, legacy: Make
) -> None:
    served(bench, legacy(), text="潮水每天涨落两次。" * 40, language="zh-CN")

    assert max(len(body["text"]) for body in server.spoken) < 120
    assert {body["language_iso_code"] for body in server.spoken} == {"cmn"}


def test_parts_that_were_spoken_are_not_paid_twice(bench: Bench, server: ZyphraServer, cloud: Make) -> None:
    text = " ".join(f"Sentence {number} tells of the sea." for number in range(14))
    slow = cloud(speaking_rate=7.5)  # which makes the parts short
    server.switch("error_500", times=1, after=1)
    with pytest.raises(Busy):
        served(bench, slow, text=text)
    served(bench, slow, text=text)

    sent = [body["input"] for body in server.spoken]
    assert len(sent) == len(set(sent)) + 1  # the one that failed


# -- languages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "code"),
    [("en", "en-us"), ("en-GB", "en-us"), ("fr-CA", "fr-fr"), ("de-AT", "de"), ("zh-Hant-TW", "cmn"), ("ko", "ko")],
)
def test_legacy_is_told_the_language(
    bench: Bench, server: ZyphraServer, legacy: Make, language: str, code: str
) -> None:
    served(bench, legacy(), language=language)

    assert server.spoken[0]["language_iso_code"] == code


def test_a_language_that_is_not_spoken_lets_the_next_provider_serve(
    bench: Bench, server: ZyphraServer, legacy: Make, cloud: Make
) -> None:
    for make, language in ((legacy, "es"), (cloud, "sw")):
        with pytest.raises(Unavailable, match=f"does not speak the language '{language}'") as error:
            served(bench, make(), language=language)
        assert error.value.falls_back
        assert not error.value.retries
    assert server.requests == []


def test_a_language_code_that_the_author_sets_must_be_there(bench: Bench, server: ZyphraServer, legacy: Make) -> None:
    served(bench, legacy(language_code="fr-fr"), language="es")
    with pytest.raises(BadInput) as error:
        served(bench, legacy(language_code="es"), language="es")

    assert error.value.field == "language_code"
    assert [body["language_iso_code"] for body in server.spoken] == ["fr-fr"]


# -- where the service is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "api"),
    [
        (CLOUD_URL, "cloud"),
        ("https://api.zyphra.com", "legacy"),
        ("http://api.zyphra.com/v1", "legacy"),
        ("api.zyphra.com/v1/audio/text-to-speech", "legacy"),
        ("ginigen/VoiceClone-TTS", "zonos"),
        ("https://ginigen-voiceclone-tts.hf.space", "zonos"),
    ],
)
def test_the_service_is_told_by_its_host(url: str, api: str) -> None:
    assert _api_at(ZyphraVoice.Service(url=url), None) == api  # type: ignore[arg-type]  # Service is a class of structs


def test_the_service_is_told_by_looking(server: ZyphraServer, zonos: SpaceServer) -> None:
    for url, api in ((server.url, "legacy"), (server.cloud_url, "cloud"), (zonos.url, "zonos")):
        assert _api_at(ZyphraVoice.Service(url=url), None) == api  # type: ignore[arg-type]  # Service is a class of structs


@pytest.mark.parametrize("url", ["http://api.zyphra.com", "api.zyphra.com/v1", "HTTP://api.zyphracloud.com/api/v1"])
def test_zyphras_hosts_are_reached_by_https_however_they_are_written(made: Make, url: str) -> None:
    provider = made(url)
    base = provider._line().base()  # type: ignore[attr-defined]  # of the hosted lines

    assert base.startswith("https://api.zyphra")
    assert base in ("https://api.zyphra.com", "https://api.zyphracloud.com/api/v1")


def test_a_name_that_only_ends_alike_is_not_zyphras() -> None:
    from coursewright_tts_zyphra.hosted import is_zyphras, secure

    assert not is_zyphras("http://notzyphra.com/v1")
    assert secure("http://192.168.0.7:1919/v1") == "http://192.168.0.7:1919/v1"


def test_without_a_key_nothing_is_sent_to_zyphra(tmp_path: Any) -> None:
    from coursewright.testing import bench

    with bench(tmp_path) as without:
        provider = ZyphraVoice(host=without.host(ZyphraVoice))
        with pytest.raises(AuthFailed, match="ZYPHRA_API_KEY"):
            provider.run(SpeechRequest(text=TEXT), without.context(provider))
        assert provider.check().state == "unavailable"
        assert "ZYPHRA_API_KEY" in provider.check().reason


def test_results_of_different_services_are_kept_apart(made: Make) -> None:
    identities = {made(url).identity() for url in (CLOUD_URL, "https://api.zyphra.com", "me/Zonos")}

    assert len(identities) == 3
    assert made(CLOUD_URL).identity() == ""
