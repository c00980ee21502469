"""Reference voices, as people really record them."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from coursewright.catalog import installed
from coursewright.errors import BadInput
from coursewright.kit.speech import sample_of
from coursewright.run.context import RequestContext
from coursewright.testing import Bench, bench
from coursewright.testing.voices import babble, encoded

Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("sample")) as made:
        yield made


def judged(place: Bench, recording: Path) -> tuple[Samples, RequestContext]:
    context = place.context(installed().provider("tts.espeak")())
    artifact = place.store.put_file(recording, name=recording.name, media_type="audio/x")
    path = sample_of(artifact, context, rate_hz=24_000)
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 24_000)
        return (np.frombuffer(wav.readframes(wav.getnframes()), "<i2") / 32768).astype(np.float32), context


def refused(place: Bench, recording: Path) -> BadInput:
    with pytest.raises(BadInput) as found:
        judged(place, recording)
    assert found.value.field == "voice"
    assert found.value.remedy
    return found.value


def noise(seconds: float, level: float, rate_hz: int = 24_000) -> Samples:
    return (level * np.random.default_rng(1).standard_normal(round(seconds * rate_hz))).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "ogg", "m4a"])
def test_silence_at_the_ends_is_trimmed_in_any_format(place: Bench, tmp_path: Path, suffix: str) -> None:
    samples, context = judged(place, encoded(babble(5, silence_s=2), tmp_path / f"me.{suffix}"))

    assert len(samples) / 24_000 == pytest.approx(5.2, abs=0.15)
    assert context.notices == []


def test_a_browsers_webm_without_duration_is_taken(place: Bench, tmp_path: Path) -> None:
    path = encoded(babble(6, 48_000), tmp_path / "me.webm", 48_000, channels=2)
    path.write_bytes(path.read_bytes().replace(b"\x44\x89\x88", b"\xec\x80\x88", 1))

    samples, _ = judged(place, path)

    assert len(samples) / 24_000 == pytest.approx(6.2, abs=0.2)


def test_a_long_recording_is_cut_at_a_pause_with_a_notice(place: Bench, tmp_path: Path) -> None:
    speech = np.concatenate([babble(24, silence_s=0.4), babble(20, silence_s=0.1)])
    samples, context = judged(place, encoded(speech, tmp_path / "me.wav"))

    assert len(samples) / 24_000 == pytest.approx(24.2, abs=0.2)
    assert context.notices == ["the voice sample is longer than 30 s: its first 24 s, up to a pause, are used"]


def test_a_long_recording_without_any_pause_is_cut_at_the_limit(place: Bench, tmp_path: Path) -> None:
    samples, context = judged(place, encoded(babble(45), tmp_path / "me.wav"))

    assert 15 < len(samples) / 24_000 <= 30
    assert len(context.notices) == 1


def test_a_quiet_recording_is_made_louder(place: Bench, tmp_path: Path) -> None:
    samples, _ = judged(place, encoded(babble(5, level=0.03), tmp_path / "me.flac"))

    assert 0.15 < np.abs(samples).max() < 0.95


def test_an_ordinary_recording_keeps_its_level(place: Bench, tmp_path: Path) -> None:
    samples, _ = judged(place, encoded(babble(5, level=0.5), tmp_path / "me.wav"))

    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)


def test_too_little_speech_is_refused_with_how_much_is_there(place: Bench, tmp_path: Path) -> None:
    error = refused(place, encoded(babble(2, silence_s=3), tmp_path / "me.wav"))

    assert error.message == "the voice sample has 2.0 s of speech, at least 3 s are needed"


def test_a_nearly_silent_recording_is_refused(place: Bench, tmp_path: Path) -> None:
    assert refused(place, encoded(babble(5, level=0.002), tmp_path / "me.wav")).message == (
        "the voice sample is nearly silent"
    )
    assert "silent" in refused(place, encoded(np.zeros(96_000, np.float32), tmp_path / "none.wav")).message


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg"])
def test_a_clipped_recording_is_refused_with_how_much(place: Bench, tmp_path: Path, suffix: str) -> None:
    clipped = np.clip(babble(5) * 12, -0.99, 0.99)
    error = refused(place, encoded(clipped, tmp_path / f"me.{suffix}"))

    assert error.message.startswith("the voice sample is clipped: ")
    assert " % of its loud moments" in error.message


def test_a_recording_that_just_touches_full_scale_is_taken(place: Bench, tmp_path: Path) -> None:
    judged(place, encoded(babble(5, level=0.999), tmp_path / "me.wav"))


@pytest.mark.parametrize("kind", ["noise", "tone", "hum"])
def test_noise_and_tones_are_refused(place: Bench, tmp_path: Path, kind: str) -> None:
    time_s = np.arange(5 * 24_000) / 24_000
    samples = {
        "noise": noise(5, 0.1),
        "tone": (0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32),
        "hum": (0.2 * np.sin(2 * np.pi * 50 * time_s) + 0.1 * np.sin(2 * np.pi * 150 * time_s)).astype(np.float32),
    }[kind]

    assert "not speech" in refused(place, encoded(samples, tmp_path / "me.wav")).message


def test_speech_in_some_noise_is_taken(place: Bench, tmp_path: Path) -> None:
    speech = babble(6)
    judged(place, encoded(speech + noise(len(speech) / 24_000, 0.004), tmp_path / "me.wav"))


@pytest.mark.parametrize("content", [b"", b"<html>no</html>", bytes(range(256)) * 40])
def test_what_is_no_sound_is_refused(place: Bench, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "me.wav"
    path.write_bytes(content)

    assert "play" in refused(place, path).remedy


def test_a_wav_that_is_cut_off_is_refused(place: Bench, tmp_path: Path) -> None:
    path = encoded(babble(6), tmp_path / "me.wav")
    path.write_bytes(path.read_bytes()[:-100_000])

    assert "missing at the end" in refused(place, path).message
