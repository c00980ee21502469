from __future__ import annotations

from pathlib import Path

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import SpeechRequest
from coursewright.run.processes import Processes
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright.testing.standins.spaces import SpaceServer
from coursewright.testing.standins.zyphra import KEY, ZyphraServer
from coursewright_tts_zyphra.provider import ZyphraVoice


class OfAVoice(ProviderContract):
    @pytest.fixture
    def bench(self, tmp_path: Path, processes: Processes) -> Bench:
        folder = tmp_path / "bench"
        folder.mkdir()
        return Bench(folder, processes, {"ZYPHRA_API_KEY": KEY})

    @pytest.fixture
    def valid_request(self, bench: Bench, sample: Artifact) -> SpeechRequest:
        return SpeechRequest(text="The tide rises twice a day.", voice=sample)

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[SpeechRequest]:
        silence = bench.store.put_bytes(b"no sound at all", name="voice.wav", media_type="audio/wav")
        return [SpeechRequest(text="…"), SpeechRequest(text="Two words.", voice=silence)]


class TestLegacy(OfAVoice):
    @pytest.fixture
    def provider(self, server: ZyphraServer, bench: Bench) -> ZyphraVoice:
        return ZyphraVoice(service=ZyphraVoice.Service(url=server.url), host=bench.host(ZyphraVoice))


class TestCloud(OfAVoice):
    @pytest.fixture
    def provider(self, server: ZyphraServer, bench: Bench) -> ZyphraVoice:
        return ZyphraVoice(service=ZyphraVoice.Service(url=server.cloud_url), host=bench.host(ZyphraVoice))


class TestZonos(OfAVoice):
    @pytest.fixture
    def provider(self, zonos: SpaceServer, bench: Bench) -> ZyphraVoice:
        return ZyphraVoice(service=ZyphraVoice.Service(url=zonos.url), host=bench.host(ZyphraVoice))
