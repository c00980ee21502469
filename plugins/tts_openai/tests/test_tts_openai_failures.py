"""Every way in which a speech server fails, and the error or state that it becomes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
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
from coursewright.kit import health
from coursewright.providers import Health
from coursewright.testing import Bench, bench
from coursewright.testing.standins.loopback import free_port
from coursewright.testing.standins.speech import StandIn, speech_server
from coursewright_tts_openai.offer import forget
from coursewright_tts_openai.provider import SpeechOptions, SpeechServer, SpeechService

TEXT = "Plants make sugar from light. They need water too."
KEY = "sk-very-secret-speech-key-0123456789"
PERSONALITIES = ("kokoro", "openedai", "localai", "speaches", "zonos2", "openai")
Fail = Callable[..., ProviderError]
Check = Callable[..., Health]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("keyed"), secrets={"OPENAI_SPEECH_API_KEY": KEY}) as made:
        yield made


def provider(bench: Bench, url: str, options: dict[str, Any]) -> SpeechServer:
    service = SpeechService(url=url, read_s=options.pop("read_s", 30.0), connect_s=2.0)
    return SpeechServer(SpeechOptions(**options), service=service, host=bench.host(SpeechServer))


@pytest.fixture
def fail(place: Bench) -> Fail:
    """Ask, and give the error; nothing of it may hold the key."""

    def fail(server: StandIn, bench: Bench = place, text: str = TEXT, **options: Any) -> ProviderError:
        asked = provider(bench, server.url, options)
        with pytest.raises(ProviderError) as raised:
            asked.run(SpeechRequest(text=text), bench.context(asked))
        error = raised.value
        assert error.message
        assert error.remedy
        assert KEY not in f"{error.message} {error.remedy} {error.detail}"
        return error

    return fail


@pytest.fixture
def check(place: Bench) -> Check:
    def check(url: str, bench: Bench = place, **options: Any) -> Health:
        health.forget()
        return provider(bench, url, options).check()

    return check


@pytest.fixture(autouse=True)
def _no_memory_of_another_server_at_the_same_port() -> None:
    forget()


# -- models ------------------------------------------------------------------------------------------


def test_speaches_model_that_is_not_installed_names_how_to_install_it(fail: Fail) -> None:
    with speech_server("speaches") as server:
        error = fail(server, model="speaches-ai/piper-en_US-amy-low", voice_name="amy")

    assert isinstance(error, Unavailable)
    assert error.message.startswith("the model speaches-ai/piper-en_US-amy-low is not installed at the speech server")
    assert "speaches-ai/Kokoro-82M-v1.0-ONNX" in error.message
    assert f"POST {server.url}/models/speaches-ai/piper-en_US-amy-low" in error.remedy
    assert "is not installed locally" in error.detail


def test_a_server_without_any_model_is_unavailable(fail: Fail) -> None:
    for personality in ("openedai", "speaches", "localai"):
        with speech_server(personality, installed=False) as server:
            error = fail(server)
        assert isinstance(error, Unavailable)
        assert error.message.endswith("has no model installed")


@pytest.mark.parametrize("personality", ["kokoro", "openedai", "localai"])
def test_an_unknown_model_is_refused_with_those_there_are(fail: Fail, personality: str) -> None:
    with speech_server(personality) as server:
        error = fail(server, model="gpt-9-voice", voice_name="alloy")

    assert isinstance(error, BadInput)
    assert error.field == "model"
    assert error.message.endswith("has no model 'gpt-9-voice'")
    assert error.remedy.startswith("use one of: ")
    assert {"kokoro": "kokoro", "openedai": "tts-1-hd", "localai": "voice-en-us-amy-low"}[personality] in error.remedy


def test_a_model_that_openai_does_not_have_is_unavailable(fail: Fail) -> None:
    with speech_server("openai") as server:
        error = fail(server, model="tts-3")

    assert isinstance(error, Unavailable)
    assert "there are: gpt-4o, whisper-1, tts-1, tts-1-hd" in error.message


def test_a_listed_model_that_is_refused_is_not_called_missing(fail: Fail) -> None:
    content = b'{"detail": "Model files are damaged"}'
    with speech_server("speaches", refuse=1, status=404, content=content, content_type="application/json") as server:
        error = fail(server)

    assert isinstance(error, Unavailable)
    assert error.detail == "404: Model files are damaged"
    assert "not installed" not in error.message


def test_models_that_do_not_say_whether_they_speak_are_listed(fail: Fail) -> None:
    with speech_server("localai", models=("llama", "mistral")) as server:
        error = fail(server)

    assert isinstance(error, Unavailable)
    assert error.remedy == "set model to one of: llama, mistral"


# -- voices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("personality", "known"), [("kokoro", "bf_emma"), ("speaches", "bf_emma"), ("openedai", ""), ("openai", "")]
)
def test_an_unknown_voice_is_refused_with_those_there_are(fail: Fail, personality: str, known: str) -> None:
    """Speaches tells only by breaking off, before the first byte."""
    with speech_server(personality) as server:
        error = fail(server, voice_name="nobody")

    assert isinstance(error, BadInput)
    assert error.field == "voice_name"
    assert error.message.endswith("has no voice 'nobody'")
    assert known in error.remedy


def test_a_voice_mix_with_an_unknown_part_is_refused(fail: Fail) -> None:
    with speech_server() as server:
        error = fail(server, voice_name="af_bella+nobody")

    assert isinstance(error, BadInput)
    assert error.field == "voice_name"
    assert "Voice 'nobody' not found" in error.detail


# -- other fields ------------------------------------------------------------------------------------


def test_a_speed_that_the_model_does_not_take_names_the_speed(fail: Fail) -> None:
    with speech_server("speaches") as server:
        error = fail(server, speed=3.0)

    assert isinstance(error, BadInput)
    assert error.field == "speed"
    assert error.message.endswith("does not take speed 3.0: Speed must be between 0.5 and 2.0, got 3.0")


def test_a_422_list_names_the_field_at_fault(fail: Fail) -> None:
    with speech_server() as server:
        error = fail(server, speed=4.5)

    assert isinstance(error, BadInput)
    assert error.field == "speed"
    assert "less than or equal to 4" in error.message


def test_a_text_that_is_refused_names_the_text(fail: Fail) -> None:
    content = b'{"error": {"message": "string too long", "type": "invalid_request_error", "param": "input"}}'
    with speech_server("openai", refuse=1, status=400, content=content, content_type="application/json") as server:
        error = fail(server)

    assert isinstance(error, BadInput)
    assert error.field == "text"
    assert "string too long" in error.message


# -- keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("personality", "status"), [("speaches", "403"), ("localai", "401"), ("openai", "401")])
def test_a_missing_key_is_told_from_a_wrong_one(fail: Fail, keyed: Bench, personality: str, status: str) -> None:
    with speech_server(personality, key="another-key") as server:
        missing = fail(server)
        wrong = fail(server, keyed)

    assert isinstance(missing, AuthFailed)
    assert missing.message.endswith("wants a key, and none is set")
    assert missing.remedy == "set COURSEWRIGHT_SECRET_OPENAI_SPEECH_API_KEY"
    assert isinstance(wrong, AuthFailed)
    assert wrong.message.endswith("refused the key")
    assert wrong.detail.startswith(status)
    assert server.spoken == []


def test_a_key_that_is_asked_for_only_when_speaking(fail: Fail) -> None:
    content = b'{"detail": "Not authenticated"}'
    with speech_server("speaches", refuse=1, status=403, content=content, content_type="application/json") as server:
        error = fail(server)

    assert isinstance(error, AuthFailed)
    assert error.detail == "403: Not authenticated"


def test_a_right_key_is_sent_as_a_bearer_token(keyed: Bench) -> None:
    with speech_server("speaches", key=KEY) as server:
        keyed.serve(provider(keyed, server.url, {}), SpeechRequest(text=TEXT))

    assert {asked.headers["authorization"] for asked in server.requests} == {f"Bearer {KEY}"}


def test_a_key_that_the_server_writes_back_is_not_shown(fail: Fail, keyed: Bench) -> None:
    content = f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}'.encode()
    with speech_server("openai", key=KEY) as server:
        server.switch(refuse=1, status=401, content=content, content_type="application/json")
        error = fail(server, keyed)

    assert isinstance(error, AuthFailed)
    assert "[key]" in error.detail


# -- the service is not well -------------------------------------------------------------------------


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_a_server_that_starts_is_busy(fail: Fail, personality: str) -> None:
    with speech_server(personality, starting=1) as server:
        error = fail(server)

    assert isinstance(error, Busy)
    assert error.detail == "503: Loading model"


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_an_error_of_each_server_is_told_in_its_own_words(fail: Fail, personality: str) -> None:
    with speech_server(personality, refuse=1, status=500) as server:
        error = fail(server)

    assert isinstance(error, Busy)
    assert error.detail == "500: Something went wrong"


def test_a_page_of_a_proxy_is_busy_without_its_tags(fail: Fail) -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad</h1><hr>nginx</body></html>"
    with speech_server(refuse=1, status=502, content=page) as server:
        error = fail(server)

    assert isinstance(error, Busy)
    assert "502 Bad Gateway" in error.detail
    assert "<" not in error.detail


def test_429_with_retry_after_says_when(fail: Fail) -> None:
    with speech_server(refuse=1, status=429, headers={"retry-after": "7"}) as server:
        error = fail(server)

    assert isinstance(error, Busy)
    assert error.retry_after_s == 7


def test_429_without_retry_after_does_not_guess(fail: Fail) -> None:
    with speech_server(refuse=1, status=429) as server:
        error = fail(server)

    assert isinstance(error, Busy)
    assert error.retry_after_s is None


def test_a_used_up_allowance_is_not_asked_again(fail: Fail) -> None:
    content = b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    with speech_server("openai", refuse=1, status=429, content=content, content_type="application/json") as server:
        error = fail(server)

    assert isinstance(error, QuotaExceeded)


def test_nobody_at_the_address(place: Bench) -> None:
    asked = provider(place, f"http://127.0.0.1:{free_port()}", {})
    with pytest.raises(Unavailable) as raised:
        place.serve(asked, SpeechRequest(text=TEXT))

    assert raised.value.message.endswith("is not running there")


def test_another_service_at_the_address(fail: Fail) -> None:
    with speech_server(content=b"<html><title>My wiki</title></html>") as server:
        error = fail(server)

    assert isinstance(error, Unavailable)
    assert error.message.endswith("answered with a page instead of sound")
    assert error.detail == "My wiki"


def test_an_address_without_speech(fail: Fail) -> None:
    content = b'{"detail": "Not Found"}'
    with speech_server(refuse=1, status=404, content=content, content_type="application/json") as server:
        error = fail(server)

    assert isinstance(error, Unavailable)
    assert error.message.endswith("has no /audio/speech")


def test_an_address_that_is_none(place: Bench) -> None:
    with pytest.raises(Unavailable) as raised:
        place.serve(provider(place, "my-server", {}), SpeechRequest(text=TEXT))

    assert raised.value.message == "the address of the speech server at my-server/v1 is no web address"


# -- the sound is not well ---------------------------------------------------------------------------


@pytest.mark.parametrize("personality", PERSONALITIES)
@pytest.mark.parametrize("response_format", ["wav", "mp3"])
def test_a_body_that_breaks_off_is_asked_for_again(fail: Fail, personality: str, response_format: str) -> None:
    with speech_server(personality, break_after=5_000) as server:
        error = fail(server, response_format=response_format)

    assert isinstance(error, Busy)
    assert error.message.endswith("broke")


@pytest.mark.parametrize("response_format", ["wav", "mp3"])
@pytest.mark.parametrize("personality", ["kokoro", "zonos2"])
def test_sound_that_ends_early_without_an_error_is_noticed(fail: Fail, personality: str, response_format: str) -> None:
    with speech_server(personality, keep=0.15) as server:
        error = fail(server, text=f"{TEXT} " * 3, response_format=response_format)

    assert isinstance(error, Busy)
    assert "cut off" in error.message


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_zero_bytes_are_noticed(fail: Fail, personality: str) -> None:
    with speech_server(personality, keep=0.0) as server:
        error = fail(server)

    assert isinstance(error, Busy)
    assert error.message.endswith("answered without any sound (0 bytes)")


def test_what_is_no_sound_is_noticed(fail: Fail) -> None:
    with speech_server(content=b"\0\1\2\3" * 5_000, content_type="audio/mpeg") as server:
        error = fail(server)

    assert isinstance(error, Busy)


# -- stopping ----------------------------------------------------------------------------------------


def test_cancelling_ends_the_wait_and_hangs_up(place: Bench) -> None:
    with speech_server(hang=True) as server:
        asked = provider(place, server.url, {})
        context = place.context(asked)
        ended: list[float] = []

        def run() -> None:
            with pytest.raises(Cancelled):
                asked.run(SpeechRequest(text=TEXT), context)
            ended.append(time.monotonic())

        thread = threading.Thread(target=run)
        thread.start()
        assert server.asked.wait(10)
        cancelled = time.monotonic()
        context.cancel.set()
        thread.join(5)

        assert ended
        assert ended[0] - cancelled < 1.0
        assert server.left.wait(5)


def test_a_server_that_never_answers_is_given_up_after_its_time(fail: Fail) -> None:
    with speech_server(hang=True) as server:
        error = fail(server, read_s=0.2)

    assert isinstance(error, TimedOut)


def test_the_deadline_of_the_step_is_kept(place: Bench) -> None:
    with speech_server(hang=True) as server, pytest.raises(TimedOut):
        place.serve(provider(place, server.url, {}), SpeechRequest(text=TEXT), timeout_s=0.4)


def test_no_more_calls_at_once_than_the_operator_allows(place: Bench) -> None:
    with speech_server(delay_s=0.2) as server:
        service = SpeechService(url=server.url, at_once=2)
        asked = SpeechServer(service=service, host=place.host(SpeechServer))
        requests = [SpeechRequest(text=f"Scene number {number}.") for number in range(6)]
        with ThreadPoolExecutor(6) as threads:
            assert len(list(threads.map(lambda request: asked.run(request, place.context(asked)), requests))) == 6

    assert server.most_in_flight == 2


# -- check -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_check_says_ready_without_asking_for_speech(check: Check, personality: str) -> None:
    with speech_server(personality) as server:
        found = check(server.url)

    assert found == Health()
    assert server.spoken == []


def test_check_tells_a_wrong_key_from_a_missing_one(check: Check, keyed: Bench) -> None:
    with speech_server("speaches", key="another-key") as server:
        missing, wrong = check(server.url), check(server.url, keyed)

    assert missing.state == wrong.state == "unavailable"
    assert missing.reason.endswith("wants a key, and none is set")
    assert wrong.reason.endswith("refused the key")


def test_check_finds_a_model_that_is_not_installed(check: Check) -> None:
    with speech_server("speaches") as server:
        found = check(server.url, model="speaches-ai/piper-en_US-amy-low")

    assert found.state == "unavailable"
    assert "is not installed at" in found.reason
    assert f"POST {server.url}/models/speaches-ai/piper-en_US-amy-low" in found.remedy


def test_check_finds_a_voice_that_is_not_there(check: Check) -> None:
    with speech_server("kokoro") as server:
        found = check(server.url, voice_name="nobody")
        others = [check(server.url, voice_name=name).state for name in ("af_bella(2)+af_sky", "alloy", "bf_emma")]

    assert found.state == "unavailable"
    assert found.reason.endswith("has no voice 'nobody'")
    assert others == ["ready"] * 3


def test_check_finds_a_server_that_starts(check: Check) -> None:
    with speech_server(starting=1) as server:
        found = check(server.url)
        later = check(server.url)

    assert found.state == "unavailable"
    assert "starting" in found.reason
    assert later.state == "ready"


def test_check_doubts_a_server_that_lists_no_models(check: Check) -> None:
    with speech_server(listing=False) as server:
        found = check(server.url)

    assert found.state == "degraded"
    assert found.reason.endswith("lists no models: whether it speaks shows when it is asked")


def test_check_finds_nobody_at_once(check: Check) -> None:
    begun = time.monotonic()
    found = check(f"http://127.0.0.1:{free_port()}")

    assert found.state == "unavailable"
    assert time.monotonic() - begun < 3
