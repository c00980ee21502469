"""Spaces by name: found on Hugging Face, awake or not, and what is told of them before they are called."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from coursewright.errors import AuthFailed, Busy, Cancelled, ProviderError, Unavailable
from coursewright.kit.gradio import Space, hub, session
from coursewright.kit.gradio.address import Address, address_of, is_hugging_face
from coursewright.kit.gradio.faults import Faults
from coursewright.providers import Provider
from coursewright.secrets import Secret
from coursewright.testing import Bench
from coursewright.testing.standins.hub import HubServer, HubSpace
from coursewright.testing.standins.hub import hub as hub_server
from coursewright.testing.standins.spaces import SpaceServer

NAME = "owner/Workshop-1.0"
COUNT = ("/count", {"limit": 1})
TOKEN = Secret("HF_TOKEN", "hf_theTokenOfThisTest")


@pytest.fixture
def huggingface(workshop: SpaceServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setattr(session, "LOOK_AGAIN_S", 0.05)
    with hub_server() as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        server.spaces[NAME] = HubSpace(url=workshop.url)
        server.tokens.add(TOKEN.reveal())
        yield server


@pytest.fixture
def app(huggingface: HubServer, place: Bench, caller: Provider[Any, Any]) -> Space:
    return Space(NAME, what="the workshop", context=place.context(caller), host=place.host(type(caller)))


def failing(app: Space) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        app.call(*COUNT)
    assert raised.value.remedy
    return raised.value


# -- where it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("openfree/Llama-4-Scout-17B-Research", Address(name="openfree/Llama-4-Scout-17B-Research")),
        (" fffiloni/KDTalker ", Address(name="fffiloni/KDTalker")),
        ("https://huggingface.co/spaces/fffiloni/KDTalker", Address(name="fffiloni/KDTalker")),
        ("https://fffiloni-kdtalker.hf.space/", Address(url="https://fffiloni-kdtalker.hf.space")),
        ("http://127.0.0.1:7860", Address(url="http://127.0.0.1:7860")),
        ("https://box.example/gpu/app/?x=1", Address(url="https://box.example/gpu/app")),
    ],
)
def test_an_address_is_a_name_or_a_url(written: str, address: Address) -> None:
    assert address_of(written) == address


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://owner-name.hf.space", True),
        ("https://huggingface.co/spaces/x/y", True),
        ("https://HuggingFace.co.", True),
        ("http://owner-name.hf.space", False),
        ("https://hf.space.example.org", False),
        ("https://evil-hf.space", False),
        ("https://huggingface.co.example.org", False),
        ("https://huggingface.co@example.org", False),
        ("http://127.0.0.1:7860", False),
        ("https://a1b2c3.gradio.live", False),
    ],
)
def test_only_hugging_face_is_sent_its_token(url: str, trusted: bool) -> None:
    assert is_hugging_face(url) is trusted


def test_a_space_is_found_by_its_name_and_called(app: Space, huggingface: HubServer) -> None:
    assert app.call(*COUNT) == "1"
    assert [path for path, _ in huggingface.requests] == [f"/api/spaces/{NAME}"]


def test_the_hub_is_sent_the_token_and_no_stored_one(
    app: Space, huggingface: HubServer, place: Bench, caller: Provider[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_storedOnThisMachine")
    app.call(*COUNT)
    Space(NAME, what="the workshop", context=place.context(caller), token=TOKEN).call(*COUNT)

    sent = [headers.get("authorization") for _, headers in huggingface.requests]
    assert sent == [None, f"Bearer {TOKEN.reveal()}"]


def test_a_private_space_is_found_with_its_token(
    huggingface: HubServer, place: Bench, caller: Provider[Any, Any]
) -> None:
    huggingface.spaces[NAME].token = TOKEN.reveal()

    assert Space(NAME, what="it", context=place.context(caller), token=TOKEN).call(*COUNT) == "1"


# -- what is not there -----------------------------------------------------------------------------


def test_a_space_that_is_not_there_or_private(app: Space, huggingface: HubServer) -> None:
    huggingface.spaces.clear()

    error = failing(app)

    assert isinstance(error, Unavailable)
    assert error.message == "Hugging Face has no Space where the workshop should be, or it is private"
    assert "HF_TOKEN" in error.remedy


def test_a_missing_space_as_the_real_hub_tells_it_to_strangers() -> None:
    """Over https a bare 401 means a missing repository too."""
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported lazily

    request = httpx2.Request("GET", "https://huggingface.co/api/spaces/nobody/nothing")
    answer = httpx2.Response(401, request=request, json={"error": "Invalid username or password."})
    with pytest.raises(RepositoryNotFoundError) as raised:
        hf_raise_for_status(answer)

    assert type(Faults("the workshop").of(raised.value)) is Unavailable


def test_a_name_that_no_space_can_have(app: Space) -> None:
    error = failing(Space("a--b/..c", what="the workshop", context=app._context))

    assert isinstance(error, Unavailable)


def test_a_token_that_the_hub_refuses(huggingface: HubServer, place: Bench, caller: Provider[Any, Any]) -> None:
    wrong = Secret("HF_TOKEN", "hf_wrongwrongwrong")

    error = failing(Space(NAME, what="the workshop", context=place.context(caller), token=wrong))

    assert isinstance(error, AuthFailed)
    assert error.message == "Hugging Face refused the token"
    assert "wrongwrong" not in str(error) + error.detail


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (500, Unavailable), (502, Busy), (503, Busy), (504, Busy)])
def test_a_hub_in_trouble(app: Space, huggingface: HubServer, status: int, kind: type[ProviderError]) -> None:
    huggingface.fault = (status, b"<html><title>Trouble</title></html>")

    error = failing(app)

    assert type(error) is kind
    assert error.message.startswith("Hugging Face")


def test_a_hub_that_answers_something_else(app: Space, huggingface: HubServer) -> None:
    huggingface.fault = (200, b"<html>captive portal</html>")

    assert isinstance(failing(app), Unavailable)


def test_a_hub_that_cannot_be_reached(app: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")

    error = failing(app)

    assert isinstance(error, Unavailable)
    assert error.message == "Hugging Face cannot be reached"
    assert app.probe().reason == error.message


def test_a_hub_that_must_not_be_asked(app: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    error = failing(app)

    assert isinstance(error, Unavailable)
    assert error.message == "Hugging Face cannot be reached"


# -- stages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("NO_APP_FILE", "the workshop has no app in it (Hugging Face says NO_APP_FILE)"),
        ("CONFIG_ERROR", "the workshop is wrongly configured (Hugging Face says CONFIG_ERROR)"),
        ("BUILD_ERROR", "the workshop could not be built (Hugging Face says BUILD_ERROR)"),
        ("RUNTIME_ERROR", "the workshop has crashed (Hugging Face says RUNTIME_ERROR)"),
        ("DELETING", "the workshop is being deleted (Hugging Face says DELETING)"),
        ("PAUSED", "the workshop was paused by its owner (Hugging Face says PAUSED)"),
    ],
)
def test_a_stage_that_no_waiting_helps(app: Space, huggingface: HubServer, stage: str, message: str) -> None:
    huggingface.spaces[NAME] = HubSpace(stages=[stage], words="Exit code: 1. Reason: <b>no</b> memory")

    error, health = failing(app), app.probe()

    assert isinstance(error, Unavailable)
    assert error.message == message
    assert error.detail == "Exit code: 1. Reason: no memory"
    assert (health.state, health.reason) == ("unavailable", message)


def test_a_space_that_sleeps_is_woken_and_the_time_is_remembered(
    app: Space, workshop: SpaceServer, huggingface: HubServer, place: Bench, caller: Provider[Any, Any]
) -> None:
    stages = ["SLEEPING", "APP_STARTING", "APP_STARTING", "RUNNING"]
    huggingface.spaces[NAME] = HubSpace(url=workshop.url, stages=stages)
    workshop.switch(config_status=503, config_times=8)  # two requests an attempt

    assert app.call(*COUNT) == "1"

    took = place.host(type(caller)).recall("waking_s")
    assert took is not None
    assert 0 < took < 30
    assert ("the workshop was asleep and is starting") in {message for _, _, message in place.progress}


def test_the_time_of_the_last_waking_is_told(
    app: Space, workshop: SpaceServer, huggingface: HubServer, place: Bench, caller: Provider[Any, Any]
) -> None:
    place.host(type(caller)).remember("waking_s", 42.0)
    huggingface.spaces[NAME] = HubSpace(url=workshop.url, stages=["SLEEPING"])

    health = app.probe()

    assert (health.state, health.reason) == ("degraded", "the workshop is asleep; waking it took 42 s last time")
    assert health.remedy
    assert workshop.http == [], "looking wakes nobody"


@pytest.mark.parametrize(("stage", "doing"), [("BUILDING", "being built"), ("APP_STARTING", "starting")])
def test_a_space_that_starts_is_told_as_such(app: Space, huggingface: HubServer, stage: str, doing: str) -> None:
    huggingface.spaces[NAME].stages = [stage]

    assert (app.probe().state, app.probe().reason) == ("degraded", f"the workshop is {doing}")


def test_building_is_not_waited_for_without_an_end(
    app: Space, huggingface: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "WAKE_S", 0.3)
    huggingface.spaces[NAME].stages = ["BUILDING"]

    error = failing(app)

    assert isinstance(error, Busy)
    assert "Hugging Face says BUILDING" in error.message


def test_building_is_waited_for_until_it_is_cancelled(
    app: Space, huggingface: HubServer, place: Bench, caller: Provider[Any, Any]
) -> None:
    huggingface.spaces[NAME].stages = ["BUILDING"]
    context = place.context(caller)
    times: list[float] = []

    def follow(done: float, total: float, message: str) -> None:
        assert message == "the workshop is being built"
        times.append(time.monotonic())
        context.cancel.set()

    with pytest.raises(Cancelled):
        Space(NAME, what="the workshop", context=context).call(*COUNT, progress=follow)

    assert time.monotonic() - times[0] < 1.0


def test_a_space_that_runs_while_it_is_built_anew_is_used(app: Space, huggingface: HubServer) -> None:
    huggingface.spaces[NAME].stages = ["RUNNING_BUILDING"]

    assert app.call(*COUNT) == "1"


def test_a_space_that_never_settles_is_given_up(
    app: Space, workshop: SpaceServer, huggingface: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SETTLE_S", 0.3)
    huggingface.spaces[NAME].stages = ["APP_STARTING", "RUNNING"]
    workshop.switch(config_status=503)

    assert isinstance(failing(app), Busy)


# -- health ----------------------------------------------------------------------------------------


def test_a_space_that_is_awake_is_ready_and_tells_its_endpoints(app: Space, workshop: SpaceServer) -> None:
    health = app.probe()
    asked = len(workshop.http)

    assert (health.state, health.reason) == ("ready", "")
    assert "/count" in app.endpoints()
    assert len(workshop.http) == asked, "the signature came with the check"
    assert workshop.requests == []


def test_health_of_an_app_that_wants_another_token(app: Space, workshop: SpaceServer) -> None:
    workshop.switch(config_status=401)

    health = app.probe()

    assert health.state == "unavailable"
    assert "HF_TOKEN" in health.remedy


def test_what_is_left_of_the_quota_is_told_where_the_hub_tells(
    huggingface: HubServer, place: Bench, caller: Provider[Any, Any]
) -> None:
    huggingface.spaces[NAME].hardware = "zero-a10g"
    huggingface.quota = {"base": 300, "current": 123, "resetsAt": "2026-07-02T08:00:00Z", "overquotaUsed": 0}

    health = Space(NAME, what="the workshop", token=TOKEN).probe()

    assert health.state == "ready"
    assert health.reason == "Hugging Face tells 123 of 300 s of GPU quota, new at 2026-07-02 08:00 UTC"


@pytest.mark.parametrize(
    "answer", [None, {"detail": "moved"}, {"base": "many", "current": 1}, {"base": 1, "current": 1, "resetsAt": "soon"}]
)
def test_a_quota_that_is_not_told_is_not_guessed(huggingface: HubServer, answer: dict[str, Any] | None) -> None:
    huggingface.quota = answer

    assert hub.zero_gpu_quota(TOKEN) is None


def test_nobody_is_asked_for_a_quota_without_a_token_or_a_gpu(huggingface: HubServer) -> None:
    huggingface.quota = {"base": 300, "current": 123}
    Space(NAME, what="the workshop", token=TOKEN).probe()
    huggingface.spaces[NAME].hardware = "zero-a10g"
    Space(NAME, what="the workshop").probe()

    assert "quota" not in json.dumps(huggingface.requests)
