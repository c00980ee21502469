from __future__ import annotations

import pytest
from coursewright.capabilities.llm import LlmRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright.testing.standins.spaces import SpaceServer
from coursewright_llm_llama.provider import LlamaService, LlamaSpace


class TestLlamaSpace(ProviderContract):
    @pytest.fixture
    def provider(self, llama: SpaceServer, bench: Bench) -> LlamaSpace:
        return LlamaSpace(service=LlamaService(address=llama.url), host=bench.host(LlamaSpace))

    @pytest.fixture
    def valid_request(self, bench: Bench) -> LlmRequest:
        return LlmRequest(prompt="Why are there two tides a day?")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[LlmRequest]:
        return [LlmRequest(prompt=" "), LlmRequest(prompt="Write.", data={"minutes": "ten"})]


class TestLlamaSpaceThatThinksForLong(TestLlamaSpace):
    """All waiting: what stops, and what keeps its deadline, does so in the middle of an answer."""

    @pytest.fixture
    def provider(self, llama: SpaceServer, bench: Bench) -> LlamaSpace:
        llama.switch(first_token_s=0.5)
        return LlamaSpace(service=LlamaService(address=llama.url), host=bench.host(LlamaSpace))
