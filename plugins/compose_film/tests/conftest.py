"""A small stage: tones for speech, plain colours for slides, moving colours for presenters."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.compose import Film, FilmRequest
from coursewright.capabilities.llm import Scene, Script
from coursewright.capabilities.slides import Box, Slide
from coursewright.capabilities.tts import Speech
from coursewright.capabilities.video import Clip
from coursewright.testing import Bench, bench
from coursewright_compose_film.provider import FilmComposer, FilmOptions

WIDTH, HEIGHT = 320, 180
BOX = Box(x_px=220, y_px=40, width_px=80, height_px=100)


def tone(seconds: float, *, hz: float = 440, rate_hz: int = 22_050, level: float = 0.2) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return level * np.sin(2 * np.pi * hz * t)


def wav(samples: np.ndarray, rate_hz: int = 22_050) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return out.getvalue()


def encode(
    frames: Sequence[tuple[int, np.ndarray]],
    *,
    codec: str = "libx264",
    container: str = "mp4",
    time_base: Fraction = Fraction(1, 25),
    tagged: bool = True,
) -> bytes:
    """(pts, RGB picture) of each frame as a video file; `tagged` says that it is BT.709."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0][1].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = time_base
        if tagged:
            cc = stream.codec_context
            cc.colorspace = cc.color_primaries = cc.color_trc = cc.color_range = 1
        for pts, picture in frames:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709" if tagged else "ITU601")
            frame.pts, frame.time_base = pts, time_base
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def plain(colour: tuple[int, int, int], width: int = 80, height: int = 100) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


class Stage:
    """Makes what a film is made of, and films."""

    box = BOX
    tone = staticmethod(tone)
    wav = staticmethod(wav)
    encode = staticmethod(encode)
    plain = staticmethod(plain)

    def __init__(self, work: Bench) -> None:
        self.work = work
        self.store = work.store

    def put(self, data: bytes, media_type: str) -> Artifact:
        return self.store.put_bytes(data, name="test", media_type=media_type)

    def speech(self, data: bytes | float = 1.0, **options: Any) -> Speech:
        """Of a file's bytes, or a tone of so many seconds."""
        if not isinstance(data, bytes):
            data = wav(tone(data, **options))
        return Speech(audio=self.put(data, "audio/wav"), duration_s=1.0, text="Spoken.")

    def slide(self, colour: tuple[int, int, int], *, box: Box | None = None, width: int = WIDTH) -> Slide:
        out = io.BytesIO()
        picture = plain(colour, width, HEIGHT)
        with av.open(out, "w", format="image2pipe") as file:
            stream: Any = file.add_stream("png", rate=1)
            stream.width, stream.height, stream.pix_fmt = width, HEIGHT, "rgb24"
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        image = self.put(out.getvalue(), "image/png")
        return Slide(image=image, width_px=width, height_px=HEIGHT, presenter_box=box)

    def clip(self, data: bytes, *, seconds: float, lead_s: float = 0.36, fps: float = 25) -> Clip:
        video = self.put(data, "video/mp4")
        return Clip(video=video, duration_s=seconds, width_px=80, height_px=100, fps=fps, lead_s=lead_s)

    def script(self, scenes: int, narration: str = "One two three. Four five, six.") -> Script:
        made = [Scene(id=f"scene-{n}", title=f"Scene {n}", narration=narration) for n in range(scenes)]
        return Script(title="A film & its <parts>", scenes=made)

    def request(self, speech: list[Speech], **lists: Any) -> FilmRequest:
        return FilmRequest(script=lists.pop("script", self.script(len(speech))), speech=speech, **lists)

    def film(self, request: FilmRequest, **options: Any) -> Film:
        film: Film = self.work.serve(FilmComposer(FilmOptions(**options)), request)
        return film

    def open(self, artifact: Artifact | None) -> Any:
        assert artifact is not None
        return av.open(str(self.store.fetch(artifact)))

    def text(self, artifact: Artifact) -> str:
        with self.store.open(artifact) as file:
            return file.read().decode()


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with bench(tmp_path_factory.mktemp("film"), workers=2) as work:
        yield Stage(work)


@pytest.fixture
def new_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stage]]:
    """Stages with stores of their own."""
    opened: list[Any] = []

    def make() -> Stage:
        opened.append(bench(tmp_path_factory.mktemp("film"), workers=1))
        return Stage(opened[-1].__enter__())

    yield make
    for work in opened:
        work.__exit__(None, None, None)
