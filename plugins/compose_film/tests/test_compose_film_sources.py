"""Speech, clips and slides as they come from other tools, and as they should not come."""

from __future__ import annotations

import io
import time
from fractions import Fraction
from typing import Any

import av
import msgspec
import numpy as np
import pytest
from coursewright.capabilities.slides import Box
from coursewright.errors import BadInput, Cancelled
from coursewright_compose_film.loudness import hop_energies, integrated_lufs
from coursewright_compose_film.provider import FilmComposer

WHITE = (240, 240, 240)


def compressed(samples: np.ndarray, rate_hz: int, codec: str, container: str) -> bytes:
    """Stereo sound as a service sends it."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate_hz, layout="stereo")
        both = np.repeat(samples, 2).astype(np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        resampler = av.AudioResampler(stream.codec_context.format, "stereo", rate_hz, frame_size=1152)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(("codec", "container"), [("libmp3lame", "mp3"), ("libopus", "ogg"), ("flac", "flac")])
def test_speech_in_other_formats(stage: Any, codec: str, container: str) -> None:
    data = compressed(stage.tone(2.0, rate_hz=48_000), 48_000, codec, container)

    film = stage.film(stage.request([stage.speech(data)]))

    assert film.duration_s == pytest.approx(2.8, abs=0.1)


def test_every_scene_is_equally_loud_and_nothing_clips(stage: Any) -> None:
    rng = np.random.default_rng(7)
    bursts = np.repeat(rng.uniform(0, 1, 60) ** 3, 2205) * rng.standard_normal(60 * 2205)
    sounds = [stage.tone(3.0, level=0.01), stage.tone(3.0, level=0.8), 0.2 * bursts / np.abs(bursts).max()]

    film = stage.film(stage.request([stage.speech(stage.wav(sound)) for sound in sounds]))

    with stage.open(film.audio) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    for scene, sound in zip(film.scenes, sounds, strict=True):
        start = round((scene.start_s + 0.36) * 48_000)
        spoken = heard[start : start + round(len(sound) / 22_050 * 48_000)]
        assert integrated_lufs(hop_energies([spoken])) == pytest.approx(-16, abs=0.5)
    finer = np.fft.irfft(np.fft.rfft(heard), 4 * len(heard)) * 4
    assert 20 * np.log10(np.abs(finer).max()) < -1


def test_a_sine_of_known_loudness() -> None:
    """BS.1770-4: a 997 Hz sine at full scale in one channel reads -3.01 LUFS."""
    sine = np.sin(2 * np.pi * 997 * np.arange(48_000 * 20) / 48_000).astype(np.float32)

    assert integrated_lufs(hop_energies(np.array_split(0.1 * sine, 37))) == pytest.approx(-23.01, abs=0.02)
    gaps = np.concatenate((0.1 * sine, np.zeros_like(sine), 0.1 * sine))
    assert integrated_lufs(hop_energies([gaps])) == pytest.approx(-23.01, abs=0.05)
    assert integrated_lufs(hop_energies([np.zeros(100, np.float32)])) == -70


def with_clip(stage: Any, data: bytes, *, seconds: float = 1.8, **options: Any) -> tuple[Any, list[np.ndarray]]:
    clip = stage.clip(data, seconds=seconds, **options)
    slide = stage.slide(WHITE, box=stage.box)
    film = stage.film(stage.request([stage.speech(1.0)], slides=[slide], presenter=[clip]))
    with stage.open(film.video) as container:
        frames = [f.to_ndarray(format="rgb24", src_colorspace="ITU709") for f in container.decode(video=0)]
    return film, frames


def grey(frame: np.ndarray) -> int:
    """Brightness in the middle of the presenter's place."""
    return int(frame[85:95, 255:265].mean())


def test_a_clip_of_uneven_rate_keeps_its_time(stage: Any) -> None:
    """Milliseconds in Matroska, a picture now and then: dark until 0.8 s, bright from there."""
    times_ms = [0, 33, 67, 300, 800, 830, 1200, 1795]
    frames = [(ms, stage.plain((30,) * 3 if ms < 800 else (200,) * 3)) for ms in times_ms]
    data = stage.encode(frames, codec="libvpx-vp9", container="webm", time_base=Fraction(1, 1000))

    _, shown = with_clip(stage, data, fps=11.0)

    bright = [grey(frame) > 115 for frame in shown]
    assert bright.index(True) / (len(shown) / 1.8) == pytest.approx(0.8, abs=0.06)
    assert bright == sorted(bright)


def test_a_clip_of_another_shape_is_cropped_and_not_distorted(stage: Any) -> None:
    picture = np.full((200, 400, 3), 60, np.uint8)
    picture[75:125, 175:225] = 200

    _, shown = with_clip(stage, stage.encode([(n, picture) for n in range(45)]))

    line, column = shown[20][90, 220:300, 1] > 130, shown[20][40:140, 260, 1] > 130
    assert (line.sum(), column.sum()) == (pytest.approx(25, abs=2), pytest.approx(25, abs=2))
    assert np.flatnonzero(line).mean() == pytest.approx(39.5, abs=1.5)


def test_an_untagged_clip_keeps_its_colours(stage: Any) -> None:
    data = stage.encode([(n, stage.plain((200, 40, 40))) for n in range(45)], tagged=False)

    _, shown = with_clip(stage, data)

    assert np.abs(shown[20][90, 260].astype(int) - (200, 40, 40)).max() <= 8


def test_a_short_clip_is_held_and_the_author_told(stage: Any) -> None:
    data = stage.encode([(n, stage.plain((n * 10,) * 3)) for n in range(10)])
    clip = stage.clip(data, seconds=0.4, lead_s=0.0)
    speech, slide = stage.speech(2.0), stage.slide(WHITE, box=stage.box)
    provider = FilmComposer()
    context = stage.work.context(provider)

    film = provider.run(stage.request([speech], slides=[slide], presenter=[clip]), context)

    with stage.open(film.video) as container:
        shown = [grey(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert len(shown) == 70
    assert max(shown[:9]) < 8, "the first picture is held until the breath before the speech is over"
    assert min(shown[20:]) > 70
    assert context.notices == [
        "the presenter's clip of scene 'scene-0' ends 1.6 s before the speech; its last picture is held"
    ]


def test_a_slide_without_a_place_gets_the_presenter_bottom_right(stage: Any) -> None:
    clip = stage.clip(stage.encode([(n, stage.plain((10, 10, 10))) for n in range(45)]), seconds=1.8)
    film = stage.film(stage.request([stage.speech(1.0)], slides=[stage.slide(WHITE)], presenter=[clip]))

    with stage.open(film.video) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    dark = np.argwhere(frame[..., 1] < 100)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    assert bottom - top + 1 == pytest.approx(45, abs=2)
    assert right - left + 1 == pytest.approx(36, abs=2)
    assert (320 - right, 180 - bottom) == (pytest.approx(7, abs=3), pytest.approx(7, abs=3))


def test_lists_of_unequal_length(stage: Any) -> None:
    speech, slide = stage.speech(1.0), stage.slide(WHITE)

    for field, request in {
        "speech": stage.request([speech], script=stage.script(2)),
        "slides": stage.request([speech] * 3, slides=[slide] * 2),
        "presenter": stage.request([speech], presenter=[None, None]),
    }.items():
        with pytest.raises(BadInput, match=rf"{field} has \d entries, the script has \d scenes") as caught:
            stage.film(request)
        assert caught.value.field == field


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing at all",
        b"RIFF\x00\x00\x00\x00WAVEjunk",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
    ],
    ids=["empty", "text", "damaged", "playlist", "concat"],
)
def test_bytes_that_are_no_speech(stage: Any, data: bytes) -> None:
    with pytest.raises(BadInput, match="the speech of scene 'scene-1' cannot be used") as caught:
        stage.film(stage.request([stage.speech(1.0), stage.speech(data)]))

    assert caught.value.field == "speech"


@pytest.mark.parametrize("damage", ["cut", "text", "sound"])
def test_bytes_that_are_no_clip(stage: Any, damage: str) -> None:
    whole = stage.encode([(n, stage.plain((n, 0, 0))) for n in range(45)])
    data = {"cut": whole[: len(whole) // 2], "text": b"no clip", "sound": stage.wav(stage.tone(1.0))}[damage]

    with pytest.raises(BadInput, match="the presenter's clip of scene 'scene-0' cannot be used") as caught:
        with_clip(stage, data)

    assert caught.value.field == "presenter"


def test_slides_that_do_not_fit_together(stage: Any) -> None:
    speech = [stage.speech(1.0), stage.speech(1.1)]
    good, other = stage.slide(WHITE), stage.slide(WHITE, width=300)
    lying = msgspec.structs.replace(other, width_px=320)
    outside = msgspec.structs.replace(good, presenter_box=Box(x_px=300, y_px=0, width_px=80, height_px=100))
    no_picture = msgspec.structs.replace(good, image=stage.put(b"no picture", "image/png"))

    for wrong, words in {
        other: "'scene-1' is 300 × 180 pixels, the first 320 × 180",
        lying: "'scene-1' cannot be used: it has 300 × 180 pixels and says 320 × 180",
        outside: "'scene-1' has a presenter_box that is odd or not on the slide",
        no_picture: "'scene-1' cannot be used: it is of no kind that is known here",
    }.items():
        with pytest.raises(BadInput, match=words) as caught:
            stage.film(stage.request(speech, slides=[good, wrong]))
        assert caught.value.field == "slides"


def test_unreadable_word_timings(stage: Any) -> None:
    speech = msgspec.structs.replace(stage.speech(1.0), timings=stage.put(b"{", "application/json"))

    with pytest.raises(BadInput, match="the word timings of scene 'scene-0'"):
        stage.film(stage.request([speech]))


def test_cancelling_stops_the_encoders_at_once(stage: Any) -> None:
    provider = FilmComposer()
    context = stage.work.context(provider)
    cancelled_at: list[float] = []

    def cancel(done: float, total: float, message: str) -> None:
        if done and not cancelled_at:
            cancelled_at.append(time.monotonic())
            context.cancel.set()

    context._on_progress = cancel
    clip = stage.clip(stage.encode([(n, stage.plain((n, 0, 0))) for n in range(45)]), seconds=1.8)
    request = stage.request([stage.speech(120.0)], slides=[stage.slide(WHITE)], presenter=[clip])

    with pytest.raises(Cancelled):
        provider.run(request, context)

    assert time.monotonic() - cancelled_at[0] < 1.0
