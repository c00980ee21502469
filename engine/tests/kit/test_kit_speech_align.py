"""Word times found by alignment, against voices whose times are known.

The reading that the alignment uses is espeak-ng's own voice, so its other timbres, accents and rates are kin to it:
`bench/align.py` measures independent synthesizers, where this machine has them.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from coursewright.capabilities.tts import Speech, SpeechRequest, Timings
from coursewright.catalog import installed
from coursewright.errors import Busy
from coursewright.kit.speech import narrate, reading
from coursewright.kit.speech.features import features
from coursewright.kit.speech.sound import resampled
from coursewright.kit.speech.warping import warp
from coursewright.providers import Provider
from coursewright.testing import Bench, bench
from coursewright.testing.voices import babble, encoded

ENGLISH = (
    "The tide rises twice a day, because the moon pulls on the sea. On the far side of the earth the water bulges "
    "too; sailors have known the times for centuries. In 1969, two people walked on the moon for 150 minutes!"
)


class Voice(Provider[SpeechRequest, Speech]):
    capability, name, summary, version = "tts", "test", "a voice for tests", "1"

    def run(self, request: SpeechRequest, context: object) -> Speech:
        raise NotImplementedError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("align"), workers=2) as made:
        yield made


def timings_of(place: Bench, speech: Speech) -> Timings:
    assert speech.timings is not None
    return msgspec.json.decode(place.store.fetch(speech.timings).read_bytes(), type=Timings)


def spoken(place: Bench, text: str, language: str, **options: object) -> tuple[npt.NDArray[np.float32], int, Timings]:
    """What espeak-ng says, and when it says it."""
    kind = installed().provider("tts.espeak")
    speech = place.serve(kind(kind.Options(**options)), SpeechRequest(text=text, language=language))
    with wave.open(str(place.store.fetch(speech.audio))) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2") / 32768
        return samples.astype(np.float32), wav.getframerate(), timings_of(place, speech)


def told(
    place: Bench, samples: npt.NDArray[np.float32], rate_hz: int, text: str, language: str, suffix: str = "wav"
) -> tuple[Speech, Timings]:
    """The same, as `narrate` tells it of a voice that knows no times."""

    def say(_: str, folder: Path) -> Path:
        return encoded(samples, folder / f"a.{suffix}", rate_hz)

    context = place.context(Voice(), reuse=False)
    speech = narrate(SpeechRequest(text=text, language=language), context, say, limit=2000, key="k")
    return speech, timings_of(place, speech)


def errors_s(truth: Timings, found: Timings, trimmed_s: float = 0.0) -> npt.NDArray[np.float64]:
    assert [word.text for word in found.words] == [word.text for word in truth.words]
    said = [(one.start_s, other.start_s) for one, other in zip(truth.words, found.words, strict=True)]
    differences = np.array([other - one for one, other in said])
    return differences + trimmed_s


@pytest.mark.parametrize(
    ("language", "spoken_as", "options", "text"),
    [
        ("en", "en-GB", {"variant": "f3", "rate_wpm": 190}, ENGLISH),
        ("en", "en-GB-scotland", {"rate_wpm": 240}, ENGLISH),
        ("en", "en", {"variant": "m5", "rate_wpm": 110, "pitch": 10}, ENGLISH),
        (
            "de",
            "de",
            {"variant": "f2"},
            "Pflanzen machen Zucker aus Licht. Was übrig bleibt, ist Sauerstoff: die Luft!",
        ),
        ("zh", "zh", {"variant": "f4", "rate_wpm": 120}, "今天 我们 学习 光合作用。 植物 把 光 变成 糖， 这 很 重要！"),
        ("ar", "ar", {"variant": "m3"}, "النباتات تصنع السكر من الضوء. وما يبقى هو الأكسجين، أي الهواء."),
    ],
)
def test_words_are_found_within_200_ms_at_other_rates_timbres_and_accents(
    place: Bench, language: str, spoken_as: str, options: dict[str, object], text: str
) -> None:
    samples, rate, truth = spoken(place, text, spoken_as, **options)
    quiet = np.zeros(round(0.7 * rate), np.float32)
    _, found = told(place, np.concatenate([quiet, samples, quiet]), rate, text, language)

    # espeak-ng begins to sound at once; 0.04 s before the first sound are kept.
    errors = errors_s(truth, found)
    offset = np.median(errors)
    assert abs(offset) < 0.1
    assert np.abs(errors - offset).max() < 0.2
    assert np.median(np.abs(errors - offset)) < 0.03


@pytest.mark.parametrize("suffix", ["mp3", "ogg"])
def test_noise_and_a_lossy_format_do_not_matter(place: Bench, suffix: str) -> None:
    samples, rate, truth = spoken(place, ENGLISH, "en-GB", variant="f3")
    noisy = samples + (0.006 * np.random.default_rng(1).standard_normal(len(samples))).astype(np.float32)
    _, found = told(place, noisy, rate, ENGLISH, "en", suffix)

    assert np.percentile(np.abs(errors_s(truth, found)), 95) < 0.15


def test_a_narrow_band_does_not_matter(place: Bench) -> None:
    samples, rate, truth = spoken(place, ENGLISH, "en-GB", variant="f3")
    _, found = told(place, resampled(samples, rate, 8_000), 8_000, ENGLISH, "en")

    assert np.percentile(np.abs(errors_s(truth, found)), 90) < 0.15


def test_sounds_come_with_the_words(place: Bench) -> None:
    samples, rate, truth = spoken(place, ENGLISH, "en-GB", variant="f3", rate_wpm=200)
    speech, found = told(place, samples, rate, ENGLISH, "en")

    assert len(found.phonemes) > 100
    onsets = [sound.start_s for sound in found.phonemes]
    assert onsets == sorted(onsets)
    assert onsets[-1] <= speech.duration_s
    water = next(word for word in found.words if word.text == "water")
    assert "w" in [sound.symbol for sound in found.phonemes if abs(sound.start_s - water.start_s) < 0.06]
    assert truth.phonemes[0].symbol == "D"


def test_speech_whose_end_is_missing_is_busy(place: Bench) -> None:
    samples, rate, truth = spoken(place, ENGLISH, "en-GB", variant="f3", rate_wpm=150)
    whole_sentences = next(word.start_s for word in truth.words if word.text == "In")

    with pytest.raises(Busy) as raised:
        told(place, samples[: int(whole_sentences * rate)], rate, ENGLISH, "en")
    assert raised.value.message.startswith("the speech that came back is cut off: the end of its text, some ")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "漢字を 読む。 水が 上がる！"),
        ("tlh", "One two three. Four five six."),
        ("en", "```\nx = 1\n```\nOne two three. Four five six."),
    ],
)
def test_without_a_reading_pauses_are_matched_with_punctuation(place: Bench, language: str, text: str) -> None:
    sound = np.concatenate([babble(1.2, silence_s=0.0), np.zeros(12_000, np.float32), babble(1.2, silence_s=0.0)])
    speech, found = told(place, sound, 24_000, text, language)

    assert [word.text for word in found.words] == text.split()
    assert found.phonemes == []
    after = next(n for n, word in enumerate(found.words) if word.text.endswith((".", "。")))
    assert found.words[after].end_s == pytest.approx(1.24, abs=0.1)
    assert found.words[after + 1].start_s == pytest.approx(1.74, abs=0.1)
    assert found.words[-1].end_s <= speech.duration_s


def test_without_any_voice_that_reads_times_are_still_given(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "reader", lambda: None)
    samples, rate, truth = spoken(place, ENGLISH, "en-GB", variant="f3")
    _, found = told(place, samples, rate, ENGLISH, "en")

    assert np.median(np.abs(errors_s(truth, found))) < 0.2


def test_a_reading_leaves_nothing_behind(place: Bench) -> None:
    before = {digest for digest, _, _ in place.store.digests()}
    samples, rate, _ = spoken(place, "Plants make sugar.", "en-GB", variant="f3")
    given = {digest for digest, _, _ in place.store.digests()} - before
    told(place, samples, rate, "Plants make sugar.", "en")
    made = {digest for digest, _, _ in place.store.digests()} - before - given

    assert len(made) == 2  # the speech and its times; its only part is the same


def test_a_recording_is_laid_over_itself_without_any_error() -> None:
    frames = features(babble(3), 24_000)

    assert warp(frames, frames).tolist() == list(range(len(frames)))


@pytest.mark.parametrize(("said", "heard"), [(1, 1), (1, 50), (50, 1), (400, 90), (90, 400)])
def test_any_two_lengths_are_laid_over_each_other(said: int, heard: int) -> None:
    rows = np.random.default_rng(0).standard_normal((said + heard, 26)).astype(np.float32)
    path = warp(rows[:said], rows[said:])

    assert len(path) == said
    assert path[0] == 0
    assert (np.diff(path) >= 0).all()
    assert path[-1] <= heard - 1
