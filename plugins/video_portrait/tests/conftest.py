"""A small studio: a voice-like buzz for speech, the drawn presenter as a photo, clips decoded again."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import msgspec
import numpy as np
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Phoneme, Speech, Timings
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.testing import Bench, bench
from coursewright_video_portrait.drawing import eyes_shapes, mouth_shapes
from coursewright_video_portrait.drawn import render
from coursewright_video_portrait.planes import Picture
from coursewright_video_portrait.presenter import presenter
from coursewright_video_portrait.provider import PortraitVideo
from coursewright_video_portrait.svg import read_svg

RATE_HZ = 16_000


class Studio:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def image(self, data: bytes) -> Artifact:
        return self.bench.store.put_bytes(data, name="portrait", media_type="image/png")

    def audio(self, data: bytes) -> Artifact:
        return self.bench.store.put_bytes(data, name="speech.wav", media_type="audio/wav")

    def tone(self, seconds: float, *, loud: tuple[float, float] = (0.0, 60.0)) -> bytes:
        """A WAV of a buzz of 120 Hz with its harmonics that sounds from `loud[0]` to `loud[1]`."""
        times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        buzz = np.sum([np.sin(2 * np.pi * 120 * part * times) / part for part in range(1, 30)], axis=0)
        heard = 6000 * buzz * ((times >= loud[0]) & (times < loud[1]))
        file = io.BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(RATE_HZ)
            wav.writeframes(heard.astype("<i2").tobytes())
        return file.getvalue()

    def speech(self, sounds: list[tuple[str, float]], seconds: float, loud: tuple[float, float]) -> Speech:
        timings = msgspec.json.encode(Timings(phonemes=[Phoneme(symbol, start_s) for symbol, start_s in sounds]))
        return Speech(
            audio=self.audio(self.tone(seconds, loud=loud)),
            duration_s=seconds,
            text="Ah moo.",
            timings=self.bench.store.put_bytes(timings, name="timings.json", media_type="application/json"),
        )

    def clip(self, options: msgspec.Struct | None = None, **request: Any) -> Clip:
        clip: Clip = self.bench.serve(PortraitVideo(options), ClipRequest(**request))
        return clip

    def frames(self, clip: Clip) -> list[Picture]:
        with av.open(str(self.bench.store.fetch(clip.video))) as container:
            return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]

    def sound(self, clip: Clip) -> np.ndarray:
        with av.open(str(self.bench.store.fetch(clip.video))) as container:
            return np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for all files, because its worker process takes a second to start."""
    with bench(tmp_path_factory.mktemp("studio")) as made:
        yield Studio(made)


@pytest.fixture(scope="session")
def speech(studio: Studio) -> Speech:
    """One second: an open vowel from 0.2 to 0.5 s, shut lips to 0.65 s, a round vowel to 0.9 s."""
    sounds = [("_", 0.0), ("'A:", 0.2), ("m", 0.5), ("'u:", 0.65), ("_", 0.9)]
    return studio.speech(sounds, 1.0, (0.2, 0.9))


@pytest.fixture(scope="session")
def face() -> Picture:
    """480 × 600: a face whose eyes are at (190, 262) and (290, 262) and whose mouth is at (240, 352)."""
    drawing = read_svg(presenter().encode())
    assert drawing.mouth is not None
    assert drawing.eyes is not None
    svg = drawing.svg(mouth=mouth_shapes(drawing.mouth, 0, 0), eyes=eyes_shapes(drawing.eyes, 0))
    (picture,) = render([(svg, 480, 600)])
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5), np.uint8)


@pytest.fixture(scope="session")
def photo(face: Picture) -> bytes:
    return cv2.imencode(".png", face)[1].tobytes()


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parents[3]
