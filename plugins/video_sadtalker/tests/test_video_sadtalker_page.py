"""What SadTalker's page is asked, in its revisions, and what it does wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest
from coursewright.errors import BadInput, Busy, ProviderError, QuotaExceeded, TimedOut, Unavailable
from coursewright.kit.gradio import Endpoint, Parameter
from coursewright.testing.standins.loopback import free_port
from coursewright.testing.standins.spaces import SpaceServer, space
from coursewright_video_sadtalker.options import SadTalkerOptions
from coursewright_video_sadtalker.page import chosen

Studio = Any
"""The fixture of conftest.py."""


def failure(studio: Studio, server: SpaceServer, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        studio.clip(server, **options)
    assert caught.value.message
    assert caught.value.remedy
    assert "<" not in caught.value.message + caught.value.detail
    return caught.value


# -- the call ----------------------------------------------------------------------------------


def test_every_setting_reaches_the_page(studio: Studio, page: SpaceServer) -> None:
    studio.clip(page, preprocess="full", still=True, pose_style=45, enhancer="gfpgan", face_px=512, batch_size=4)
    (asked,) = page.requests
    told = {
        name: asked[name] for name in ("preprocess", "still_mode", "use_enhancer", "batch_size", "size", "pose_style")
    }
    assert told == {
        "preprocess": "full",
        "still_mode": True,
        "use_enhancer": True,
        "batch_size": 4,
        "size": 512,
        "pose_style": 45,
    }


def test_the_sixteen_inputs_of_the_space_keep_their_defaults_but_ours(studio: Studio, sixteen: SpaceServer) -> None:
    context = studio.context(sixteen.url)
    studio.provider(sixteen.url, expression_scale=1.5).run(studio.request(), context)
    (asked,) = sixteen.requests
    assert asked["exp_scale"] == 1.5
    assert asked["facerender"] == "facevid2vid"
    assert asked["ref_video"] is None
    assert asked["use_idle_mode"] is False
    assert context.notices == []


def test_a_setting_that_the_page_lacks_is_told(studio: Studio, page: SpaceServer) -> None:
    context = studio.context(page.url)
    studio.provider(page.url, expression_scale=1.5).run(studio.request(), context)
    assert context.notices == [f"SadTalker at {page.url} has no setting for expression_scale; it is not used"]


def test_crop_sends_the_head_and_full_the_whole_portrait(studio: Studio, page: SpaceServer) -> None:
    shapes = []
    for preprocess in ("crop", "full"):
        studio.clip(page, preprocess=preprocess)
        picture = cv2.imread(page.requests[-1]["source_image"])
        assert picture is not None
        shapes.append(picture.shape[:2])
    head, whole = shapes
    assert whole == (600, 480)
    assert head[0] < 600


@pytest.mark.parametrize("preprocess", ["crop", "resize", "extcrop", "full", "extfull"])
def test_an_answer_of_any_size_becomes_the_size_asked_for(
    preprocess: str, studio: Studio, sixteen: SpaceServer
) -> None:
    clip = studio.clip(sixteen, preprocess=preprocess, enhancer="gfpgan")
    assert (clip.width_px, clip.height_px, clip.lead_s) == (128, 160, 0.0)


def endpoint(name: str, *parameters: Parameter) -> dict[str, Endpoint]:
    return {name: Endpoint(name=name, parameters=parameters, returns=("Video",))}


IMAGE = Parameter(name="source_image", component="Image")
SOUND = Parameter(name="driven_audio", component="Audio")


def test_a_copy_under_another_name_with_labels_and_texts_for_numbers_is_understood(tmp_path: Any) -> None:
    found = endpoint(
        "/sad_talker",
        IMAGE,
        SOUND,
        Parameter(name="Preprocess", component="Radio", choices=("crop", "resize", "full")),
        Parameter(name="w/ Still Mode (fewer hand motion)", component="Checkbox"),
        Parameter(name="w/ GFPGAN as Face enhancer", component="Checkbox"),
        Parameter(name="face model resolution", component="Radio", choices=("256", "512")),
    )
    line = chosen(found, SadTalkerOptions(face_px=512, still=True), "it")
    given = line.arguments(tmp_path / "p", tmp_path / "s")
    assert line.endpoint == "/sad_talker"
    assert list(given.values()) == [tmp_path / "p", tmp_path / "s", "crop", True, False, "512"]


def test_a_value_that_the_page_does_not_offer_names_the_option() -> None:
    found = endpoint("/test", IMAGE, SOUND, Parameter(name="preprocess", choices=("crop", "resize", "full")))
    with pytest.raises(BadInput, match="crop, resize, full") as caught:
        chosen(found, SadTalkerOptions(preprocess="extfull"), "it")
    assert caught.value.field == "preprocess"


def test_a_page_of_another_kind_is_refused_with_the_endpoints_found(studio: Studio) -> None:
    with space("kdtalker") as other:
        error = failure(studio, other)
        assert isinstance(error, Unavailable)
        assert "/gradio_infer(source_image, driven_audio)" in error.message
        assert studio.provider(other.url).check().state == "unavailable"


def test_check_says_ready_and_starts_no_job(studio: Studio, page: SpaceServer) -> None:
    assert studio.provider(page.url).check().state == "ready"
    assert page.requests == []


def test_without_an_address_it_says_how_to_set_one(studio: Studio) -> None:
    health = studio.provider("").check()
    assert health.state == "unavailable"
    assert "address" in health.remedy
    with pytest.raises(Unavailable, match="no SadTalker is set up"):
        studio.provider("").run(studio.request(), studio.context(""))


# -- what goes wrong -------------------------------------------------------------------------------


def test_no_face_is_detected(studio: Studio, page: SpaceServer) -> None:
    page.switch(fail="No face is detected")
    error = failure(studio, page)
    assert isinstance(error, BadInput)
    assert error.field == "portrait"


def test_a_failure_without_a_reason(studio: Studio, page: SpaceServer) -> None:
    page.switch(fail="unexplained")
    assert isinstance(failure(studio, page), Unavailable)


@pytest.mark.parametrize("server", ["page", "sixteen"])
@pytest.mark.parametrize("result", ["empty", "text", "cut", "short", "long"])
def test_an_answer_that_is_no_such_video(
    result: str, server: str, studio: Studio, request: pytest.FixtureRequest
) -> None:
    asked: SpaceServer = request.getfixturevalue(server)
    asked.switch(result=result)
    assert isinstance(failure(studio, asked), Busy)


def test_an_answer_without_a_video(studio: Studio, page: SpaceServer) -> None:
    page.switch(result="changed")
    assert isinstance(failure(studio, page), Busy)


def test_quota_and_nobody_there(studio: Studio, page: SpaceServer) -> None:
    page.switch(fail="quota")
    assert isinstance(failure(studio, page), QuotaExceeded)
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable):
        studio.provider(nowhere).run(studio.request(), studio.context(nowhere))


def test_a_hanging_job_ends_with_the_deadline(studio: Studio, page: SpaceServer) -> None:
    page.switch(hang=True)
    context = studio.context(page.url, timeout_s=4.0)
    with pytest.raises(TimedOut):
        studio.provider(page.url).run(studio.request(), context)


def test_a_piece_that_failed_is_repeated_alone(studio: Studio, page: SpaceServer) -> None:
    request = studio.request("The tide comes in twice a day. It is the moon that pulls the water. And then it goes.")
    provider = studio.provider(page.url, piece_s=4.0)
    page.switch(result="empty", result_times=1)
    with pytest.raises(Busy):
        provider.run(request, studio.context(page.url))
    failed = len(page.requests)
    provider.run(request, studio.context(page.url))
    assert failed == 1
    sent = [Path(asked["driven_audio"]).read_bytes() for asked in page.requests]
    assert sent[0] == sent[1]
    assert len(set(sent)) == len(sent) - 1
