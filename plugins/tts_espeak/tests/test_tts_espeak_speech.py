"""`tts.espeak` asked through its public door: real speech from the real engine."""

from __future__ import annotations

import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from coursewright.capabilities.tts import Speech, SpeechRequest, Timings
from coursewright.errors import BadInput, Cancelled, ProviderBug, TimedOut
from coursewright.testing import Bench, bench
from coursewright_tts_espeak import engine
from coursewright_tts_espeak.provider import EspeakOptions, EspeakVoice

# A word, a number, a pair the engine runs together, a dash, an emoji, a link, code, another script, a paragraph.
HARD = (
    "Photosynthesis turns light into sugar. It cost 1,234 dollars - naïve! 🙂 Of the people, e.g. this "
    "(see https://example.org/a?b=c).\n\nNext **paragraph**, with `code_here()` and R&D at 50%. Привет мир."
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def timings_of(place: Bench, speech: Speech) -> Timings:
    assert speech.timings is not None
    with place.store.open(speech.timings) as file:
        return msgspec.json.decode(file.read(), type=Timings)


def test_speech_is_a_mono_16_bit_wav_of_the_stated_length(place: Bench) -> None:
    speech = place.serve(EspeakVoice(), SpeechRequest(text="Plants make sugar."))

    with wave.open(str(place.store.fetch(speech.audio))) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 22_050)
        assert wav.getnframes() / wav.getframerate() == pytest.approx(speech.duration_s)
        peak = max(abs(sample) for sample in memoryview(wav.readframes(wav.getnframes())).cast("h"))
    assert 8_000 < peak < 32_000
    assert 0.8 < speech.duration_s < 2.5


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", HARD),
        ("zh", "今天我们学习光合作用（photosynthesis）。\n\n很好！"),
        ("ar", "مرحبا بالعالم hello 50%"),
        ("pt-BR", "Olá, mundo! Tudo bem?"),
    ],
)
def test_words_are_the_texts_own_tokens_in_forward_time(place: Bench, language: str, text: str) -> None:
    speech = place.serve(EspeakVoice(), SpeechRequest(text=text, language=language))
    timings = timings_of(place, speech)

    assert [word.text for word in timings.words] == text.split()
    times = [time for word in timings.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= speech.duration_s
    onsets = [phoneme.start_s for phoneme in timings.phonemes]
    assert onsets == sorted(onsets)
    assert speech.text == text


def test_a_word_begins_where_its_sound_begins(place: Bench) -> None:
    timings = timings_of(place, place.serve(EspeakVoice(), SpeechRequest(text="One two. Three four.")))
    by_text = {word.text: word for word in timings.words}
    sounds = {phoneme.start_s: phoneme.symbol for phoneme in timings.phonemes}

    assert sounds[min(onset for onset in sounds if onset >= by_text["Three"].start_s)] == "T"
    assert by_text["Three"].start_s - by_text["two."].end_s == pytest.approx(0.44, abs=0.06)


def test_what_is_not_said_takes_no_time(place: Bench) -> None:
    timings = timings_of(place, place.serve(EspeakVoice(), SpeechRequest(text="Well 🙂 done")))

    assert [word.end_s - word.start_s for word in timings.words if word.text == "🙂"] == [0]


def test_the_same_request_gives_the_same_bytes(place: Bench) -> None:
    first, second = (place.serve(EspeakVoice(), SpeechRequest(text=HARD)) for _ in range(2))

    assert first == second


def test_options_change_pace_and_timbre(place: Bench) -> None:
    request = SpeechRequest(text="The tide comes in and goes out again.")
    plain = place.serve(EspeakVoice(), request)
    fast = place.serve(EspeakVoice(EspeakOptions(rate_wpm=320)), request)
    other = place.serve(EspeakVoice(EspeakOptions(variant="f2")), request)

    assert fast.duration_s < 0.7 * plain.duration_s
    assert other.audio.digest != plain.audio.digest


def test_limits_are_told_as_notices(place: Bench) -> None:
    sample = place.store.put_bytes(b"RIFF", name="me.wav", media_type="audio/wav")
    provider = EspeakVoice()
    context = place.context(provider)

    provider.run(SpeechRequest(text="ひらがな 漢字\n```\nx = 1\n```\n", language="ja", voice=sample), context)

    assert context.notices == [
        "espeak-ng cannot clone a voice: the sample is not used, its own voice speaks",
        "a block of code in the text is not read out",
        "espeak-ng cannot read Japanese kanji: those letters are left unsaid",
    ]


@pytest.mark.parametrize("text", ["🙂 … —", "``` \ncode\n```", "***", "བོད་ཡིག"])
def test_a_text_with_nothing_to_say_is_refused(place: Bench, text: str) -> None:
    with pytest.raises(BadInput) as raised:
        place.serve(EspeakVoice(), SpeechRequest(text=text))

    assert raised.value.field == "text"
    assert raised.value.message == "the text has nothing in it that can be spoken"


def test_an_unknown_language_is_refused_with_near_ones(place: Bench) -> None:
    with pytest.raises(BadInput) as raised:
        place.serve(EspeakVoice(), SpeechRequest(text="Kumusta", language="fil"))

    assert raised.value.field == "language"
    assert raised.value.message == "espeak-ng has no voice for the language 'fil'"
    assert "fi (Finnish)" in raised.value.remedy


def test_markup_for_the_engine_is_only_text(place: Bench) -> None:
    said = place.serve(EspeakVoice(), SpeechRequest(text="[[h@l'oU]] <speak>word</speak> \0 tail"))

    assert said.duration_s > 0.5


def test_cancelling_kills_the_engine_within_a_second(place: Bench) -> None:
    provider = EspeakVoice(EspeakOptions(rate_wpm=100))
    context = place.context(provider)
    threading.Timer(0.1, context.cancel.set).start()
    begun = time.monotonic()

    with pytest.raises(Cancelled):
        provider.run(SpeechRequest(text="今天我们" * 5_000, language="zh"), context)

    assert time.monotonic() - begun < 1.1


def test_a_deadline_is_kept(place: Bench) -> None:
    with pytest.raises(TimedOut):
        place.serve(EspeakVoice(), SpeechRequest(text="今天我们" * 5_000, language="zh"), timeout_s=0.15)


def test_an_engine_that_fails_says_why(tmp_path: Path) -> None:
    line = engine.Line("no/such-voice", "hello", 0.0)

    with pytest.raises(ProviderBug) as raised:
        engine.speak([line], tmp_path / "a.wav", rate_wpm=165, pitch=50, scratch=tmp_path, check=lambda: None)

    assert "espeak-ng does not know the voice no/such-voice" in raised.value.detail


def test_the_engine_starts_from_a_long_path_with_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 120) / "ü 🙂 y"
    deep.mkdir(parents=True)
    linked = deep / "espeak-ng-data"
    linked.symlink_to(engine.data_folder(), target_is_directory=True)
    monkeypatch.setattr(engine, "data_folder", lambda: linked)

    spoken = engine.speak(
        [engine.Line("gmw/en-US", "hello", 0.0)],
        tmp_path / "a.wav",
        rate_wpm=165,
        pitch=50,
        scratch=tmp_path,
        check=lambda: None,
    )

    assert spoken.samples > 5_000


def test_check_tells_whether_the_engine_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert EspeakVoice().check().state == "ready"

    monkeypatch.setattr(engine, "data_folder", lambda: tmp_path / "nothing")
    health = EspeakVoice().check()

    assert health.state == "unavailable"
    assert health.remedy == "reinstall espeakng-loader"
