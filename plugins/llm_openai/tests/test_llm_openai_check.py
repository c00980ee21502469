"""What `check()` tells of each state of a server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from coursewright.providers import Health
from coursewright.testing.standins.chat import ChatServer
from coursewright_llm_openai.provider import OpenAIChat

Serving = Callable[..., ChatServer]
ProviderOf = Callable[..., OpenAIChat]
KEY = "sk-0123456789-not-a-real-key"


@pytest.mark.parametrize("personality", ["llama.cpp", "ollama", "vllm"])
def test_a_server_that_runs_is_ready(serving: Serving, provider_of: ProviderOf, personality: str) -> None:
    server = serving(personality)

    assert provider_of(server).check() == Health()
    assert server.chats == [], "asking must not make a model work"


@pytest.mark.parametrize("url", ["{base}", "{base}/v1", "{base}/v1/", "{base}/v1/chat/completions"])
def test_the_address_is_understood_with_and_without_v1(serving: Serving, provider_of: ProviderOf, url: str) -> None:
    base = serving().url.removesuffix("/v1")

    assert provider_of(url.format(base=base)).check() == Health()


def test_the_answer_is_kept_for_a_minute(serving: Serving, provider_of: ProviderOf) -> None:
    server = serving()
    provider = provider_of(server)

    provider.check()
    asked = len(server.requests)
    provider.check()

    assert len(server.requests) == asked


def test_503_while_a_model_loads_is_starting(serving: Serving, provider_of: ProviderOf) -> None:
    health = provider_of(serving(starting_s=3600)).check()

    assert health.state == "degraded"
    assert "starting" in health.reason


@pytest.mark.parametrize("personality", ["llama.cpp", "vllm"])
def test_a_wrong_key_is_told(serving: Serving, provider_of: ProviderOf, personality: str) -> None:
    health = provider_of(serving(personality, key="another"), key=True).check()

    assert health.state == "unavailable"
    assert "refused the key OPENAI_API_KEY" in health.reason
    assert "COURSEWRIGHT_SECRET_OPENAI_API_KEY" in health.remedy


@pytest.mark.parametrize("personality", ["llama.cpp", "vllm"])
def test_a_missing_key_is_asked_for(serving: Serving, provider_of: ProviderOf, personality: str) -> None:
    health = provider_of(serving(personality, key=KEY)).check()

    assert health.state == "unavailable"
    assert "wants a key" in health.reason
    assert "COURSEWRIGHT_SECRET_OPENAI_API_KEY" in health.remedy


@pytest.mark.parametrize("personality", ["llama.cpp", "ollama", "vllm"])
def test_the_right_key_is_ready(serving: Serving, provider_of: ProviderOf, personality: str) -> None:
    assert provider_of(serving(personality, key=KEY), key=True).check() == Health()


def test_an_unknown_model_is_named_with_those_that_there_are(serving: Serving, provider_of: ProviderOf) -> None:
    health = provider_of(serving("ollama"), model="huge:400b").check()

    assert health.state == "unavailable"
    assert "'huge:400b'; it has llama3.2:latest, qwen3:8b" in health.reason


def test_ollama_knows_a_model_without_its_tag(serving: Serving, provider_of: ProviderOf) -> None:
    assert provider_of(serving("ollama"), model="llama3.2").check() == Health()


def test_llama_cpp_takes_any_name_for_its_only_model(serving: Serving, provider_of: ProviderOf) -> None:
    assert provider_of(serving("llama.cpp"), model="gpt-4o").check() == Health()


def test_a_long_list_of_models_is_told_in_part(serving: Serving, provider_of: ProviderOf) -> None:
    health = provider_of(serving("vllm", models=[f"model-{n}" for n in range(40)]), model="none").check()

    assert "model-7 and 32 more" in health.reason


def test_nobody_there_is_unavailable(provider_of: ProviderOf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    health = provider_of(f"http://127.0.0.1:{port}").check()

    assert health.state == "unavailable"
    assert health.reason == f"the chat server at 127.0.0.1:{port} is not running there"


@pytest.mark.parametrize("url", ["", "localhost:11434", "http://["])
def test_an_address_that_is_none_is_unavailable(provider_of: ProviderOf, url: str) -> None:
    health = provider_of(url).check()

    assert health.state == "unavailable"
    assert "no web address" in health.reason


def test_a_server_that_is_silent_is_given_up_in_time(provider_of: ProviderOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursewright_llm_openai.provider._CHECK_S", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        health = provider_of(f"http://127.0.0.1:{silent.getsockname()[1]}").check()

    assert health.state == "unavailable"
    assert time.monotonic() - started < 2


def test_a_server_that_does_not_list_its_models(serving: Serving, provider_of: ProviderOf) -> None:
    elsewhere = serving().url + "/v1"  # where it answers 404

    assert provider_of(elsewhere, model="gpt").check().state == "degraded"
    assert provider_of(elsewhere).check().remedy == "check its address, or name a model in `model`"
