"""Clips made through the provider's public door, decoded again and looked at."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from typing import Any

import av
import numpy as np
import pytest
from coursewright.capabilities.tts import Speech
from coursewright.capabilities.video import ClipRequest
from coursewright.errors import BadInput, Cancelled
from coursewright_video_portrait.provider import Landmarks, PortraitOptions, PortraitVideo

FPS = 25
# Where the mouth of the drawn presenter is on a panel of 352 × 440.
MOUTH = (slice(240, 300), slice(140, 212))


def dark(frame: np.ndarray) -> float:
    """How much of the mouth's box is as dark as the inside of a mouth."""
    return float((frame[MOUTH].max(axis=2) < 105).mean())


def test_a_clip_is_h264_and_aac_of_whole_frames(studio: Any, speech: Speech) -> None:
    clip = studio.clip(speech=speech, lead_s=0.36, tail_s=0.43)

    assert (clip.width_px, clip.height_px, clip.fps, clip.lead_s) == (352, 440, 25.0, 0.36)
    assert clip.duration_s == pytest.approx(45 / 25)  # 1.79 s in whole frames
    with av.open(str(studio.bench.store.fetch(clip.video))) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        codec = video.codec_context
        assert (codec.name, codec.pix_fmt, audio.codec_context.name) == ("h264", "yuv420p", "aac")
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)
        for stream in (video, audio):
            assert (stream.duration or 0) * (stream.time_base or 0) == pytest.approx(1.8)
    assert len(studio.frames(clip)) == 45


@pytest.mark.parametrize(("width", "height", "fps"), [(200, 200, 25), (704, 880, 10), (1280, 720, 30), (16, 16, 12)])
@pytest.mark.parametrize("drawn", [True, False])
def test_any_size(studio: Any, speech: Speech, photo: bytes, width: int, height: int, fps: int, drawn: bool) -> None:
    portrait = None if drawn else studio.image(photo)

    clip = studio.clip(portrait=portrait, speech=speech, width_px=width, height_px=height, fps=fps, lead_s=0, tail_s=0)

    frames = studio.frames(clip)
    assert len(frames) == fps
    assert frames[0].shape == (height, width, 3)


def test_sound_begins_after_the_lead(studio: Any, speech: Speech) -> None:
    sound = studio.sound(studio.clip(speech=speech, lead_s=0.5))

    assert np.argmax(np.abs(sound) > 0.02) / 48_000 == pytest.approx(0.5 + 0.2, abs=0.01)


def test_lips_follow_the_phonemes_within_a_frame(studio: Any, speech: Speech) -> None:
    lead = 0.4
    opened = np.array([dark(frame) for frame in studio.frames(studio.clip(speech=speech, lead_s=lead, tail_s=0.4))])

    def at(second: float) -> int:
        return round((lead + second) * FPS)

    rest, wide, shut = opened[: at(0.1)].mean(), opened[at(0.3) : at(0.42)].mean(), opened[at(0.57)]
    assert wide > rest + 0.08
    assert shut < rest + 0.02
    # The vowel begins at 0.2 s and ends at 0.5 s: half the way open and shut again, within a frame of that.
    half = np.nonzero(opened > (rest + wide) / 2)[0]
    assert abs(half[0] - at(0.2)) <= 1
    assert abs(half[half < at(0.57)][-1] + 1 - at(0.5)) <= 1
    assert opened[at(1.05) :].max() < rest + 0.02


def test_lips_follow_sound_alone(studio: Any) -> None:
    recording = studio.audio(studio.tone(1.0, loud=(0.3, 0.7)))

    opened = np.array([dark(frame) for frame in studio.frames(studio.clip(audio=recording, lead_s=0.2, tail_s=0.2))])

    rest = opened[:8].mean()
    assert opened[15:21].mean() > rest + 0.05
    assert np.argmax(opened > rest + 0.03) == pytest.approx((0.2 + 0.3) * FPS, abs=1.5)
    assert opened[25:].max() < rest + 0.02


def test_silence_keeps_the_mouth_shut(studio: Any) -> None:
    frames = studio.frames(studio.clip(audio=studio.audio(studio.tone(1.0, loud=(5, 6)))))

    assert max(dark(frame) for frame in frames) < dark(frames[0]) + 0.02


def test_the_head_moves_and_rests_at_both_ends(studio: Any, speech: Speech) -> None:
    frames = [frame.astype(int) for frame in studio.frames(studio.clip(speech=speech, lead_s=2, tail_s=2))]
    outline = (slice(40, 200), slice(0, 130))  # hair before the wall, away from mouth and eyes

    def differs(one: int, other: int) -> float:
        return float(np.abs(frames[one][outline] - frames[other][outline]).mean())

    before_the_first_word = max(differs(0, frame) for frame in range(20, 50))
    assert before_the_first_word > 2
    assert differs(0, len(frames) - 1) < 0.5 * before_the_first_word


def test_eyes_blink(studio: Any) -> None:
    eyes = (slice(180, 205), slice(120, 235))
    recording = studio.audio(studio.tone(9.0, loud=(20, 21)))

    whites = [int((frame[eyes].min(axis=2) > 215).sum()) for frame in studio.frames(studio.clip(audio=recording))]

    assert max(whites) > 60
    assert min(whites) == 0
    assert np.mean(np.array(whites) < 30) < 0.2


def test_the_same_request_gives_the_same_bytes(studio: Any, speech: Speech, photo: bytes) -> None:
    portrait = studio.image(photo)

    first, second = (studio.clip(portrait=portrait, speech=speech, width_px=200, height_px=200) for _ in range(2))

    assert first == second


def test_a_photo_speaks(studio: Any, speech: Speech, photo: bytes) -> None:
    frames = studio.frames(studio.clip(portrait=studio.image(photo), speech=speech, lead_s=0.4))

    # In the photo the lips rest on each other, so what gets dark between them is the opened mouth.
    assert dark(frames[round((0.4 + 0.35) * FPS)]) > dark(frames[0]) + 0.02


def test_landmarks_make_up_for_a_face_that_is_not_found(studio: Any, speech: Speech, photo: bytes) -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.open(io.BytesIO(photo)).rotate(50, expand=False, fillcolor=(226, 205, 182)).save(file, "PNG")
    portrait = studio.image(file.getvalue())
    request = {"portrait": portrait, "speech": speech, "lead_s": 0, "tail_s": 0}
    with pytest.raises(BadInput, match="no face was found"):
        studio.clip(**request)

    points = Landmarks(left_eye=(178, 314), right_eye=(243, 237), mouth=(280, 333))

    assert studio.clip(PortraitOptions(landmarks=points), **request).duration_s == 1.0


def test_landmarks_outside_the_picture_are_refused(studio: Any, speech: Speech, photo: bytes) -> None:
    points = Landmarks(left_eye=(190, 262), right_eye=(290, 262), mouth=(240, 3520))

    with pytest.raises(BadInput) as raised:
        studio.clip(PortraitOptions(landmarks=points), portrait=studio.image(photo), speech=speech)

    assert raised.value.field == "landmarks"


def test_one_of_speech_and_audio_is_wanted(studio: Any, speech: Speech) -> None:
    with pytest.raises(BadInput) as nothing:
        studio.clip()
    with pytest.raises(BadInput) as both:
        studio.clip(speech=speech, audio=speech.audio)

    assert (nothing.value.field, both.value.field) == ("speech", "audio")


@pytest.mark.parametrize("data", [b"", b"RIFF....WAVE", b"<html>", bytes(1000)])
def test_a_recording_that_cannot_be_heard_is_refused(studio: Any, data: bytes) -> None:
    with pytest.raises(BadInput) as raised:
        studio.clip(audio=studio.audio(data))

    assert raised.value.field == "audio"


def test_progress_grows_to_the_end(studio: Any) -> None:
    studio.bench.progress.clear()

    studio.clip(audio=studio.audio(studio.tone(4.0)), lead_s=0, tail_s=0)

    done = [done for done, _, _ in studio.bench.progress]
    assert done == sorted(done)
    assert studio.bench.progress[-1] == (100, 100, "frames")


def test_cancelling_ends_the_work(studio: Any) -> None:
    provider = PortraitVideo()
    context = studio.bench.context(provider)
    request = ClipRequest(audio=studio.audio(studio.tone(60.0)), width_px=1280, height_px=720)
    threading.Timer(0.5, context.cancel.set).start()
    begun = time.monotonic()

    with pytest.raises(Cancelled):
        provider.run(request, context)

    assert time.monotonic() - begun < 2.5


def test_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, coursewright_video_portrait; print({'numpy', 'cv2', 'av', 'PIL', 'typst'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
