from __future__ import annotations

import pytest
from coursewright.capabilities.llm import LlmRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_llm_outline.provider import OutlineScript

NOTES = (
    "# Tides\n\nThe Moon pulls the sea. The Earth turns under it.\n\n## Twice a day\n\nSo there are two tides a day.\n"
)


class TestOutlineScript(ProviderContract):
    @pytest.fixture
    def provider(self) -> OutlineScript:
        return OutlineScript()

    @pytest.fixture
    def valid_request(self, bench: Bench) -> LlmRequest:
        return LlmRequest(data={"notes": NOTES, "minutes": 3, "language": "en"}, returns="script")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[LlmRequest]:
        return [LlmRequest(data={"notes": " "}, returns="script")]
