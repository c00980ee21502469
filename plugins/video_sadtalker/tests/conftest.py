"""SadTalker's page in both revisions, each started once, and a bench with a portrait and a narration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.kit import health
from coursewright.run.context import RequestContext
from coursewright.testing import Bench, bench
from coursewright.testing.portraits import photo
from coursewright.testing.standins import sounds
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright_video_sadtalker.options import SadTalkerOptions, SadTalkerService
from coursewright_video_sadtalker.provider import SadTalkerVideo


class Studio:
    """What is asked of SadTalker, and by whom."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def request(self, text: str = "So it is.", **fields: Any) -> ClipRequest:
        sound = sounds.wav(sounds.hum(text, rate_hz=16_000), 16_000)
        given = {
            "portrait": self.bench.store.put_bytes(photo(), name="portrait.png", media_type="image/png"),
            "audio": self.bench.store.put_bytes(sound, name="speech.wav", media_type="audio/wav"),
            "width_px": 128,
            "height_px": 160,
            **fields,
        }
        return ClipRequest(**given)

    def provider(self, address: str, **options: Any) -> SadTalkerVideo:
        host = self.bench.host(SadTalkerVideo)
        return SadTalkerVideo(SadTalkerOptions(**options), service=SadTalkerService(address=address), host=host)

    def context(self, address: str, *, timeout_s: float = 60.0) -> RequestContext:
        return self.bench.context(self.provider(address), timeout_s=timeout_s)

    def clip(self, server: SpaceServer, text: str = "So it is.", **options: Any) -> Clip:
        return self.provider(server.url, **options).run(self.request(text), self.context(server.url))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("workshop")) as made:
        yield made


@pytest.fixture
def studio(workshop: Bench, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Without memories of other tests."""
    health.forget()
    workshop.progress.clear()
    monkeypatch.setattr(SadTalkerVideo, "version", request.node.name)
    return Studio(workshop)


@pytest.fixture(scope="session")
def page_server() -> Iterator[SpaceServer]:
    with space("sadtalker") as server:
        yield server


@pytest.fixture
def page(page_server: SpaceServer) -> SpaceServer:
    """The project's own page, as Gradio 4 and 5 answer."""
    page_server.reset()
    return page_server


@pytest.fixture(scope="session")
def sixteen_server() -> Iterator[SpaceServer]:
    with space("sadtalker", line="space", shape="str") as server:
        yield server


@pytest.fixture
def sixteen(sixteen_server: SpaceServer) -> SpaceServer:
    """The page of SadTalker's Space with its sixteen inputs, as Gradio 6 answers."""
    sixteen_server.reset()
    return sixteen_server
