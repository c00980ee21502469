"""The service's stand-ins, and a bench that has its key."""

from __future__ import annotations

import functools
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech
from coursewright.kit import health
from coursewright.run.processes import Processes
from coursewright.testing import Bench
from coursewright.testing.standins import sounds
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright.testing.standins.zyphra import KEY, ZyphraServer, zyphra_server
from coursewright_tts_zyphra.options import Api, ZyphraOptions, ZyphraService
from coursewright_tts_zyphra.provider import ZyphraVoice

Make = Callable[..., ZyphraVoice]
WORDS = "We are recording a sample of this voice, calmly and clearly, so that others may hear it again. "


@pytest.fixture(autouse=True)
def _fresh_health() -> None:
    health.forget()


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """Shared: a worker that has imported its libraries takes a tenth of the time of a new one."""
    made = Processes(1)
    yield made
    made.close()


@pytest.fixture
def bench(tmp_path: Path, processes: Processes) -> Bench:
    """With the key."""
    folder = tmp_path / "bench"
    folder.mkdir()
    return Bench(folder, processes, {"ZYPHRA_API_KEY": KEY})


@pytest.fixture
def server() -> Iterator[ZyphraServer]:
    with zyphra_server() as running:
        yield running


@pytest.fixture(scope="session")
def _zonos() -> Iterator[SpaceServer]:
    with space("zonos") as running:
        yield running


@pytest.fixture
def zonos(_zonos: SpaceServer) -> SpaceServer:
    _zonos.reset()
    return _zonos


@pytest.fixture
def made(bench: Bench) -> Make:
    """A provider with these options, at the address `at`, which speaks `api`."""

    def make(at: str, api: Api = "auto", **options: Any) -> ZyphraVoice:
        service = ZyphraService(url=at, api=api)
        return ZyphraVoice(ZyphraOptions(**options), service=service, host=bench.host(ZyphraVoice))

    return make


@pytest.fixture
def legacy(server: ZyphraServer, made: Make) -> Make:
    """A provider with these options, at the older service."""
    return functools.partial(made, server.url, "legacy")


@pytest.fixture
def cloud(server: ZyphraServer, made: Make) -> Make:
    return functools.partial(made, server.cloud_url, "cloud")


@pytest.fixture
def at_home(zonos: SpaceServer, made: Make) -> Make:
    return functools.partial(made, zonos.url)


@pytest.fixture
def sample(bench: Bench) -> Artifact:
    """About 6 s that pass for somebody's voice."""
    data = sounds.wav(sounds.hum(WORDS), 24_000)
    return bench.store.put_bytes(data, name="voice.wav", media_type="audio/wav")


@pytest.fixture
def heard_hz(bench: Bench) -> Callable[[Speech], float]:
    """The tone of the stand-ins' voice in a speech: the strongest above 850 Hz, where nothing else is loud."""

    def heard(speech: Speech) -> float:
        with wave.open(str(bench.store.fetch(speech.audio))) as wav:
            assert (wav.getnchannels(), wav.getsampwidth()) == (1, 2)
            samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(float)
            frequencies = np.fft.rfftfreq(len(samples), 1 / wav.getframerate())
        spectrum = np.where((frequencies > 850) & (frequencies < 3_000), np.abs(np.fft.rfft(samples)), 0)
        return float(frequencies[np.argmax(spectrum)])

    return heard
