"""The service's stand-ins, and a bench that has its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech
from coursewright.kit import health
from coursewright.testing import Bench, bench
from coursewright.testing.standins import sounds
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright.testing.standins.zyphra import KEY, ZyphraServer, voice_hz, zyphra_server
from coursewright_tts_zyphra.options import ZyphraOptions, ZyphraService
from coursewright_tts_zyphra.provider import ZyphraVoice

Make = Callable[..., ZyphraVoice]
WORDS = "We are recording a sample of this voice, calmly and clearly, so that others may hear it again. "


@pytest.fixture(autouse=True)
def _fresh_health() -> None:
    health.forget()


@pytest.fixture(name="bench")
def bench_with_key(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, secrets={"ZYPHRA_API_KEY": KEY}) as made:
        yield made


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
def legacy(server: ZyphraServer, bench: Bench) -> Make:
    """A provider with these options at the older service."""
    return making(bench, server.url)


@pytest.fixture
def cloud(server: ZyphraServer, bench: Bench) -> Make:
    return making(bench, server.cloud_url)


@pytest.fixture
def at_home(zonos: SpaceServer, bench: Bench) -> Make:
    return making(bench, zonos.url)


def making(on: Bench, url: str, **service: Any) -> Make:
    def make(**options: Any) -> ZyphraVoice:
        return ZyphraVoice(
            ZyphraOptions(**options), service=ZyphraService(url=url, **service), host=on.host(ZyphraVoice)
        )

    return make


@pytest.fixture
def sample(bench: Bench) -> Artifact:
    return voice_sample(bench)


def voice_sample(on: Bench, words: str = WORDS) -> Artifact:
    """About 6 s that pass for somebody's voice. Other words are another voice."""
    data = sounds.wav(sounds.hum(words), 24_000)
    return on.store.put_bytes(data, name="voice.wav", media_type="audio/wav")


def heard_hz(speech: Speech, on: Bench) -> float:
    """The tone of the stand-ins' voice in a speech: its strongest above 850 Hz, where only that tone is loud."""
    samples, rate = samples_of(speech, on)
    spectrum = np.abs(np.fft.rfft(samples))
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum[frequencies < 850] = 0
    spectrum[frequencies > 3_000] = 0
    return float(frequencies[np.argmax(spectrum)])


def samples_of(speech: Speech, on: Bench) -> tuple[np.ndarray, int]:
    import wave

    with wave.open(str(on.store.fetch(speech.audio))) as wav:
        assert (wav.getnchannels(), wav.getsampwidth()) == (1, 2)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(float), wav.getframerate()


OWN_HZ = voice_hz(b"")
