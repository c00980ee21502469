"""What an installation remembers of its providers."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import AuthFailed, InputError
from coursewright.kit.health import cached, forget
from coursewright.providers import Context, Estimate, Health, Provider
from coursewright.run.history import KEPT, History
from coursewright.run.hosting import hosted
from coursewright.settings import Price, Settings, settings_from
from msgspec import Meta


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str = "http://127.0.0.1:1/v1"
    read_s: Annotated[float, Meta(gt=0)] = 5.0


class Voice(Provider[SpeechRequest, Speech]):
    capability = "tts"
    name = "voice"
    summary = "for tests"
    version = "1"
    unit = "character"
    Service = Where
    asked = 0

    def size(self, request: SpeechRequest) -> float:
        return float(len(request.text))

    @cached
    def check(self) -> Health:
        type(self).asked += 1
        return Health(state="degraded", reason="asleep", remedy="wait")

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        raise NotImplementedError


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "data" / "history")


def test_an_estimate_is_what_was_measured_and_the_price(tmp_path: Path, history: History) -> None:
    settings = Settings(data_dir=tmp_path / "data", prices={"tts.voice": Price(per_unit=0.001, currency="EUR")})
    voice = hosted(Voice, settings)
    request = SpeechRequest(text="x" * 100)
    assert voice.estimate(request) == Estimate(money=0.1, currency="EUR")

    for seconds in (1.0, 2.0, 90.0):
        history.note_request("tts.voice", 50.0, seconds)

    assert voice.estimate(request) == Estimate(seconds=4.0, money=0.1, currency="EUR")
    assert hosted(Voice, Settings(data_dir=tmp_path / "other")).estimate(request) == Estimate()


def test_only_the_latest_measurements_count(history: History) -> None:
    for seconds in [9.0] * 10 + [1.0] * KEPT:
        history.note_request("tts.voice", 1.0, seconds)

    assert history.seconds("tts.voice", 1.0) == 1.0


def test_the_pace_of_speech_is_known_by_language_or_its_family(history: History) -> None:
    assert history.speech_pace("en") is None
    history.note_speech("en-GB", 150, 10.0)
    history.note_speech("de", 120, 10.0)

    assert history.speech_pace("en-GB") == 15.0
    assert history.speech_pace("en") == 15.0
    assert history.speech_pace("de-AT") == 12.0
    assert history.speech_pace("fr") is None


def test_facts_outlive_the_process_and_damage_costs_only_them(tmp_path: Path, history: History) -> None:
    voice = hosted(Voice, Settings(data_dir=tmp_path / "data"))
    voice.host.remember("waking_s", 43.5)
    assert History(tmp_path / "data" / "history").recall("tts.voice", "waking_s") == 43.5

    (tmp_path / "data" / "history" / "tts.voice.json").write_text("{nonsense")
    assert voice.host.recall("waking_s") is None
    voice.host.remember("waking_s", 1.0)
    assert voice.host.recall("waking_s") == 1.0


def test_nothing_is_lost_when_many_write(history: History) -> None:
    threads = [threading.Thread(target=history.remember, args=("tts.voice", f"fact{n}", n)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [history.recall("tts.voice", f"fact{n}") for n in range(20)] == list(range(20))


def test_a_run_measures_what_it_makes(project: Any, course: str) -> None:
    project.offer("tts", "voice", project.speak("voice"), size=lambda _, request: float(len(request.text)))

    project.run(course, {"scenes": "a:one b:three"})

    history = History(project.settings.data_dir / "history")
    assert history.seconds("tts.voice", 10.0) is not None
    assert history.speech_pace("en") == pytest.approx(7.0, abs=4.0)


def test_terms_are_kept_with_each_result(project: Any, course: str) -> None:
    project.offer("tts", "voice", project.speak("voice"), licence="For lessons at home only.")

    for _ in range(2):  # made, then reused
        report = project.run(course, {"scenes": "a:one"})
        assert "tts.voice: For lessons at home only." in report.notices


def test_the_operator_says_where_the_service_is(tmp_path: Path) -> None:
    env = {
        "COURSEWRIGHT_DATA_DIR": str(tmp_path),
        "COURSEWRIGHT_SERVICE_TTS_VOICE__URL": "http://127.0.0.1:9/v1",
        "COURSEWRIGHT_SERVICE_TTS_VOICE__READ_S": "2.5",
        "COURSEWRIGHT_SETTINGS": str(tmp_path / "settings.toml"),
    }
    (tmp_path / "settings.toml").write_text(
        '[services."tts.voice"]\nurl = "http://10.0.0.1/v1"\n[limits."tts.voice"]\nat_once = 2\n'
        '[prices."tts.voice"]\nper_unit = 0.5\n'
    )
    settings = settings_from(env)

    assert hosted(Voice, settings).service == Where(url="http://127.0.0.1:9/v1", read_s=2.5)
    assert settings.limits["tts.voice"].at_once == 2
    assert settings.prices["tts.voice"].per_unit == 0.5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"read_s": "-1"}, "the service of tts.voice is set wrongly: read_s: Expected `float` > 0.0"),
        ({"address": "x"}, "the service of tts.voice is set wrongly: Object contains unknown field `address`"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, given: dict[str, str], told: str) -> None:
    settings = Settings(data_dir=tmp_path, services={"tts.voice": given})

    with pytest.raises(InputError) as caught:
        hosted(Voice, settings)

    assert caught.value.message == told
    assert 'correct [services."tts.voice"] in the settings file' in caught.value.remedy
    assert "it takes: url, read_s" in caught.value.remedy


def test_a_variable_without_a_field_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="COURSEWRIGHT_SERVICE_TTS names no provider and field"):
        settings_from({"COURSEWRIGHT_DATA_DIR": str(tmp_path), "COURSEWRIGHT_SERVICE_TTS": "x"})


def test_a_provider_outside_any_installation_knows_nothing() -> None:
    voice = Voice()
    assert voice.estimate(SpeechRequest(text="x")) == Estimate()
    assert voice.host.recall("waking_s") is None
    with pytest.raises(AuthFailed, match="the secret KEY is not set"):
        voice.host.secret("KEY")


def test_health_is_asked_once_a_minute() -> None:
    forget()
    Voice.asked = 0
    assert {Voice().check().reason for _ in range(3)} == {"asleep"}
    assert Voice.asked == 1
    Voice(service=Where(url="http://127.0.0.1:2/v1")).check()
    assert Voice.asked == 2
    forget()
    Voice().check()
    assert Voice.asked == 3
