"""`tts.openai` against each server it may meet: what is asked, what is made of the answers."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import BadInput, Busy, Unavailable
from coursewright.run.context import RequestContext
from coursewright.testing import Bench, bench
from coursewright.testing.standins import sounds
from coursewright.testing.standins.speech import StandIn, speech_server
from coursewright_tts_openai.choice import most_characters
from coursewright_tts_openai.offer import Model, Offer, forget
from coursewright_tts_openai.provider import SpeechOptions, SpeechServer, SpeechService

TEXT = "Plants make sugar from light. They need water too."
SPOKEN_S = len(TEXT) / sounds.PACE
Serve = Callable[..., tuple[Speech, RequestContext]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture
def serve(place: Bench) -> Serve:
    def serve(server: StandIn, request: SpeechRequest | None = None, **options: Any) -> tuple[Speech, RequestContext]:
        service = SpeechService(url=server.url, characters=options.pop("characters", 2000))
        provider = SpeechServer(SpeechOptions(**options), service=service, host=place.host(SpeechServer))
        context = place.context(provider)
        return provider.run(request or SpeechRequest(text=TEXT), context), context

    return serve


def sound_of(place: Bench, speech: Speech) -> tuple[int, Any]:
    """Rate and duration of a speech's WAV, which is mono and 16-bit."""
    with wave.open(str(place.store.fetch(speech.audio))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), file.getnframes() / file.getframerate()


@pytest.fixture(autouse=True)
def _no_memory_of_another_server_at_the_same_port() -> None:
    forget()


# -- the request -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("personality", "model", "voice"),
    [
        ("kokoro", "kokoro", "af_heart"),
        ("openedai", "tts-1", "alloy"),
        ("localai", "voice-en-us-amy-low", ""),
        ("speaches", "speaches-ai/Kokoro-82M-v1.0-ONNX", "af_heart"),
        ("zonos2", "Zyphra/ZONOS2", ""),
        ("openai", "tts-1", "alloy"),
    ],
)
def test_all_five_fields_are_sent_with_what_each_server_has(
    serve: Serve, place: Bench, personality: str, model: str, voice: str
) -> None:
    with speech_server(personality) as server:
        speech, _ = serve(server)

    [asked] = server.spoken
    assert asked | {"lang_code": "a"} == {
        "model": model,
        "input": TEXT,
        "voice": voice,
        "response_format": "wav",
        "speed": 1.0,
        "lang_code": "a",
    }
    assert sound_of(place, speech)[1] == pytest.approx(speech.duration_s)
    assert speech.duration_s == pytest.approx(SPOKEN_S, rel=0.25)


@pytest.mark.parametrize("ending", ["", "/v1", "/v1/", "/v1/audio/speech"])
def test_the_address_may_be_given_in_any_usual_form(serve: Serve, ending: str) -> None:
    with speech_server() as server:
        server.url = server.url.removesuffix("/v1") + ending
        serve(server)

    assert len(server.spoken) == 1


def test_lists_are_asked_for_once_and_not_for_every_scene(serve: Serve) -> None:
    with speech_server() as server:
        for number in range(3):
            serve(server, SpeechRequest(text=f"Scene number {number} of three."))

    assert [asked.path for asked in server.requests].count("/v1/models") == 1
    assert len(server.spoken) == 3


def test_a_server_that_lists_nothing_is_asked_as_openai_is(serve: Serve) -> None:
    with speech_server("openai", listing=False) as server:
        serve(server)

    assert (server.spoken[0]["model"], server.spoken[0]["voice"]) == ("tts-1", "alloy")


def test_the_model_that_speaks_is_told_from_those_that_listen(serve: Serve) -> None:
    with speech_server("speaches") as server:
        serve(server, model="", voice_name="bf_emma")

    assert server.spoken[0]["model"] == "speaches-ai/Kokoro-82M-v1.0-ONNX"


@pytest.mark.parametrize(
    ("language", "voice", "code"),
    [
        ("en", "af_heart", "a"),
        ("en-GB", "bf_emma", "b"),
        ("fr-CA", "ff_siwis", "f"),
        ("pt", "pf_dora", "p"),
        ("zh-Hant", "zf_xiaobei", "z"),
    ],
)
def test_kokoro_speaks_the_language_with_a_voice_of_its_own(serve: Serve, language: str, voice: str, code: str) -> None:
    with speech_server() as server:
        _, context = serve(server, SpeechRequest(text=TEXT, language=language))

    assert (server.spoken[0]["voice"], server.spoken[0]["lang_code"]) == (voice, code)
    [notice] = context.notices
    assert notice.startswith(f"the voice {voice} of the speech server at 127.0.0.1:")
    assert notice.endswith(" speaks: the pipeline names none")


def test_voices_are_told_by_the_language_that_the_server_lists(serve: Serve) -> None:
    with speech_server("speaches") as server:
        serve(server, SpeechRequest(text=TEXT, language="fr"))

    assert server.spoken[0]["voice"] == "ff_siwis"
    assert "lang_code" not in server.spoken[0]


def test_a_language_without_a_voice_goes_to_the_next_provider(serve: Serve) -> None:
    with speech_server() as server, pytest.raises(Unavailable) as raised:
        serve(server, SpeechRequest(text="Guten Morgen.", language="de"))

    assert raised.value.message.endswith("has no voice for the language 'de'")
    assert raised.value.detail == "it speaks en-gb, en-us, es, fr, hi, it, ja, pt-br, zh"
    assert server.spoken == []


def test_a_named_voice_for_a_language_that_kokoro_lacks_is_told(serve: Serve) -> None:
    with speech_server() as server:
        _, context = serve(server, SpeechRequest(text="Guten Morgen.", language="de"), voice_name="af_bella")

    assert context.notices == [
        "Kokoro does not speak 'de': the voice af_bella reads the text as its own language",
    ]
    assert "lang_code" not in server.spoken[0]


def test_a_mix_of_voices_is_passed_on(serve: Serve) -> None:
    with speech_server() as server:
        serve(server, voice_name="af_bella(2)+af_sky")

    assert server.spoken[0]["voice"] == "af_bella(2)+af_sky"


def test_speed_makes_the_speech_shorter(serve: Serve) -> None:
    with speech_server() as server:
        plain, _ = serve(server)
        fast, _ = serve(server, speed=2.0)

    assert fast.duration_s < 0.75 * plain.duration_s


def test_a_long_text_is_sent_in_parts_at_sentences(serve: Serve, place: Bench) -> None:
    sentences = [f"This is sentence number {number} of a narration that is too long." for number in range(8)]
    with speech_server() as server:
        speech, _ = serve(server, SpeechRequest(text=" ".join(sentences)), characters=200)

    parts = [asked["input"] for asked in server.spoken]
    assert len(parts) > 1
    assert all(len(part) <= 200 and part.endswith(".") for part in parts)
    assert " ".join(parts) == " ".join(sentences)
    assert sound_of(place, speech)[1] == pytest.approx(speech.duration_s)


def test_a_piper_model_of_speaches_is_given_what_it_says_in_ten_seconds() -> None:
    models = (Model("speaches-ai/piper-en_US-amy-low", task="text-to-speech"), Model("kokoro", task="text-to-speech"))
    offer = Offer(models=models)

    assert [most_characters(model.name, offer) for model in models] == [150, 4096]


def test_only_the_part_that_failed_is_asked_for_again(place: Bench) -> None:
    sentences = [f"Sentence number {number} has about sixty characters in all." for number in range(3)]
    with speech_server(healthy=2, break_after=1_000) as server:
        provider = SpeechServer(service=SpeechService(url=server.url, characters=100), host=place.host(SpeechServer))
        request = SpeechRequest(text=" ".join(sentences))
        with pytest.raises(Busy):
            provider.run(request, place.context(provider))
        server.switch(break_after=None)
        provider.run(request, place.context(provider))

    assert [asked["input"] for asked in server.spoken] == [*sentences, sentences[2]]


# -- the answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("personality", ["kokoro", "openedai", "localai", "speaches", "openai"])
@pytest.mark.parametrize("response_format", ["wav", "mp3"])
def test_every_format_of_every_server_becomes_wav(
    serve: Serve, place: Bench, personality: str, response_format: str
) -> None:
    with speech_server(personality) as server:
        speech, _ = serve(server, response_format=response_format)

    assert server.spoken[0]["response_format"] == response_format
    assert sound_of(place, speech)[1] == pytest.approx(SPOKEN_S, rel=0.25)


def test_wav_with_a_bogus_length_has_its_true_duration(serve: Serve, place: Bench) -> None:
    """Its header claims 37 hours."""
    with speech_server("kokoro", true_lengths=False) as server:
        speech, _ = serve(server)
    with wave.open(io.BytesIO(sounds.wav(sounds.hum(TEXT), 24_000, true_lengths=False))) as file:
        assert file.getnframes() / file.getframerate() > 40_000

    assert sound_of(place, speech) == (24_000, pytest.approx(SPOKEN_S, rel=0.25))


def test_wav_with_a_true_length_is_the_same_speech(serve: Serve) -> None:
    with speech_server("kokoro", true_lengths=False) as server:
        bogus, _ = serve(server)
    with speech_server("kokoro", true_lengths=True) as server:
        true, _ = serve(server)

    assert bogus.audio.digest == true.audio.digest


def test_float_samples_are_decoded_by_their_headers(serve: Serve, place: Bench) -> None:
    with speech_server("kokoro", float_pcm=True) as server:
        speech, _ = serve(server)

    assert sound_of(place, speech) == (44_100, pytest.approx(SPOKEN_S, rel=0.25))


@pytest.mark.parametrize(
    ("content_type", "rate_hz"),
    [("audio/pcm;rate=22050", 22_050), ("audio/pcm; rate=16000", 16_000), ("audio/pcm", 24_000)],
)
def test_integer_samples_have_the_rate_of_their_content_type(
    serve: Serve, place: Bench, content_type: str, rate_hz: int
) -> None:
    content = sounds.pcm16(sounds.hum(TEXT, rate_hz=rate_hz))
    with speech_server(content=content, content_type=content_type) as server:
        speech, _ = serve(server)

    assert sound_of(place, speech) == (rate_hz, pytest.approx(SPOKEN_S, rel=0.25))


@pytest.mark.parametrize("form", ["opus", "aac", "flac", "mp3"])
def test_a_server_that_ignores_the_format_is_understood(serve: Serve, place: Bench, form: str) -> None:
    content = sounds.encoded(sounds.hum(TEXT), 24_000, form)
    with speech_server(content=content, content_type="application/octet-stream") as server:
        speech, _ = serve(server)

    assert sound_of(place, speech)[1] == pytest.approx(SPOKEN_S, rel=0.25)


# -- the voice of a sample ---------------------------------------------------------------------------


def sample(place: Bench) -> Any:
    recording = sounds.wav(sounds.hum("A calm voice reads a few plain sentences. " * 4), 24_000)
    return place.store.put_bytes(recording, name="me.wav", media_type="audio/wav")


def test_zonos2_is_given_the_sample_to_clone(serve: Serve, place: Bench) -> None:
    with speech_server("zonos2") as server:
        _, context = serve(server, SpeechRequest(text=TEXT, voice=sample(place)))

    asked = server.spoken[0]
    with wave.open(io.BytesIO(base64.b64decode(asked["speaker_audio_base64"]))) as file:
        assert file.getnchannels() == 1
        assert 3 < file.getnframes() / file.getframerate() <= 30
    assert asked["speaker_audio_name"] == "voice.wav"
    assert context.notices == []


def test_a_long_text_for_zonos2_is_cut_below_what_it_can_say_at_once(serve: Serve) -> None:
    with speech_server("zonos2") as server:
        serve(server, SpeechRequest(text=f"{TEXT} " * 20))

    assert max(len(asked["input"]) for asked in server.spoken) <= 400


def test_zonos2_takes_a_speed_only_when_it_is_enabled(serve: Serve) -> None:
    with speech_server("zonos2") as server:
        plain, _ = serve(server)
        fast, _ = serve(server, speed=1.5)

    assert "speaking_rate_enabled" not in server.spoken[0]
    assert server.spoken[1]["speaking_rate_enabled"] is True
    assert fast.duration_s < 0.85 * plain.duration_s


@pytest.mark.parametrize("personality", ["kokoro", "openedai", "localai", "speaches", "openai"])
def test_a_server_that_cannot_clone_is_not_sent_the_sample(serve: Serve, place: Bench, personality: str) -> None:
    with speech_server(personality) as server:
        _, context = serve(server, SpeechRequest(text=TEXT, voice=sample(place)))

    assert set(server.spoken[0]) <= {"model", "input", "voice", "response_format", "speed", "lang_code"}
    assert context.notices[0].endswith("cannot clone a voice: the sample is not sent, its own voice speaks")


def test_a_silent_sample_is_refused_before_anything_is_sent(serve: Serve, place: Bench) -> None:
    import numpy as np

    silence = place.store.put_bytes(
        sounds.wav(np.zeros(120_000, np.float32), 24_000), name="me.wav", media_type="audio/wav"
    )
    with speech_server("zonos2") as server, pytest.raises(BadInput) as raised:
        serve(server, SpeechRequest(text=TEXT, voice=silence))

    assert raised.value.field == "voice"
    assert server.spoken == []


# -- what it says of itself --------------------------------------------------------------------------


def test_the_address_is_part_of_who_answers_unless_it_is_the_usual_one() -> None:
    assert SpeechServer().identity() == ""
    assert SpeechServer(service=SpeechService(url="http://127.0.0.1:8880")).identity() == ""
    other = SpeechServer(service=SpeechService(url="https://speech.example.org"))
    assert other.identity() == "https://speech.example.org/v1"


def test_the_size_of_a_request_is_its_characters() -> None:
    assert SpeechServer().size(SpeechRequest(text="Twelve signs")) == 12
    assert SpeechServer.unit == "character"


def test_options_outside_what_any_server_takes_are_refused() -> None:
    for options in ({"speed": 5.0}, {"response_format": "pcm"}, {"voice": "alloy"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(options, SpeechOptions)


def test_nothing_is_left_in_the_scratch_folder_but_the_result(place: Bench) -> None:
    with speech_server() as server:
        provider = SpeechServer(service=SpeechService(url=server.url), host=place.host(SpeechServer))
        context = place.context(provider)
        provider.run(SpeechRequest(text=TEXT), context)

    assert [path.name for path in Path(context.scratch).rglob("part-*")] == []
