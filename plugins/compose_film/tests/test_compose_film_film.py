from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.compose import Film, FilmRequest
from coursewright_compose_film.provider import FilmComposer

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 30), (30, 30, 200), (240, 240, 240)
TONES_HZ = (400, 700, 1100)


def test_presenters_film(stage: Any) -> None:
    film = presenter_film(stage)

    assert film.title == "A film & its <parts>"
    assert (film.width_px, film.height_px) == (320, 180)
    assert film.duration_s == pytest.approx(film.scenes[-1].end_s)
    with stage.open(film.video) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        codec = video.codec_context
        assert (codec.name, codec.pix_fmt, audio.codec_context.name) == ("h264", "yuv420p", "aac")
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)
        assert video.average_rate == 25
        assert video.start_time == audio.start_time == 0
        assert float(video.duration * video.time_base) == pytest.approx(film.duration_s)
        assert float(audio.duration * audio.time_base) == pytest.approx(film.duration_s, abs=0.04)
        assert container.metadata["title"] == film.title
        assert audio.metadata["language"] == "eng"
        times = [frame.pts * frame.time_base for frame in container.decode(video)]
    assert len(times) == round(film.duration_s * 25)
    assert {after - before for before, after in pairwise(times)} == {Fraction(1, 25)}


def test_the_index_stands_in_front(stage: Any) -> None:
    film = presenter_film(stage)

    for artifact in (film.video, film.audio):
        with stage.store.open(artifact) as file:
            data = file.read()
        assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_chapters_are_the_scenes(stage: Any) -> None:
    film = presenter_film(stage)

    wanted = [(round(scene.start_s * 1000), round(scene.end_s * 1000), scene.title) for scene in film.scenes]
    for artifact in (film.video, film.audio):
        with stage.open(artifact) as container:
            read = [(part["start"], part["end"], part["metadata"]["title"]) for part in container.chapters()]
        assert read == wanted
    assert stage.text(film.chapters).count(" --> ") == 3
    assert "00:00:00.000 --> 00:00:01.800\nScene 0\n" in stage.text(film.chapters)


def test_a_player_finds_every_moment(stage: Any) -> None:
    """A key frame where a scene begins, and never more than five seconds from one to the next."""
    speech = [stage.speech(seconds) for seconds in (12.3, 1.0)]
    film = stage.film(stage.request(speech, slides=[stage.slide(RED), stage.slide(GREEN)]))

    with stage.open(film.video) as container:
        frames = [(round(frame.time * 25), frame.key_frame) for frame in container.decode(video=0)]
    keys = [index for index, key in frames if key]
    assert [index for index, _ in frames] == list(range(round(film.duration_s * 25)))
    assert {round(scene.start_s * 25) for scene in film.scenes} <= set(keys)
    assert max(after - before for before, after in pairwise([*keys, len(frames)])) <= 125


def test_sound_and_picture_change_together(stage: Any) -> None:
    speech = [stage.speech(seconds, hz=hz) for seconds, hz in zip((7.013, 1.207, 2.501), TONES_HZ, strict=True)]
    slides = [stage.slide(colour) for colour in (RED, GREEN, BLUE)]

    film = stage.film(stage.request(speech, slides=slides))

    colours = [near(frame[90, 40], (RED, GREEN, BLUE)) for frame in pictures(stage, film.video)]
    assert [colours.index(n) / 25 for n in range(3)] == [pytest.approx(scene.start_s) for scene in film.scenes]
    for artifact in (film.video, film.audio):
        sound = samples(stage, artifact)
        assert len(sound) == pytest.approx(film.duration_s * 48_000, abs=48_000 / 25)
        for scene, hz in zip(film.scenes, TONES_HZ, strict=True):
            assert onset(sound, hz, scene.start_s) == pytest.approx(scene.start_s + 0.36, abs=0.03)


def test_the_presenter_stands_in_the_box_with_round_corners(stage: Any) -> None:
    film = presenter_film(stage)

    frame = list(pictures(stage, film.video))[30]
    box = stage.box
    left, top, right, bottom = box.x_px, box.y_px, box.x_px + box.width_px, box.y_px + box.height_px
    assert all(near(frame[y, x], (WHITE, GREEN)) == 1 for y in (top + 8, bottom - 9) for x in (left + 8, right - 9))
    for corner in ((top, left), (top, right - 1), (bottom - 1, left), (bottom - 1, right - 1)):
        assert frame[corner].mean() > 180, "the slide shows through where the corner is cut off"
    assert near(frame[90, left - 4], (WHITE, GREEN)) == 0


def test_sound_alone(stage: Any) -> None:
    film = stage.film(stage.request([stage.speech(1.0), stage.speech(2.0)]))

    assert film.video is None
    assert film.thumbnail is None
    assert film.duration_s == pytest.approx(1.8 + 2.8)
    with stage.open(film.audio) as container:
        assert not container.streams.video
        assert len(container.chapters()) == 2


def test_text_files_say_what_is_said(stage: Any) -> None:
    film = presenter_film(stage)

    captions = stage.text(film.captions)
    assert captions.startswith("WEBVTT\n\n00:00:00.363 --> ")
    assert captions.count("Four five, six.") == 3
    assert stage.text(film.transcript).startswith(
        "# A film & its \\<parts>\n\n## Scene 0\n\nOne two three. Four five, six.\n\n## Scene 1\n"
    )


def test_the_thumbnail_shows_slide_and_presenter(stage: Any) -> None:
    film = presenter_film(stage)

    assert film.thumbnail is not None
    assert film.thumbnail.media_type == "image/jpeg"
    with av.open(str(stage.store.fetch(film.thumbnail)), format="jpeg_pipe") as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (180, 320, 3)
    assert near(picture[90, 40], (WHITE, GREEN)) == 0
    assert near(picture[90, 260], (WHITE, GREEN)) == 1


def test_only_the_edited_scene_is_encoded_again(stage: Any) -> None:
    speech = [stage.speech(1.0 + n / 10) for n in range(5)]
    slides = [stage.slide((10 * n, 90, 90)) for n in range(5)]
    request = stage.request(speech, slides=slides)

    assert worker_calls(stage, request).count("encode_segment") == 5
    assert worker_calls(stage, request).count("encode_segment") == 0
    slides[2] = stage.slide((10, 200, 90))
    edited = worker_calls(stage, stage.request(speech, slides=slides))

    assert (edited.count("encode_segment"), edited.count("measure"), edited.count("encode_speech")) == (1, 0, 0)


def test_a_long_scene_is_encoded_in_pieces_that_nobody_sees(stage: Any) -> None:
    steps = [(n, stage.plain((n // 3, 128, 255 - n // 3))) for n in range(600)]
    clip = stage.clip(stage.encode(steps), seconds=24.0, lead_s=0.0)
    request = stage.request([stage.speech(22.0)], slides=[stage.slide(WHITE, box=stage.box)], presenter=[clip])

    assert worker_calls(stage, request).count("encode_segment") == 2
    seen = [frame[90, 260, 0].astype(int) for frame in pictures(stage, stage.film(request).video)]
    delay = 9
    assert len(seen) == 570
    assert max(abs(red - (index - delay) // 3) for index, red in enumerate(seen[delay:], delay)) <= 4


def test_a_scene_at_rest_costs_one_group_of_pictures(stage: Any) -> None:
    request = stage.request([stage.speech(31.0)], slides=[stage.slide((1, 2, 3))])

    assert worker_calls(stage, request).count("encode_segment") == 1


def test_the_same_request_gives_the_same_bytes(new_stage: Callable[[], Any]) -> None:
    first, second = (presenter_film(new_stage()) for _ in range(2))

    assert first == second


def test_progress_counts_frames(stage: Any) -> None:
    stage.work.progress.clear()
    stage.film(stage.request([stage.speech(1.1), stage.speech(1.2)], slides=[stage.slide((4, 5, 6))] * 2))

    done = [step[0] for step in stage.work.progress]
    assert done == sorted(done)
    encoded = 2 * 125
    assert stage.work.progress[-1] == (encoded, encoded, "frames")


def presenter_film(stage: Any) -> Film:
    """Three scenes of white slides with a green presenter."""
    green = [(n, stage.plain(GREEN)) for n in range(45)]
    clip = stage.clip(stage.encode(green), seconds=1.8)
    film: Film = stage.film(
        stage.request(
            [stage.speech(1.0, hz=hz) for hz in TONES_HZ],
            slides=[stage.slide(WHITE, box=stage.box)] * 3,
            presenter=[clip] * 3,
        )
    )
    return film


def worker_calls(stage: Any, request: FilmRequest) -> list[str]:
    """The names of the functions that one request runs in worker processes."""
    provider = FilmComposer()
    context = stage.work.context(provider)
    called: list[str] = []
    in_process = context.in_process

    def noted(function: Callable[..., Any], *args: Any) -> Any:
        called.append(function.__name__)
        return in_process(function, *args)

    context.in_process = noted
    provider.run(request, context)
    return called


def pictures(stage: Any, artifact: Artifact | None) -> Any:
    with stage.open(artifact) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24", src_colorspace="ITU709")


def near(pixel: np.ndarray, colours: tuple[tuple[int, int, int], ...]) -> int:
    """Which of the colours the pixel has, give or take what coding changes."""
    distances = [int(np.abs(pixel.astype(int) - colour).max()) for colour in colours]
    assert min(distances) <= 12, f"{pixel} is none of {colours}"
    return distances.index(min(distances))


def samples(stage: Any, artifact: Artifact | None) -> np.ndarray:
    with stage.open(artifact) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def onset(sound: np.ndarray, hz: float, after_s: float) -> float:
    """When a tone begins, found in windows of 10 ms."""
    start = round(after_s * 48_000)
    windows = sound[start : start + 48_000].reshape(-1, 480)
    t = np.arange(480) / 48_000
    power = np.abs(windows @ np.exp(-2j * np.pi * hz * t)) / 240
    return after_s + float(np.argmax(power > 0.5 * power.max())) * 0.01
