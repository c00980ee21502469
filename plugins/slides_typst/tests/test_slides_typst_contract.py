from __future__ import annotations

import pytest
from coursewright.capabilities.llm import Scene
from coursewright.capabilities.slides import SlideRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_slides_typst.provider import TypstSlides


class TestTypstSlides(ProviderContract):
    @pytest.fixture
    def provider(self) -> TypstSlides:
        return TypstSlides()

    @pytest.fixture
    def valid_request(self, bench: Bench) -> SlideRequest:
        scene = Scene(id="tides", title="Why there are tides", bullets=["The Moon pulls"], narration="So.")
        return SlideRequest(scene=scene, footer="The sea", width_px=640, height_px=360)

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[SlideRequest]:
        picture = bench.store.put_bytes(b"no picture", name="picture.png", media_type="image/png")
        return [SlideRequest(scene=Scene(id="tides", title="Tides", narration="So.", image=picture))]
