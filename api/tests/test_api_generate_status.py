"""The health of providers: states, places, needs, and asking now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pytest
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.catalog import Catalog, catalog_of
from coursewright.errors import AuthFailed
from coursewright.providers import Context, Health, Provider
from coursewright.run.history import history_of
from coursewright.settings import Price, Settings
from coursewright_api.generate import status
from coursewright_api.generate.status import ProviderStatus

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True),
]  # no database is asked


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str = "https://me:hush@voices.example.org:8443/v1"
    secret: str = "VOICE_KEY"  # a name


class Voice(Provider[SpeechRequest, Speech]):
    capability: ClassVar[str] = "tts"
    summary: ClassVar[str] = "a voice"
    version: ClassVar[str] = "1"
    asked: ClassVar[int] = 0

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        raise NotImplementedError


class Here(Voice):
    name: ClassVar[str] = "here"


class Away(Voice):
    name: ClassVar[str] = "away"
    preference: ClassVar[int] = 50
    sends: ClassVar[str] = "The text goes to voices.example.org."
    Service: ClassVar[type[msgspec.Struct]] = Place

    def check(self) -> Health:
        type(self).asked += 1
        return Health(state="unavailable", reason="nobody answers there", remedy="start it")


class Keyless(Voice):
    name: ClassVar[str] = "keyless"
    Service: ClassVar[type[msgspec.Struct]] = Place
    sends: ClassVar[str] = "The text goes to voices.example.org."

    def check(self) -> Health:
        self.host.secret("VOICE_KEY")
        return Health()


class Raising(Voice):
    name: ClassVar[str] = "raising"

    def check(self) -> Health:
        raise AuthFailed("no")


class Hanging(Voice):
    name: ClassVar[str] = "hanging"
    let_go: ClassVar[threading.Event] = threading.Event()

    def check(self) -> Health:
        self.let_go.wait(30)
        return Health()


@pytest.fixture(autouse=True)
def end_hanging() -> Iterator[None]:
    Hanging.let_go.clear()
    Away.asked = 0
    yield
    Hanging.let_go.set()


def asking(settings: Settings, *kinds: type[Voice]) -> ProviderStatus:
    async def catalog() -> Catalog:
        return catalog_of({"voices": kinds})

    return ProviderStatus(settings, catalog)


async def test_each_provider_has_a_state_a_place_and_what_it_needs(api: Any) -> None:
    settings = api.service.settings
    api.service.provider_status = asking(settings, Here, Away, Keyless, Raising)
    bob = await api.author()
    answer = await bob.ask("GET", "/api/generate/tts/status")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["capability"], found["available"]) == ("tts", True)
    shown = {each["id"]: each for each in found["providers"]}
    assert [(each["id"], each["state"], each["preferred"]) for each in found["providers"]] == [
        ("tts.here", "ready", True),
        ("tts.raising", "not_configured", False),
        ("tts.away", "unreachable", False),
        ("tts.keyless", "not_configured", False),
    ]
    assert (shown["tts.here"]["where"], shown["tts.here"]["host"]) == ("here", "")
    assert (shown["tts.away"]["where"], shown["tts.away"]["host"]) == ("elsewhere", "voices.example.org")
    assert shown["tts.keyless"]["remedy"].startswith("set COURSEWRIGHT_SECRET_VOICE_KEY")
    assert [(need["variable"], need["given"]) for need in shown["tts.keyless"]["needs"]] == [
        ("COURSEWRIGHT_SERVICE_TTS_KEYLESS__URL", False),
        ("COURSEWRIGHT_SERVICE_TTS_KEYLESS__SECRET", False),
        ("COURSEWRIGHT_SECRET_VOICE_KEY", False),
    ]
    assert "hush" not in answer.text
    await bob.ask("GET", "/api/generate/tts/status")
    assert Away.asked == 1


async def test_the_settings_order_the_providers_and_say_where_they_are(api: Any) -> None:
    settings = msgspec.structs.replace(
        api.service.settings,
        providers={"tts": "away"},
        services={"tts.away": {"url": "http://127.0.0.1:8880/v1"}, "tts.keyless": {"port": 1}},
        secrets={"VOICE_KEY": "hush"},
    )
    api.service.provider_status = asking(settings, Here, Away, Keyless)
    bob = await api.author()
    answer = await bob.ask("GET", "/api/generate/tts/status")
    away, here, keyless = answer.json()["providers"]
    assert (away["id"], away["where"], away["host"]) == ("tts.away", "here", "127.0.0.1")
    assert [away["preferred"], here["preferred"], keyless["preferred"]] == [False, True, False]  # it cannot serve now
    assert {need["name"]: need["given"] for need in away["needs"]} == {"url": True, "secret": False, "VOICE_KEY": True}
    assert (keyless["state"], "port" in keyless["message"]) == ("not_configured", True)
    assert "hush" not in answer.text


async def test_the_first_that_can_serve_is_asked_unless_one_is_named(api: Any) -> None:
    settings = msgspec.structs.replace(api.service.settings, providers={"tts": "raising"})
    api.service.provider_status = asking(settings, Away, Here, Raising)
    bob = await api.author()
    answer = (await bob.ask("GET", "/api/generate/tts/validate")).json()
    assert (answer["provider"], answer["available"]) == ("tts.here", True)
    api.service.provider_status = asking(settings, Away, Raising)
    answer = (await bob.ask("GET", "/api/generate/tts/validate")).json()
    assert (answer["provider"], answer["available"], answer["message"]) == ("tts.raising", False, "no")


async def test_asking_now_tells_whether_it_can_serve(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api.service.provider_status = asking(api.service.settings, Here, Away, Hanging)
    bob = await api.author()
    answer = (await bob.ask("GET", "/api/generate/tts/validate", params={"provider": "here"})).json()
    assert (answer["provider"], answer["available"], answer["message"]) == ("tts.here", True, "it can serve")
    for method in ("GET", "POST", "GET"):
        answer = (await bob.ask(method, "/api/generate/tts/validate?provider=tts.away")).json()
        assert (answer["available"], answer["state"], answer["message"], answer["remedy"]) == (
            False,
            "unreachable",
            "nobody answers there",
            "start it",
        )
    assert Away.asked == 1
    monkeypatch.setattr(status, "PATIENCE_S", 0.05)
    answer = (await bob.ask("GET", "/api/generate/tts/validate?provider=hanging")).json()
    assert (answer["available"], answer["message"]) == (False, "it did not answer within 0.05 s")
    assert 0.05 <= answer["took_s"] < 10
    answer = await bob.ask("GET", "/api/generate/tts/validate?provider=heer")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "query:provider")
    assert "there are: tts.away, tts.hanging, tts.here" in answer.json()["detail"]


async def test_without_any_provider_the_answer_is_no(api: Any) -> None:
    api.service.provider_status = asking(api.service.settings)
    bob = await api.author()
    answer = (await bob.ask("GET", "/api/generate/video/status")).json()
    assert (answer["available"], answer["providers"]) == (False, [])
    answer = (await bob.ask("POST", "/api/generate/video/validate")).json()
    assert (answer["available"], answer["message"]) == (False, "no provider of 'video' is installed")


async def test_other_capabilities_and_strangers_get_nothing(api: Any) -> None:
    bob = await api.author()
    for name in ("slide", "x", "%00", "llm%20"):
        for path in ("status", "validate"):
            answer = await bob.ask("GET", f"/api/generate/{name}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for path in ("status", "validate"):
        assert (await api.client.get(f"/api/generate/tts/{path}")).status_code == 401


async def test_the_installed_voices_are_there(api: Any) -> None:
    bob = await api.author()
    answer = (await bob.ask("GET", "/api/generate/tts/validate?provider=espeak")).json()
    assert (answer["available"], answer["state"]) == (True, "ready")


async def test_all_that_is_installed_is_listed_and_failures_are_for_designers(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = catalog_of({"voices": [Here, Away], "again": [Here]})
    assert found.failures

    async def catalog() -> Catalog:
        return found

    monkeypatch.setattr(api.service.pipelines.compiler, "catalog", catalog)
    priced = {"tts.away": Price(per_unit=0.5, currency="EUR")}
    monkeypatch.setattr(api.service, "settings", msgspec.structs.replace(api.service.settings, prices=priced))
    for took_s in (1.0, 2.0, 9.0):
        history_of(api.service.settings).note_request("tts.away", 10, took_s)
    bob, ada = await api.author(), await api.admin()
    answer = (await bob.ask("GET", "/api/providers")).json()
    tts = next(each for each in answer["capabilities"] if each["name"] == "tts")
    assert [each["id"] for each in tts["providers"]] == [each for each in found.offers if each.startswith("tts.")]
    away = next(each for each in tts["providers"] if each["id"] == "tts.away")
    assert (away["sends"], away["usual_s"], away["price"]) == (Away.sends, 2.0, {"per_unit": 0.5, "currency": "EUR"})
    assert tts["takes"][:2] == [
        {"name": "text", "type": "text", "missing": False},
        {"name": "voice", "type": "audio", "missing": True},
    ]
    assert tts["results"] == {"": "speech"}
    llm = next(each for each in answer["capabilities"] if each["name"] == "llm")
    assert llm["results"]["script"] == "script"
    assert {"name": "scenes", "type": "list of scene", "missing": False} in answer["types"]["script"]
    assert {"name": "image", "type": "image", "missing": True} in answer["types"]["scene"]
    assert {"digest", "name"} <= {each["name"] for each in answer["types"]["image"]}
    assert answer["failures"] == []
    failures = (await ada.ask("GET", "/api/providers")).json()["failures"]
    assert [each["reason"] for each in failures] == [each.reason for each in found.failures]
