from __future__ import annotations

from collections.abc import Callable

import pytest
from coursewright.capabilities.llm import LlmRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright.testing.standins.chat import ChatServer
from coursewright_llm_openai.provider import OpenAIChat


class TestOpenAIChat(ProviderContract):
    @pytest.fixture(params=["llama.cpp", "ollama", "vllm"])
    def server(self, request: pytest.FixtureRequest, serving: Callable[..., ChatServer]) -> ChatServer:
        return serving(request.param)

    @pytest.fixture
    def provider(self, server: ChatServer) -> OpenAIChat:
        return OpenAIChat(service=OpenAIChat.Service(url=server.url))

    @pytest.fixture
    def valid_request(self, bench: Bench) -> LlmRequest:
        return LlmRequest(prompt="Greet the class in one sentence.", returns="text")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[LlmRequest]:
        return [LlmRequest(prompt=" ", returns="text")]
