"""`tts.piper` asked through its public door: the real piper-tts with a voice of a few tones."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coursewright.capabilities.tts import Speech, SpeechRequest, Timings
from coursewright.errors import BadInput, Cancelled, Unavailable
from coursewright.testing import Bench, bench
from coursewright.testing.standins.piper_voice import make_voice
from coursewright_tts_piper.provider import PiperNarration, PiperOptions, PiperService

TEXT = "Plants make sugar from light, in 1969. And of the air?"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("piper"), workers=2) as made:
        yield made


def narrator(folder: Path, **options: Any) -> PiperNarration:
    return PiperNarration(PiperOptions(**options), service=PiperService(voices_dir=str(folder)))


def said(place: Bench, provider: PiperNarration, text: str = TEXT, language: str = "en") -> tuple[Speech, list[str]]:
    context = place.context(provider, reuse=False)
    return provider.run(SpeechRequest(text=text, language=language), context), context.notices


def timings_of(place: Bench, speech: Speech) -> Timings:
    assert speech.timings is not None
    return msgspec.json.decode(place.store.fetch(speech.timings).read_bytes(), type=Timings)


def test_speech_is_a_mono_16_bit_wav_of_the_stated_length(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)
    speech, notices = said(place, narrator(tmp_path))

    with wave.open(str(place.store.fetch(speech.audio))) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 22_050)
        assert wav.getnframes() / wav.getframerate() == pytest.approx(speech.duration_s)
    assert 4 < speech.duration_s < 8
    assert speech.text == TEXT
    assert notices == []


def test_a_voice_that_tells_its_alignments_times_every_word(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path, alignments=True)
    speech, _ = said(place, narrator(tmp_path))

    words = timings_of(place, speech).words
    assert [word.text for word in words] == TEXT.split()
    # Of the stand-in: 256 samples a frame; 8 a vowel, 5 a consonant, 1 a space and after each; 0.04 s lie before.
    frame_s = 256 / 22_050
    plants = [1, 6, 6, 1, 9, 6, 6, 6]  # ^ and its pad, then p l ˈ æ n t s with theirs
    assert words[0].start_s == pytest.approx(0.04, abs=0.02)
    assert words[0].end_s - words[0].start_s == pytest.approx(sum(plants[1:]) * frame_s, abs=0.03)
    assert words[1].start_s - words[0].start_s == pytest.approx((sum(plants[1:]) + 2) * frame_s, abs=0.02)
    year = words[6]
    assert year.text == "1969."
    assert 1.5 < year.end_s - year.start_s < 2.6  # "nineteenhundred sixty nine"
    of, the = words[8:10]
    assert of.end_s == the.start_s  # said in one breath, shared by length
    assert words[7].start_s - year.end_s > 0.25  # between the sentences


def test_a_voice_without_alignments_gets_its_times_all_the_same(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)
    speech, _ = said(place, narrator(tmp_path))

    words = timings_of(place, speech).words
    assert [word.text for word in words] == TEXT.split()
    assert words[-1].end_s <= speech.duration_s


def test_the_same_request_gives_the_same_bytes_and_another_seed_others(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)
    first, second = (said(place, narrator(tmp_path))[0] for _ in range(2))
    other = said(place, narrator(tmp_path, seed=1))[0]

    assert first == second
    assert other.audio.digest != first.audio.digest


def test_options_change_pace_sound_and_speaker(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path, speakers=["ann", "bob"])
    plain = said(place, narrator(tmp_path))[0]
    fast = said(place, narrator(tmp_path, rate=2.0))[0]
    slow = said(place, narrator(tmp_path, rate=0.5))[0]
    still = said(place, narrator(tmp_path, noise_scale=0.0))[0]
    bob = said(place, narrator(tmp_path, speaker="bob"))[0]

    assert fast.duration_s < 0.75 * plain.duration_s < plain.duration_s < 0.75 * slow.duration_s
    assert len({plain.audio.digest, still.audio.digest, bob.audio.digest}) == 3
    assert bob == said(place, narrator(tmp_path, speaker="1"))[0]


def test_a_long_text_is_said_in_parts(tmp_path: Path) -> None:
    make_voice(tmp_path / "voices", alignments=True)
    text = "The tide rises twice a day. " * 60
    with bench(tmp_path, workers=1) as place:
        speech, _ = said(place, narrator(tmp_path / "voices"), text)

        assert [done for done, total, _ in place.progress if total == 2] == [1, 2]
        words = timings_of(place, speech).words
        assert [word.text for word in words] == text.split()
        assert [word.start_s for word in words] == sorted(word.start_s for word in words)


@pytest.mark.parametrize(
    ("language", "speaks"),
    [("en", "en_US-a-high"), ("en-GB", "en_GB-b-low"), ("en-AU", "en_US-a-high"), ("de-AT", "de_DE-c-medium")],
)
def test_the_best_voice_for_the_language_is_taken(place: Bench, tmp_path: Path, language: str, speaks: str) -> None:
    make_voice(tmp_path, "en_US-a-low")
    make_voice(tmp_path, "en_US-a-high", quality="high", noise=0.05)
    make_voice(tmp_path, "en_GB-b-low", language="en_GB", espeak_voice="en-gb-x-rp", noise=0.06)
    make_voice(tmp_path / "german", "de_DE-c-medium", language="de_DE", espeak_voice="de", quality="medium")

    chosen = said(place, narrator(tmp_path), language=language)[0]
    named = said(place, narrator(tmp_path, voice_name=speaks), language=language)[0]

    assert chosen.audio == named.audio


def test_without_a_voice_for_the_language_the_next_provider_is_asked(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)
    with pytest.raises(Unavailable) as raised:
        said(place, narrator(tmp_path), language="fr")

    assert "speaks the language 'fr': en_US-hum-low (en-US)" in raised.value.message


def test_an_unknown_voice_is_refused_with_those_that_are_there(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)
    with pytest.raises(BadInput) as raised:
        said(place, narrator(tmp_path, voice_name="en_US-lessac-medium"))

    assert raised.value.field == "voice_name"
    assert raised.value.remedy == "choose one of: en_US-hum-low (en-US)"


def test_an_unknown_speaker_is_refused_with_those_that_are_there(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path, speakers=["ann", "bob"])
    with pytest.raises(BadInput) as raised:
        said(place, narrator(tmp_path, speaker="eve"))

    assert raised.value.field == "speaker"
    assert raised.value.remedy == "choose one of: ann, bob"


def test_a_damaged_voice_file_is_unavailable_with_the_reason(place: Bench, tmp_path: Path) -> None:
    model = make_voice(tmp_path)
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(Unavailable) as raised:
        said(place, narrator(tmp_path))

    assert raised.value.message == "the Piper voice en_US-hum-low cannot be used"
    assert raised.value.detail


def test_a_voice_whose_language_the_engine_does_not_know_is_unavailable(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path, espeak_voice="xx-none")
    with pytest.raises(Unavailable) as raised:
        said(place, narrator(tmp_path))

    assert "xx-none" in raised.value.detail


def test_the_runtime_neither_reports_to_its_maker_nor_leaves_an_identifier(tmp_path: Path) -> None:
    """onnxruntime 1.29 and later does both unless told otherwise before it is loaded."""
    model = make_voice(tmp_path / "voices")
    program = (
        "from coursewright_tts_piper import worker; "
        f"worker.speak(worker.Job({str(model)!r}, 'One two.', {str(tmp_path / 'a.wav')!r}, None, 1.0, None, None, 0))"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home)}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=home, check=True)

    assert (tmp_path / "a.wav").stat().st_size > 10_000
    assert list(home.rglob("*")) == []


def test_limits_are_told_as_notices(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)
    provider = narrator(tmp_path, voice_name="en_US-hum-low")
    sample = place.store.put_bytes(b"RIFF", name="me.wav", media_type="audio/wav")
    context = place.context(provider)

    provider.run(SpeechRequest(text="Bonjour tout le monde.", language="fr", voice=sample), context)

    assert context.notices == [
        "Piper cannot clone a voice: the sample is not used, en_US-hum-low speaks",
        "the voice en_US-hum-low speaks en-US, the text is in 'fr'",
    ]


def test_brackets_are_only_text(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)

    assert said(place, narrator(tmp_path), "One [[ˈaː]] two.")[0].duration_s > 0.5


def test_cancelling_ends_the_work_within_a_second(place: Bench, tmp_path: Path) -> None:
    make_voice(tmp_path)
    provider = narrator(tmp_path)
    context = place.context(provider)
    threading.Timer(0.3, context.cancel.set).start()
    begun = time.monotonic()

    with pytest.raises(Cancelled):
        provider.run(SpeechRequest(text="The tide rises twice a day. " * 700), context)
    assert time.monotonic() - begun < 1.5


def test_check_tells_which_voices_there_are(tmp_path: Path) -> None:
    make_voice(tmp_path)
    make_voice(tmp_path, "fr_FR-x-medium", language="fr_FR", espeak_voice="fr")
    health = narrator(tmp_path).check()

    assert health.state == "ready"
    assert health.reason == f"2 voices in {tmp_path}: en_US-hum-low (en-US), fr_FR-x-medium (fr-FR)"


def test_check_tells_of_an_empty_folder_and_how_to_get_a_voice(tmp_path: Path) -> None:
    health = narrator(tmp_path).check()

    assert health.state == "unavailable"
    assert health.reason == f"no Piper voice at all in {tmp_path}: there are no voice files"
    assert "voices_dir" in health.remedy
    assert narrator(tmp_path / "missing").check().state == "unavailable"


def test_check_tells_of_the_voice_that_is_missing(tmp_path: Path) -> None:
    make_voice(tmp_path)
    health = narrator(tmp_path, voice_name="de_DE-thorsten-medium").check()

    assert health.state == "unavailable"
    assert "there are en_US-hum-low (en-US)" in health.reason


def test_check_tells_of_files_that_are_no_voices(tmp_path: Path) -> None:
    make_voice(tmp_path)
    make_voice(tmp_path, "b").with_name("b.onnx.json").unlink()
    make_voice(tmp_path, "c").with_name("c.onnx.json").write_text("<html>")
    health = narrator(tmp_path).check()

    assert health.state == "degraded"
    assert "b.onnx has no b.onnx.json beside it" in health.reason
    assert "c.onnx.json is not a voice's configuration" in health.reason


def test_another_file_of_the_same_name_is_another_voice(tmp_path: Path) -> None:
    make_voice(tmp_path)
    before = narrator(tmp_path).identity()
    make_voice(tmp_path, alignments=True)

    assert before.startswith("en_US-hum-low:")
    assert narrator(tmp_path).identity() != before
    assert narrator(tmp_path / "missing").identity() == ""
