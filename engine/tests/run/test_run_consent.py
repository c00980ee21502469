"""No clone of a voice, and no photo to a service, without the consent of the person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.video import Clip, ClipRequest
from coursewright.consent import consent_for, consents_for, grant, revoke
from coursewright.providers import Context
from coursewright.store.local import LocalStore
from coursewright.testing.consents import agreed

if TYPE_CHECKING:
    from engine.tests.run.conftest import Project

CLONE = """
name: clone
inputs: {voice: {type: audio}}
steps:
  say: {uses: tts, provider: [voice, other], with: {text: Good morning, voice: "${inputs.voice}"}}
outputs: {sound: "${say.audio}"}
"""
ANIMATE = """
name: animate
inputs: {portrait: {type: image}, sound: {type: audio}}
steps:
  clip: {uses: video, provider: head, with: {portrait: "${inputs.portrait}", audio: "${inputs.sound}"}}
outputs: {video: "${clip.video}"}
"""
SAMPLE = b"a sample of a voice"


@pytest.fixture
def sample(project: Project) -> Artifact:
    return project.store.put_bytes(SAMPLE, name="my voice.wav", media_type="audio/wav")


def animated(project: Project, picture: bytes, *, media_type: str = "image/png", sends: str = "") -> Any:
    """The report of a run in which a provider animates the picture; `sends` is what the provider says of itself."""

    def serve(request: ClipRequest, context: Context) -> Clip:
        project.calls("head")
        video = context.store.put_bytes(b"film", name="a.mp4", media_type="video/mp4")
        return Clip(video=video, duration_s=1.0, width_px=352, height_px=440, fps=25)

    project.offer("video", "head", serve, sends=sends)
    put: Callable[..., Artifact] = project.store.put_bytes
    portrait = put(picture, name="me.png", media_type=media_type)
    return project.run(ANIMATE, {"portrait": portrait, "sound": put(b"sound", name="a.wav", media_type="audio/wav")})


def test_a_voice_is_cloned_with_consent_only(project: Project, sample: Artifact) -> None:
    project.offer("tts", "other", project.speak("other"))

    [failure] = project.run(CLONE, {"voice": sample}).failures

    assert (failure.step, failure.cause.error) == ("say", "BadInput")
    assert failure.cause.place == "voice (my voice.wav)"
    assert failure.cause.message == "nobody has agreed that the voice in 'my voice.wav' is cloned"
    assert failure.cause.remedy == (
        """if they agree: coursewright consent 'my voice.wav' --person "NAME" --purpose "…\""""
    )
    assert project.calls.take() == [], "no provider was asked, the second neither"

    agreed(SAMPLE, project.store)

    assert project.run(CLONE, {"voice": sample}).state == "completed"
    assert project.calls.take() == ["voice Good morning"]


def test_a_revoked_consent_counts_at_once_for_what_is_finished_too(project: Project, sample: Artifact) -> None:
    project.offer("tts", "other", project.speak("other"))
    digest = agreed(SAMPLE, project.store)
    assert project.run(CLONE, {"voice": sample}).state == "completed"

    revoke(project.store, digest, "test")

    assert project.run(CLONE, {"voice": sample}).state == "failed"
    assert project.replay(CLONE, {"voice": sample}) is None


def test_speech_without_a_sample_needs_no_consent(project: Project) -> None:
    text = CLONE.replace("{type: audio}", "{type: audio, required: false}")
    project.offer("tts", "other", project.speak("other"))

    assert project.run(text, {"voice": None}).state == "completed"


def test_a_photo_goes_to_a_service_with_consent_only(project: Project) -> None:
    photo = b"\x89PNG\r\n\x1a\n of a person"

    [failure] = animated(project, photo, sends="The portrait goes far.").failures

    assert failure.cause.message == "nobody has agreed that the portrait 'me.png' is given to a service"
    assert project.calls.take() == []
    agreed(photo, project.store)
    assert animated(project, photo, sends="The portrait goes far.").state == "completed"


def test_a_photo_that_stays_here_and_a_drawing_need_none(project: Project) -> None:
    assert animated(project, b"\x89PNG\r\n\x1a\n of a person").state == "completed"
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    assert animated(project, drawing, media_type="image/svg+xml", sends="It goes far.").state == "completed"


def test_what_is_called_a_drawing_is_judged_by_its_bytes(project: Project) -> None:
    report = animated(project, b"\xff\xd8\xff\xe0 a photo", media_type="image/svg+xml", sends="It goes far.")

    assert report.state == "failed"


def test_one_persons_revocation_leaves_anothers_consent(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    digest = agreed(SAMPLE, store, granted_by="user 1", person="Ada")
    agreed(SAMPLE, store, granted_by="user 2", person="Bob")
    assert [each.person for each in consents_for(store, digest)] == ["Ada", "Bob"]

    assert revoke(store, digest, "user 1")
    assert not revoke(store, digest, "user 1")

    found = consent_for(store, digest)
    assert found is not None
    assert found.person == "Bob"
    assert revoke(store, digest, "user 2")
    assert consent_for(store, digest) is None


def test_granting_again_replaces(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    agreed(SAMPLE, store, person="Ada")
    digest = agreed(SAMPLE, store, person="Ada King")

    assert [each.person for each in consents_for(store, digest)] == ["Ada King"]


def test_a_consent_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    digest = agreed(SAMPLE, store)
    for key, _ in list(store.records()):
        store.write_record(key, b'{"of": 1}')

    assert consent_for(store, digest) is None


def test_consent_is_asked_by_the_bytes(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    agreed(SAMPLE, store)
    [consent] = consents_for(store, hashlib.sha256(SAMPLE).hexdigest())

    assert consent_for(store, hashlib.sha256(b"another").hexdigest()) is None
    grant(store, hashlib.sha256(b"another").hexdigest(), consent)
    assert consent_for(store, hashlib.sha256(b"another").hexdigest()) == consent
