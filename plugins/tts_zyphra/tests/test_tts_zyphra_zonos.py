"""A Zonos of one's own: parameters by name, whatever its revision, and nobody's voice but the one that was sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import BadInput, Busy, Cancelled, ProviderError, QuotaExceeded, TimedOut, Unavailable
from coursewright.kit.gradio import Endpoint, Parameter
from coursewright.testing import Bench
from coursewright.testing.standins import sounds
from coursewright.testing.standins.space_apps.zonos import NAMES
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright.testing.standins.zyphra_speech import voice_hz
from coursewright_tts_zyphra.options import Emotion, ZyphraOptions, ZyphraService
from coursewright_tts_zyphra.provider import ZyphraVoice
from coursewright_tts_zyphra.zonos import Zonos

Make = Callable[..., ZyphraVoice]
Hear = Callable[[Speech], float]
TEXT = "The tide rises twice a day."
LONG = " ".join(f"Sentence number {number} tells of the moon and of the sea." for number in range(8))
DEFAULTS = {
    "model_choice": "Zyphra/Zonos-v0.1-transformer",
    "language": "en-us",
    **dict(zip([f"e{number}" for number in range(1, 9)], [1.0, *[0.05] * 5, 0.1, 0.2], strict=True)),
    **{"vq_single": 0.78, "fmax": 24_000, "pitch_std": 45.0, "speaking_rate": 15.0, "dnsmos_ovrl": 4.0},
    **{"speaker_noised": False, "cfg_scale": 2.0, "top_p": 0, "top_k": 0, "min_p": 0},
    **{"linear": 0.5, "confidence": 0.4, "quadratic": 0.0, "seed": 420, "randomize_seed": True},
}


@pytest.fixture(scope="module")
def older() -> Iterator[SpaceServer]:
    with space("zonos", revision="older") as running:
        yield running


def served(bench: Bench, provider: ZyphraVoice, **request: Any) -> tuple[Speech, list[str]]:
    context = bench.context(provider)
    return provider.run(SpeechRequest(**{"text": TEXT, **request}), context), context.notices


def failure(bench: Bench, provider: ZyphraVoice, *, timeout_s: float = 60.0, **request: Any) -> ProviderError:
    with pytest.raises(ProviderError) as error:
        bench.serve(provider, SpeechRequest(**{"text": TEXT, **request}), timeout_s=timeout_s)
    return error.value


# -- what is sent ----------------------------------------------------------------------------------


def test_every_default_is_sent_as_the_page_tells_it(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    served(bench, at_home())

    [sent] = zonos.requests
    assert sent.keys() == set(NAMES)
    assert {name: sent[name] for name in DEFAULTS} == DEFAULTS
    assert sent["text"] == TEXT
    assert sent["prefix_audio"].endswith(".wav")  # the page's own silence


def test_every_option_finds_its_parameter(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    _, notices = served(
        bench,
        at_home(
            speaking_rate=20.0,
            model="hybrid",
            emotion=Emotion(sadness=0.8, neutral=0.0),
            pitch_std=80.0,
            fmax=22_050,
            vqscore=0.7,
            speaker_noised=True,
            seed=7,
        ),
        language="pt-BR",
    )

    [sent] = zonos.requests
    assert (sent["e2"], sent["e8"], sent["e1"]) == (0.8, 0.0, 1.0)
    assert (sent["speaking_rate"], sent["pitch_std"], sent["fmax"], sent["vq_single"]) == (20.0, 80.0, 22_050, 0.7)
    assert (sent["speaker_noised"], sent["seed"], sent["randomize_seed"]) == (True, 7, False)
    assert (sent["model_choice"], sent["language"]) == ("Zyphra/Zonos-v0.1-hybrid", "pt-br")
    assert notices == []


def test_emotion_takes_effect_only_when_it_was_set(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    served(bench, at_home())
    served(bench, at_home(emotion=Emotion(happiness=1.0)))

    assert ["emotion" in sent["unconditional_keys"] for sent in zonos.requests] == [True, False]


def test_the_older_revision_is_served_by_name(bench: Bench, older: SpaceServer, made: Make, sample: Artifact) -> None:
    speech, notices = served(bench, made(older.url, pitch_std=60.0), voice=sample)

    [sent] = older.requests
    assert len(sent) == 24
    assert (sent["pitch_std"], sent["min_p"], sent["unconditional_keys"]) == (60.0, 0.15, ["emotion"])
    assert speech.duration_s > 1
    assert notices == []


def test_numbers_outside_of_what_the_page_takes_are_brought_inside(
    bench: Bench, zonos: SpaceServer, at_home: Make
) -> None:
    _, notices = served(bench, at_home(speaking_rate=35.0, pitch_std=500.0))

    assert (zonos.requests[0]["speaking_rate"], zonos.requests[0]["pitch_std"]) == (30.0, 300.0)
    assert notices == [
        "your Zonos takes speaking_rate from 5 to 30: 30 is used",
        "your Zonos takes pitch_std from 0 to 300: 300 is used",
    ]


@pytest.mark.parametrize(
    ("language", "code"), [("zh-HK", "yue"), ("es-MX", "es-419"), ("en-GB", "en-gb"), ("no", "nb")]
)
def test_the_language_is_told_in_espeaks_code(
    bench: Bench, zonos: SpaceServer, at_home: Make, language: str, code: str
) -> None:
    served(bench, at_home(), language=language)

    assert zonos.requests[0]["language"] == code


def test_a_language_that_is_not_spoken_lets_the_next_provider_serve(
    bench: Bench, zonos: SpaceServer, at_home: Make
) -> None:
    error = failure(bench, at_home(), language="th")

    assert isinstance(error, Unavailable)
    assert "does not speak the language 'th'" in error.message
    assert zonos.requests == []


def test_a_language_code_of_the_page_may_be_set(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    served(bench, at_home(language_code="en-gb-scotland"))

    assert zonos.requests[0]["language"] == "en-gb-scotland"
    assert isinstance(failure(bench, at_home(language_code="xx")), BadInput)


def test_a_named_voice_is_refused(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    error = failure(bench, at_home(voice_name="Anna"))

    assert isinstance(error, BadInput)
    assert error.field == "voice_name"
    assert zonos.requests == []


# -- nobody else's voice ---------------------------------------------------------------------------


def test_the_voice_of_an_earlier_caller_is_never_spoken(
    bench: Bench, zonos: SpaceServer, at_home: Make, sample: Artifact, heard_hz: Hear
) -> None:
    cloned, _ = served(bench, at_home(), voice=sample)
    usual, _ = served(bench, at_home(), text="High water comes and goes again.")

    first, second = zonos.requests
    assert "speaker" not in first["unconditional_keys"]
    assert second["speaker_audio"] is None
    assert "speaker" in second["unconditional_keys"]
    assert heard_hz(cloned) > 990
    assert heard_hz(usual) == pytest.approx(voice_hz(b""), abs=3)


def test_the_stand_in_does_leak_a_voice_to_who_asks_carelessly(
    bench: Bench, zonos: SpaceServer, at_home: Make, sample: Artifact, heard_hz: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloned, _ = served(bench, at_home(), voice=sample)
    monkeypatch.setattr(Zonos, "_unconditional", lambda *_, **__: ["emotion"])
    leaked, _ = served(bench, at_home(), text="High water comes and goes again.")

    assert heard_hz(leaked) == pytest.approx(heard_hz(cloned), abs=3)


def test_callers_at_the_same_moment_keep_their_own_voices(
    bench: Bench, zonos: SpaceServer, at_home: Make, sample: Artifact, heard_hz: Hear
) -> None:
    data = sounds.wav(
        sounds.hum("Somebody else is heard here, who reads from another book entirely, slowly. " * 2), 24_000
    )
    other = bench.store.put_bytes(data, name="other.wav", media_type="audio/wav")
    wanted = [sample, None, other, None]
    texts = [f"{TEXT} And number {number} is said." for number in range(len(wanted))]

    def serve(text: str, voice: Artifact | None) -> float:
        return heard_hz(served(bench, at_home(), text=text, voice=voice)[0])

    with ThreadPoolExecutor(len(wanted)) as threads:
        heard = list(threads.map(serve, texts, wanted))

    sent = {call["text"]: call for call in zonos.requests}
    for text, voice, hz in zip(texts, wanted, heard, strict=True):
        path = sent[text]["speaker_audio"]
        assert (path is None) == (voice is None)
        assert hz == pytest.approx(voice_hz(Path(path).read_bytes() if path else b""), abs=3)
    assert len({round(hz, -1) for hz in heard}) == 3


def test_a_page_without_a_switch_for_the_speaker_is_not_used_without_a_sample(bench: Bench) -> None:
    provider = ZyphraVoice(host=bench.host(ZyphraVoice))
    line = Zonos(ZyphraService(), ZyphraOptions(), provider.host)
    keys = Parameter(name="unconditional_keys", has_default=True, default=["emotion"], choices=("emotion", "fmax"))
    names = [Parameter(name=name) for name in ("text", "speaker_audio")]
    language = Parameter(name="language", choices=("en-us",))
    endpoint = Endpoint(name="/generate_audio", parameters=(*names, language, keys))
    context = bench.context(provider)

    with pytest.raises(Unavailable, match="the voice of an earlier caller"):
        line.arguments(endpoint, "en", cloned=False, context=context)
    assert line.arguments(endpoint, "en", cloned=True, context=context)["unconditional_keys"] == ["emotion"]


# -- its limits and failures -----------------------------------------------------------------------


def test_parts_stay_well_below_30_s(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    speech, _ = served(bench, at_home(), text=LONG)

    parts = [sent["text"] for sent in zonos.requests]
    assert max(map(len, parts)) < 300
    assert " ".join(parts) == LONG
    assert speech.duration_s == pytest.approx(len(LONG) / 13.5, rel=0.3)
    assert zonos.requests[0].keys() == zonos.requests[1].keys()


def test_speech_that_was_cut_at_30_s_is_made_of_shorter_parts(
    bench: Bench, zonos: SpaceServer, at_home: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Zonos, "part_s", 60.0)  # as if the voice spoke far slower than it was reckoned to
    speech, notices = served(bench, at_home(), text=LONG)

    assert len(LONG) in [len(sent["text"]) for sent in zonos.requests]
    assert len(zonos.requests) > 2
    assert speech.duration_s == pytest.approx(len(LONG) / 13.5, rel=0.3)
    assert notices == ["parts of the text were too long for the service: shorter ones were sent"]


def test_progress_beyond_the_whole_stays_within_it(bench: Bench, at_home: Make) -> None:
    served(bench, at_home(), text=LONG)

    assert all(0 <= done <= total for done, total, _ in bench.progress)
    fractions = [done / total for done, total, _ in bench.progress]
    assert fractions == sorted(fractions)
    assert any(0 < fraction < 1 and fraction != 0.5 for fraction in fractions)  # of the parts under way
    assert fractions[-1] == 1


@pytest.mark.parametrize("result", ["nothing", "silent"])
def test_an_answer_without_speech_is_asked_for_again(
    bench: Bench, zonos: SpaceServer, at_home: Make, result: str
) -> None:
    zonos.switch(result=result)

    assert isinstance(failure(bench, at_home()), Busy)


def test_a_gpu_quota_that_is_used_up_is_told_without_markup(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    zonos.switch(fail="quota")
    error = failure(bench, at_home())

    assert isinstance(error, QuotaExceeded)
    assert "<" not in error.message + error.detail


def test_an_unexplained_failure_of_the_page_lets_the_next_provider_serve(
    bench: Bench, zonos: SpaceServer, at_home: Make
) -> None:
    zonos.switch(fail="unexplained")

    assert failure(bench, at_home()).falls_back


def test_a_full_queue_is_busy(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    zonos.switch(queue_full=True)

    assert isinstance(failure(bench, at_home()), Busy)


def test_a_page_that_hangs_ends_with_the_deadline(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    zonos.switch(hang=True)

    assert isinstance(failure(bench, at_home(), timeout_s=2.0), TimedOut)
    assert len(zonos.requests) == 1


def test_cancelling_ends_the_wait_within_a_second(bench: Bench, zonos: SpaceServer, at_home: Make) -> None:
    zonos.switch(hang=True)
    provider = at_home()
    context = bench.context(provider)
    outcome: list[tuple[float, BaseException]] = []

    def run() -> None:
        try:
            provider.run(SpeechRequest(text=TEXT), context)
        except BaseException as error:
            outcome.append((time.monotonic(), error))

    thread = threading.Thread(target=run)
    thread.start()
    zonos.wait_for(lambda server: server.requests)
    cancelled = time.monotonic()
    context.cancel.set()
    thread.join(5)

    [(ended, error)] = outcome
    assert isinstance(error, Cancelled)
    assert ended - cancelled < 1


def test_check_reads_the_signature_and_speaks_nothing(zonos: SpaceServer, at_home: Make) -> None:
    assert at_home().check().state == "ready"
    assert zonos.requests == []


def test_another_app_is_no_zonos(bench: Bench, made: Make) -> None:
    with space("llama") as other:
        provider = made(other.url)
        health = provider.check()
        error = failure(bench, provider)

        assert health.state == "unavailable"
        assert "is another app, or has changed" in health.reason
        assert health.remedy
        assert isinstance(error, Unavailable)
        assert "/query_deepseek_streaming" in error.message
