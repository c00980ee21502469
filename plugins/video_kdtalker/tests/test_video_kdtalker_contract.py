from __future__ import annotations

import numpy as np
import pytest
from coursewright.capabilities.video import ClipRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright.testing.portraits import photo
from coursewright.testing.standins import sounds
from coursewright.testing.standins.spaces import SpaceServer
from coursewright_video_kdtalker.provider import KDTalkerService, KDTalkerVideo


class TestKDTalkerVideo(ProviderContract):
    @pytest.fixture
    def provider(self, infer: SpaceServer) -> KDTalkerVideo:
        return KDTalkerVideo(service=KDTalkerService(address=infer.url))

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
        nothing = bench.store.put_bytes(
            sounds.wav(np.zeros(0, np.float32), 16_000), name="n.wav", media_type="audio/wav"
        )
        text = bench.store.put_bytes(b"text", name="portrait.png", media_type="image/png")
        return [
            ClipRequest(),
            ClipRequest(portrait=valid_request.portrait),
            ClipRequest(portrait=room, audio=valid_request.audio),
            ClipRequest(portrait=text, audio=valid_request.audio),
            ClipRequest(portrait=valid_request.portrait, audio=nothing),
        ]
