"""Everything that goes wrong at the hosted services, and what a person is told about it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import SpeechRequest
from coursewright.errors import (
    AuthFailed,
    BadInput,
    Busy,
    Cancelled,
    ProviderError,
    QuotaExceeded,
    TimedOut,
    Unavailable,
)
from coursewright.testing import Bench, bench
from coursewright.testing.standins.loopback import free_port
from coursewright.testing.standins.zyphra import KEY, Mode, ZyphraServer
from coursewright_tts_zyphra.provider import ZyphraVoice

Make = Callable[..., ZyphraVoice]
TEXT = "The tide rises twice a day."
LONG = " ".join(f"Sentence number {number} tells of the moon and of the sea." for number in range(8))
WRONG_KEY = "zsk-00000000-wrong-key"


@pytest.fixture(params=["legacy", "cloud"])
def line(request: pytest.FixtureRequest) -> Make:
    """Either of the two services: what fails at one fails at the other."""
    made: Make = request.getfixturevalue(request.param)
    return made


def failure(on: Bench, provider: ZyphraVoice, **request: Any) -> ProviderError:
    with pytest.raises(ProviderError) as error:
        on.serve(provider, SpeechRequest(**{"text": TEXT, **request}))
    assert "<" not in error.value.message + error.value.detail
    assert error.value.remedy
    assert KEY not in f"{error.value!r} {error.value} {error.value.detail}"
    return error.value


def test_401_is_a_wrong_key_whose_value_is_not_repeated(
    tmp_path: Any, server: ZyphraServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "wrong"
    folder.mkdir()
    with bench(folder, secrets={"ZYPHRA_API_KEY": WRONG_KEY}) as wrong:
        for url in (server.url, server.cloud_url):
            provider = ZyphraVoice(service=ZyphraVoice.Service(url=url), host=wrong.host(ZyphraVoice))
            error = failure(wrong, provider)

            assert isinstance(error, AuthFailed)
            assert "refused the key" in error.message
            assert "Invalid API key" in error.detail
            assert WRONG_KEY not in f"{error!r} {error} {error.detail} {provider.check()}"
    assert WRONG_KEY not in caplog.text


def test_403_is_a_key_that_may_not(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("forbidden")

    assert isinstance(failure(bench, line()), AuthFailed)


def test_402_is_an_account_without_credit(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("no_credit")
    error = failure(bench, line())

    assert isinstance(error, QuotaExceeded)
    assert "Insufficient credits" in error.detail


def test_422_tells_what_the_service_found_wrong(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("invalid")
    error = failure(bench, line())

    assert isinstance(error, BadInput)
    assert error.field == "text"
    assert "unsupported characters" in error.message


@pytest.mark.parametrize(
    ("at_fault", "field"),
    [("pitch_std", "pitch_std"), ("speaker_audio", "voice"), ("language_iso_code", "language"), ("new", "text")],
)
def test_422_names_our_field(bench: Bench, server: ZyphraServer, legacy: Make, at_fault: str, field: str) -> None:
    server.switch("invalid", at_fault=at_fault)
    error = failure(bench, legacy(pitch_std=80.0))

    assert isinstance(error, BadInput)
    assert error.field == field


def test_429_with_retry_after_says_when(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("busy_retry_after", retry_after="7")
    error = failure(bench, line())

    assert isinstance(error, Busy)
    assert error.retry_after_s == 7


def test_429_without_retry_after_leaves_it_open(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("busy")
    error = failure(bench, line())

    assert isinstance(error, Busy)
    assert error.retry_after_s is None


@pytest.mark.parametrize(("mode", "word"), [("html_502", "502"), ("error_500", "CUDA out of memory")])
def test_a_backend_that_is_down_is_busy(bench: Bench, server: ZyphraServer, line: Make, mode: Mode, word: str) -> None:
    server.switch(mode)
    error = failure(bench, line())

    assert isinstance(error, Busy)
    assert word in error.detail


def test_a_tunnel_page_is_an_unavailable_service(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("tunnel")
    error = failure(bench, line())

    assert isinstance(error, Unavailable)
    assert "Cloudflare Tunnel error" in error.detail


def test_524_makes_the_parts_shorter_until_they_are_spoken(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("html_524", longer_than=150)
    provider = line()
    context = bench.context(provider)
    speech = provider.run(SpeechRequest(text=LONG), context)

    assert speech.duration_s > 15
    assert context.notices == ["parts of the text were too long for the service: shorter ones were sent"]
    fractions = [done / total for done, total, _ in bench.progress]
    assert fractions == sorted(fractions)


def test_524_for_short_parts_too_times_out(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("html_524")
    error = failure(bench, line(), text=LONG)

    assert isinstance(error, TimedOut)
    assert error.falls_back
    assert 1 < len(server.spoken) < 5


def test_a_text_that_cannot_be_shortened_is_sent_once(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("html_524")

    assert isinstance(failure(bench, line()), TimedOut)
    assert len(server.spoken) == 1


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("empty", "0 bytes"),
        ("truncated", "connection .* broke"),
        ("reset", "connection .* broke"),
        ("short", "cut off"),
        ("not_sound", "text instead of sound"),
    ],
)
def test_an_answer_without_the_whole_speech_is_asked_for_again(
    bench: Bench, server: ZyphraServer, line: Make, mode: Mode, words: str
) -> None:
    server.switch(mode, times=1)
    error = failure(bench, line(), text=LONG[:100])

    assert isinstance(error, Busy)
    with pytest.raises(Busy, match=words):
        raise error
    assert bench.serve(line(), SpeechRequest(text=LONG[:100])).duration_s > 5  # the second time it works


def test_a_redirect_is_not_followed(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("redirect", times=1)

    assert isinstance(failure(bench, line()), Unavailable)
    assert len(server.requests) == 1


def test_nobody_listens(bench: Bench, made: Make) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for provider in (made(url), made(f"{url}/api/v1"), made(url, "legacy"), made(url, "zonos")):
        assert isinstance(failure(bench, provider), Unavailable)
        assert provider.check().state == "unavailable"


def test_a_service_that_is_silent_is_given_up(bench: Bench, server: ZyphraServer) -> None:
    server.switch("slow")
    service = ZyphraVoice.Service(url=server.cloud_url, patience_s=0.3)
    provider = ZyphraVoice(service=service, host=bench.host(ZyphraVoice))

    assert isinstance(failure(bench, provider, text=LONG), TimedOut)
    assert len(server.spoken) == 1  # shorter parts would not make it speak


def test_cancelling_ends_the_wait_within_a_second(bench: Bench, server: ZyphraServer, line: Make) -> None:
    server.switch("slow")
    provider = line()
    context = bench.context(provider)
    outcome: list[tuple[float, BaseException]] = []

    def run() -> None:
        try:
            provider.run(SpeechRequest(text=TEXT), context)
        except BaseException as error:
            outcome.append((time.monotonic(), error))

    thread = threading.Thread(target=run)
    thread.start()
    assert server.waiting.wait(10)
    cancelled = time.monotonic()
    context.cancel.set()
    thread.join(5)

    [(ended, error)] = outcome
    assert isinstance(error, Cancelled)
    assert ended - cancelled < 1


def test_the_key_is_in_no_log_and_no_file(
    bench: Bench, server: ZyphraServer, line: Make, tmp_path: Any, sample: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench.serve(line(), SpeechRequest(text=TEXT, voice=sample))

    assert KEY not in caplog.text
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


# -- health ----------------------------------------------------------------------------------------


def test_check_of_cloud_asks_for_the_models_and_speaks_nothing(server: ZyphraServer, cloud: Make) -> None:
    health = cloud().check()

    assert (health.state, health.reason) == ("ready", "")
    assert [request.path for request in server.requests] == ["/api/v1/models"]


def test_check_of_legacy_says_only_that_it_is_reachable(server: ZyphraServer, legacy: Make) -> None:
    health = legacy().check()

    assert health.state == "ready"
    assert health.reason.startswith("reachable")
    assert server.spoken == [{}]


@pytest.mark.parametrize("mode", ["html_502", "busy"])
def test_check_of_an_overloaded_service_is_degraded(server: ZyphraServer, cloud: Make, mode: Mode) -> None:
    server.switch(mode)
    health = cloud().check()

    assert health.state == "degraded"
    assert health.remedy


def test_check_tells_a_wrong_key_apart(tmp_path: Any, server: ZyphraServer) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    with bench(folder, secrets={"ZYPHRA_API_KEY": WRONG_KEY}) as wrong:
        for url in (server.url, server.cloud_url):
            health = ZyphraVoice(service=ZyphraVoice.Service(url=url), host=wrong.host(ZyphraVoice)).check()

            assert health.state == "unavailable"
            assert "key is missing or wrong" in health.reason


def test_check_is_asked_once_a_minute(server: ZyphraServer, cloud: Make) -> None:
    cloud().check()
    cloud().check()

    assert len(server.requests) == 1


def test_size_counts_characters(cloud: Make) -> None:
    assert cloud().unit == "character"
    assert cloud().size(SpeechRequest(text=TEXT)) == len(TEXT)
