from __future__ import annotations

import io
import wave

import pytest
from coursewright.capabilities.tts import Speech
from coursewright.capabilities.video import ClipRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_video_portrait.provider import PortraitVideo

RATE_HZ = 22_050


def silence(seconds: float) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(bytes(2 * round(seconds * RATE_HZ)))
    return data.getvalue()


class TestPortraitVideo(ProviderContract):
    @pytest.fixture
    def provider(self) -> PortraitVideo:
        return PortraitVideo()

    @pytest.fixture
    def valid_request(self, bench: Bench) -> ClipRequest:
        audio = bench.store.put_bytes(silence(0.5), name="speech.wav", media_type="audio/wav")
        speech = Speech(audio=audio, duration_s=0.5, text="So.")
        return ClipRequest(speech=speech, width_px=128, height_px=160, fps=10, lead_s=0, tail_s=0)

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> list[ClipRequest]:
        return [ClipRequest()]
