from __future__ import annotations

from pathlib import Path

import pytest
from coursewright.capabilities.tts import SpeechRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright.testing.standins.piper_voice import make_voice
from coursewright_tts_piper.provider import PiperNarration, PiperService


class TestPiperNarration(ProviderContract):
    @pytest.fixture
    def provider(self, tmp_path: Path) -> PiperNarration:
        make_voice(tmp_path / "voices")
        return PiperNarration(service=PiperService(voices_dir=str(tmp_path / "voices")))

    @pytest.fixture
    def valid_request(self, bench: Bench) -> SpeechRequest:
        return SpeechRequest(text="The tide rises twice a day.")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[SpeechRequest]:
        return [SpeechRequest(text="…")]
