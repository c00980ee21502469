"""KDTalker's Spaces of both lines, each started once when first needed, and a bench with a portrait and a narration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.kit import health
from coursewright.run.context import RequestContext
from coursewright.testing import Bench, bench
from coursewright.testing.portraits import photo
from coursewright.testing.standins import sounds
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright_video_kdtalker.provider import KDTalkerOptions, KDTalkerService, KDTalkerVideo

RATE_HZ = 16_000
SMALL = 128
"""The stand-in's pictures, in most tests: a sixteenth of the real ones'."""


class Studio:
    """What is asked of KDTalker, and by whom."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def photo(self, **given: Any) -> Artifact:
        return self.bench.store.put_bytes(photo(**given), name="portrait.png", media_type="image/png")

    def speech(self, text: str) -> Speech:
        return self.speech_of(sounds.hum(text, rate_hz=RATE_HZ), text)

    def speech_of(self, samples: np.ndarray, text: str = "So.") -> Speech:
        audio = self.bench.store.put_bytes(sounds.wav(samples, RATE_HZ), name="s.wav", media_type="audio/wav")
        return Speech(audio=audio, duration_s=len(samples) / RATE_HZ, text=text)

    def request(self, text: str = "The tide comes in.", **fields: Any) -> ClipRequest:
        given = {"portrait": self.photo(), "speech": self.speech(text), "width_px": 128, "height_px": 160, **fields}
        return ClipRequest(**given)

    def provider(self, server: SpaceServer | str, **options: Any) -> KDTalkerVideo:
        address = server if isinstance(server, str) else server.url
        host = self.bench.host(KDTalkerVideo)
        return KDTalkerVideo(KDTalkerOptions(**options), service=KDTalkerService(address=address), host=host)

    def context(self, server: SpaceServer, *, timeout_s: float = 60.0) -> RequestContext:
        return self.bench.context(self.provider(server), timeout_s=timeout_s)

    def clip(self, server: SpaceServer, text: str = "The tide comes in.", **options: Any) -> Clip:
        return self.provider(server, **options).run(self.request(text), self.context(server))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One bench for all, because its worker process takes a second to start."""
    with bench(tmp_path_factory.mktemp("workshop"), secrets={"HF_TOKEN": "hf_secret"}) as made:
        yield made


@pytest.fixture
def studio(workshop: Bench, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Without memories of other tests."""
    health.forget()
    workshop.progress.clear()
    monkeypatch.setattr(KDTalkerVideo, "version", request.node.name)
    return Studio(workshop)


@pytest.fixture(scope="session")
def infer_server() -> Iterator[SpaceServer]:
    with space("kdtalker", size=SMALL, at_once=2) as server:
        yield server


@pytest.fixture
def infer(infer_server: SpaceServer) -> SpaceServer:
    """fffiloni's line, as Gradio 5 answers."""
    infer_server.reset()
    return infer_server


@pytest.fixture(scope="session")
def generate_server() -> Iterator[SpaceServer]:
    with space("kdtalker", line="generate", shape="str", size=SMALL) as server:
        yield server


@pytest.fixture
def generate(generate_server: SpaceServer) -> SpaceServer:
    """The authors' line, as Gradio 6 answers."""
    generate_server.reset()
    return generate_server
