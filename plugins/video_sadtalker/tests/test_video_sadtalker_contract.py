from __future__ import annotations

import pytest
from coursewright.capabilities.video import ClipRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright.testing.portraits import photo
from coursewright.testing.standins import sounds
from coursewright.testing.standins.spaces import SpaceServer
from coursewright_video_sadtalker.options import SadTalkerService
from coursewright_video_sadtalker.provider import SadTalkerVideo


class TestSadTalkerVideo(ProviderContract):
    @pytest.fixture
    def provider(self, page: SpaceServer) -> SadTalkerVideo:
        return SadTalkerVideo(service=SadTalkerService(address=page.url))

    @pytest.fixture
    def valid_request(self, bench: Bench) -> ClipRequest:
        audio = sounds.wav(sounds.hum("So it is.", rate_hz=16_000), 16_000)
        return ClipRequest(
            portrait=bench.store.put_bytes(photo(), name="portrait.png", media_type="image/png"),
            audio=bench.store.put_bytes(audio, name="speech.wav", media_type="audio/wav"),
            width_px=128,
            height_px=160,
        )

    @pytest.fixture
    def bad_requests(self, bench: Bench, valid_request: ClipRequest) -> list[ClipRequest]:
        room = bench.store.put_bytes(photo(people=0), name="room.png", media_type="image/png")
        return [
            ClipRequest(),
            ClipRequest(portrait=valid_request.portrait),
            ClipRequest(portrait=room, audio=valid_request.audio),
            ClipRequest(portrait=valid_request.portrait, audio=room),
        ]
