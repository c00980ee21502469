from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from coursewright.capabilities.tts import SpeechRequest
from coursewright.testing import Bench, bench
from coursewright.testing.contract import ProviderContract
from coursewright.testing.standins.speech import StandIn, speech_server
from coursewright_tts_openai.provider import SpeechServer, SpeechService

KEY = "speech-key-of-the-contract-test"


class Contract(ProviderContract):
    """The provider against one server, with a key where that server is given one."""

    personality = ""
    key = ""

    @pytest.fixture
    def server(self) -> Iterator[StandIn]:
        with speech_server(self.personality, key=self.key) as server:
            yield server

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        folder = tmp_path / "bench"
        folder.mkdir()
        with bench(folder, secrets={"OPENAI_SPEECH_API_KEY": self.key} if self.key else None) as made:
            yield made

    @pytest.fixture
    def provider(self, server: StandIn, bench: Bench) -> SpeechServer:
        return SpeechServer(service=SpeechService(url=server.url), host=bench.host(SpeechServer))

    @pytest.fixture
    def valid_request(self, bench: Bench) -> SpeechRequest:
        return SpeechRequest(text="The tide rises twice a day.")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[SpeechRequest]:
        return [SpeechRequest(text="…")]


class TestKokoro(Contract):
    personality = "kokoro"


class TestSpeachesWithKey(Contract):
    personality = "speaches"
    key = KEY


class TestZonos2(Contract):
    personality = "zonos2"

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[SpeechRequest]:
        noise = bench.store.put_bytes(b"this is no sound", name="me.wav", media_type="audio/wav")
        return [SpeechRequest(text="…"), SpeechRequest(text="Good morning.", voice=noise)]


class TestServerThatDoesNotAnswer(Contract):
    """All waiting, as for a model that is being loaded."""

    personality = "localai"

    @pytest.fixture
    def server(self) -> Iterator[StandIn]:
        with speech_server(self.personality, delay_s=0.4) as server:
            yield server
