from __future__ import annotations

import pytest
from coursewright.capabilities.tts import SpeechRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_tts_espeak.provider import EspeakVoice


class TestEspeakVoice(ProviderContract):
    @pytest.fixture
    def provider(self) -> EspeakVoice:
        return EspeakVoice()

    @pytest.fixture
    def valid_request(self, bench: Bench) -> SpeechRequest:
        return SpeechRequest(text="The tide rises twice a day.")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[SpeechRequest]:
        return [SpeechRequest(text="…")]
