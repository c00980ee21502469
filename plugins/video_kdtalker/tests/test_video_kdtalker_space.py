"""What KDTalker's Spaces are asked, and everything that they are known to do wrong."""

from __future__ import annotations

import threading
import time
import wave
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coursewright.errors import BadInput, Busy, Cancelled, ProviderError, QuotaExceeded, TimedOut, Unavailable
from coursewright.kit.clips.spaces import SpaceAsker
from coursewright.testing.standins import sounds
from coursewright.testing.standins.loopback import free_port
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright_video_kdtalker.lines import chosen

SENTENCES = "The tide comes in twice a day. It is the moon that pulls the water. And then it goes again. " * 2

Studio = Any
"""The fixture of conftest.py."""


def failure(studio: Studio, server: SpaceServer, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        studio.clip(server, **options)
    error = caught.value
    assert error.message
    assert error.remedy
    assert "<" not in error.message + error.detail
    return error


# -- the call ----------------------------------------------------------------------------------


def test_the_space_with_two_parameters_is_sent_head_and_sound(studio: Studio, infer: SpaceServer) -> None:
    clip = studio.clip(infer)
    (request,) = infer.requests
    assert request["endpoint"] == "gradio_infer"
    picture = cv2.imread(request["source_image"])
    assert picture is not None
    assert max(picture.shape) <= 1280
    with wave.open(request["driven_audio"]) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16_000)
        assert sound.getnframes() % 640 == 0
    assert (clip.width_px, clip.height_px, clip.fps, clip.lead_s) == (128, 160, 25.0, 0.0)


def test_the_authors_line_is_found_by_its_endpoint_and_told_the_smoothing(
    studio: Studio, generate: SpaceServer
) -> None:
    studio.clip(generate)
    studio.clip(generate, smoothing=0.5)
    usual, calm = generate.requests
    assert usual["endpoint"] == "generate"
    assert usual["driven_audio_type"] == "upload"
    assert usual["tts_driven_audio"] is None
    assert usual["smoothing"] == [0.8] * 4
    assert calm["smoothing"] == [0.5] * 4


def test_smoothing_where_there_is_none_is_told(studio: Studio, infer: SpaceServer) -> None:
    context = studio.context(infer)
    studio.provider(infer, smoothing=0.5).run(studio.request(), context)
    assert context.notices == [f"KDTalker at {infer.url} has no setting for smoothing; it is not used"]


def test_a_space_of_another_kind_is_refused_with_the_endpoints_found(studio: Studio) -> None:
    with space("kdtalker", line="predict") as other:
        error = failure(studio, other)
        assert isinstance(error, Unavailable)
        assert "/predict(text)" in error.message
        health = studio.provider(other).check()
        assert health.state == "unavailable"
        assert "/predict(text)" in health.reason


def test_video_as_gradio_5_and_as_gradio_6_sends_it_is_taken(
    studio: Studio, infer: SpaceServer, generate: SpaceServer
) -> None:
    assert studio.clip(infer).duration_s == studio.clip(generate).duration_s


def test_check_says_ready_asks_nothing_of_the_gpu_and_is_unavailable_when_nobody_is_there(
    studio: Studio, infer: SpaceServer
) -> None:
    assert studio.provider(infer).check().state == "ready"
    assert infer.requests == []
    health = studio.provider(f"http://127.0.0.1:{free_port()}").check()
    assert (health.state, bool(health.reason), bool(health.remedy)) == ("unavailable", True, True)


def test_no_token_is_sent_to_a_server_that_is_not_hugging_face(
    studio: Studio, infer: SpaceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_someone_elses")
    assert studio.context(infer).secret("HF_TOKEN").reveal() == "hf_secret"
    studio.clip(infer)
    assert infer.http
    headers = str([request["headers"] for request in infer.http])
    assert "hf_secret" not in headers
    assert "hf_someone_elses" not in headers


def test_progress_tells_the_service_s_words_and_goes_forward(studio: Studio, infer: SpaceServer) -> None:
    studio.clip(infer, text=SENTENCES, piece_s=5.0, pieces_at_once=1)
    told = studio.bench.progress
    assert any("mel:" in message for _, _, message in told)
    assert [done / total for done, total, _ in told] == sorted(done / total for done, total, _ in told)


def test_a_space_that_reports_nothing_serves_as_well(studio: Studio, infer: SpaceServer) -> None:
    infer.switch(progress=False)
    studio.clip(infer)
    assert not any("mel:" in message for _, _, message in studio.bench.progress)


def test_the_place_in_the_queue_is_told(studio: Studio, generate: SpaceServer) -> None:
    generate.switch(delay_s=0.3)
    studio.clip(generate, text=SENTENCES, piece_s=5.0, pieces_at_once=3)
    assert any("queue" in message for _, _, message in studio.bench.progress)


# -- portraits and sounds that the model fails on ------------------------------------------------


@pytest.mark.parametrize("shape", [(300, 300), (4000, 300)], ids=["no face: TypeError", "too large: AttributeError"])
def test_a_picture_that_the_service_fails_on_without_a_word(
    shape: tuple[int, int], studio: Studio, infer: SpaceServer
) -> None:
    """It is asked as if we had not looked at the picture. Its error is not shown: the sentence says what it may be."""
    context = studio.context(infer)
    picture = np.full((*shape, 3), 128, np.uint8)
    picture[:, :150] = 20 if shape[0] > 3000 else 128
    paths = context.scratch / "portrait.png", context.scratch / "sound.wav"
    cv2.imwrite(str(paths[0]), picture)
    paths[1].write_bytes(sounds.wav(sounds.hum("So it is."), 24_000))
    provider = studio.provider(infer)
    ask = SpaceAsker(lambda piece: provider._space(None, piece), lambda found: chosen(found, None, "it"))
    with pytest.raises(Unavailable, match="most often it finds no face"):
        ask(*paths, context)


def test_a_type_error_that_the_service_shows_is_a_portrait_without_a_face(studio: Studio, infer: SpaceServer) -> None:
    infer.switch(fail="exceptions must derive from BaseException")
    error = failure(studio, infer)
    assert isinstance(error, BadInput)
    assert error.field == "portrait"


def test_a_portrait_without_a_face_is_refused_before_anything_is_sent(studio: Studio, infer: SpaceServer) -> None:
    with pytest.raises(BadInput, match="no face"):
        studio.provider(infer).run(studio.request(portrait=studio.photo(people=0)), studio.context(infer))
    # That an earlier test's session has ended may be told late.
    assert [request["path"] for request in infer.http if not request["path"].endswith("/reset")] == []


def test_a_very_large_portrait_is_made_small_enough_for_the_service(studio: Studio, infer: SpaceServer) -> None:
    request = studio.request(portrait=studio.photo(width_px=4800, height_px=6000))
    studio.provider(infer).run(request, studio.context(infer))
    picture = cv2.imread(infer.requests[0]["source_image"])
    assert picture is not None
    assert max(picture.shape) <= 1280


def test_of_several_faces_the_largest_is_sent(studio: Studio, infer: SpaceServer) -> None:
    context = studio.context(infer)
    request = studio.request(portrait=studio.photo(width_px=1440, height_px=1800, people=2))
    studio.provider(infer).run(request, context)
    assert "2 faces were found" in context.notices[0]


def test_sound_shorter_than_one_picture_is_served(studio: Studio, infer: SpaceServer) -> None:
    request = studio.request(speech=studio.speech_of(np.full(300, 0.2, np.float32)))
    clip = studio.provider(infer).run(request, studio.context(infer))
    assert clip.duration_s == pytest.approx(0.04)


def test_long_sound_is_sent_in_files_far_below_the_service_s_limit(studio: Studio, infer: SpaceServer) -> None:
    studio.clip(infer, text=SENTENCES, piece_s=5.0)
    sizes = [Path(request["driven_audio"]).stat().st_size for request in infer.requests]
    assert len(sizes) > 2
    assert max(sizes) <= 5 * 32_000 + 100


def test_two_jobs_use_different_file_names(studio: Studio, infer: SpaceServer) -> None:
    """The public copy writes and deletes by the sound's name; Gradio keeps each upload in a folder of its own."""
    studio.clip(infer, text=SENTENCES, piece_s=5.0, pieces_at_once=2)
    uploads = [request["path"] for request in infer.http if request["path"].endswith("/upload")]
    assert len(uploads) == 2 * len(infer.requests)
    contents = {Path(request["driven_audio"]).read_bytes() for request in infer.requests}
    assert len(contents) == len(infer.requests)


# -- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "words", "server"),
    [
        ("empty", "empty file", "infer"),
        ("empty", "empty file", "generate"),
        ("text", "not an MP4", "infer"),
        ("text", "not an MP4", "generate"),
        ("cut", "cannot be decoded", "infer"),
        ("short", "s of video for", "infer"),
        ("long", "s of video for", "infer"),
    ],
)
def test_a_video_that_is_none(
    result: str, words: str, server: str, studio: Studio, request: pytest.FixtureRequest
) -> None:
    asked: SpaceServer = request.getfixturevalue(server)
    asked.switch(result=result)
    error = failure(studio, asked)
    assert isinstance(error, Busy)
    assert words in error.message


@pytest.mark.parametrize("result", ["changed", "nothing"])
def test_an_answer_without_a_video(result: str, studio: Studio, infer: SpaceServer) -> None:
    infer.switch(result=result)
    error = failure(studio, infer)
    assert isinstance(error, Busy)
    assert "without a video" in error.message


def test_an_error_that_is_returned_instead_of_raised(studio: Studio, generate: SpaceServer) -> None:
    generate.switch(result="returned_error")
    assert isinstance(failure(studio, generate), Unavailable)


def test_a_bad_answer_is_not_kept(studio: Studio, infer: SpaceServer) -> None:
    request = studio.request()
    infer.switch(result="empty", result_times=1)
    with pytest.raises(Busy):
        studio.provider(infer).run(request, studio.context(infer))
    studio.provider(infer).run(request, studio.context(infer))
    assert len(infer.requests) == 2


# -- the service -----------------------------------------------------------------------------------


def test_a_used_up_quota_is_told_without_html(studio: Studio, infer: SpaceServer) -> None:
    infer.switch(fail="quota")
    error = failure(studio, infer)
    assert isinstance(error, QuotaExceeded)
    assert "60s requested vs. 56s left" in error.detail


@pytest.mark.parametrize("fail", ["aborted", "no_gpu"])
def test_no_gpu_to_spare(fail: str, studio: Studio, infer: SpaceServer) -> None:
    infer.switch(fail=fail)
    assert isinstance(failure(studio, infer), Busy)


def test_a_full_queue(studio: Studio, infer: SpaceServer) -> None:
    infer.switch(queue_full=True)
    assert isinstance(failure(studio, infer), Busy)


def test_a_web_page_with_503_in_the_place_of_the_app(studio: Studio, infer: SpaceServer) -> None:
    infer.switch(config_status=503)
    assert isinstance(failure(studio, infer), Busy | Unavailable)


def test_nobody_there(studio: Studio) -> None:
    provider = studio.provider(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable) as caught:
        provider.run(studio.request(), studio.bench.context(provider))
    assert caught.value.remedy


def test_a_hanging_job_ends_with_the_deadline(studio: Studio, infer: SpaceServer) -> None:
    infer.switch(hang=True)
    context = studio.context(infer, timeout_s=4.0)
    with pytest.raises(TimedOut):
        studio.provider(infer).run(studio.request(), context)


def test_a_cancel_ends_all_pieces_within_a_second_and_is_told_to_the_space(studio: Studio, infer: SpaceServer) -> None:
    infer.switch(hang=True)
    context = studio.context(infer)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            studio.provider(infer, piece_s=5.0, pieces_at_once=2).run(studio.request(SENTENCES), context)
        except Cancelled as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    infer.wait_for(lambda server: len(server.requests) == 2)
    cancelled = time.monotonic()
    context.cancel.set()
    thread.join(5.0)
    assert raised
    assert time.monotonic() - cancelled < 1.5
    infer.wait_for(lambda server: sum(request["path"].endswith("/cancel") for request in server.http) == 2)


def test_a_piece_killed_with_its_server_is_repeated_alone(studio: Studio) -> None:
    with space("kdtalker", size=128) as server:
        request = studio.request(SENTENCES)
        provider = studio.provider(server, piece_s=5.0, pieces_at_once=1)
        server.switch(dies_in_call=3)
        with pytest.raises(Busy, match="lost"):
            provider.run(request, studio.context(server))
        before = server.requests
        assert len(before) == 3
        server.kill()
        server.reset()
        server.start()
        clip = provider.run(request, studio.context(server))
        after = server.requests

        def sound(asked: dict[str, Any]) -> bytes:
            return Path(asked["driven_audio"]).read_bytes()[44:]

        assert sound(after[0]) == sound(before[2])
        assert not {sound(asked) for asked in after} & {sound(asked) for asked in before[:2]}
        seconds = sum(len(sound(asked)) / 32_000 - 0.4 for asked in before[:2] + after) + 0.4
        assert seconds == pytest.approx(clip.duration_s)
