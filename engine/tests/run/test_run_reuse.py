"""What is finished is never made twice."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.llm import LlmText, Scene
from coursewright.capabilities.slides import SlideRequest
from coursewright.capabilities.tts import SpeechRequest
from coursewright.run.keys import step_key
from coursewright.testing.consents import agreed

ONE, TWO = "a:one b:two", "a:one b:TWO"


def test_a_second_run_calls_nobody(project: Any, course: str) -> None:
    first = project.run(course, {"scenes": ONE})
    assert len(project.calls.take()) == 7

    second = project.run(course, {"scenes": ONE})

    assert project.calls.take() == []
    assert set(project.states(second).values()) == {"reused"}
    assert second.outputs == first.outputs


def test_the_report_tells_how_long_the_sounds_are(project: Any) -> None:
    text = """
name: sound
steps: {said: {uses: tts.voice, with: {text: Hello}}, again: {uses: tts.voice, with: {text: Other}}}
outputs: {sound: "${said.audio}"}
"""
    report = project.run(text)
    (length_s,) = report.lengths_s.values()
    assert list(report.lengths_s) == [report.outputs["sound"].digest]
    assert length_s > 0


def test_editing_one_scene_makes_only_what_depends_on_it(project: Any, course: str) -> None:
    project.run(course, {"scenes": ONE})
    project.calls.take()

    report = project.run(course, {"scenes": TWO})

    # The slide shows the scene's title, and gets the whole scene: it is made again and comes out the same.
    assert project.calls.take() == ["scenes", "slide B", "voice TWO", "voice again TWO"]
    assert project.states(report)["voice[a]"] == "reused"


def test_renaming_and_moving_a_scene_repeats_nothing(project: Any, course: str) -> None:
    project.run(course, {"scenes": "a:one b:two"})
    project.calls.take()
    project.run(course, {"scenes": "b:two a:one"})
    assert project.calls.take() == ["scenes"]


def test_an_equal_result_stops_the_work_early(project: Any) -> None:
    text = """
name: cutoff
inputs: {n: {type: integer}}
steps:
  parity: {uses: llm.parity, with: {data: {n: "${inputs.n}"}, returns: text}}
  said: {uses: tts.voice, with: {text: "${parity.text}"}}
outputs: {sound: "${said.audio}"}
"""
    project.offer("llm", "parity", lambda request, _: LlmText(text="even" if request.data["n"] % 2 == 0 else "odd"))
    project.run(text, {"n": 2})
    project.calls.take()
    report = project.run(text, {"n": 4})
    assert project.calls.take() == []
    assert project.states(report) == {"parity": "done", "said": "reused"}


def test_a_replay_finds_a_finished_run_and_makes_nothing(project: Any, course: str) -> None:
    assert project.replay(course, {"scenes": ONE}) is None
    assert project.calls.take() == []
    report = project.run(course, {"scenes": ONE})
    project.calls.take()
    replayed = project.replay(course, {"scenes": ONE})
    assert replayed is not None
    assert replayed.outputs == report.outputs
    assert project.calls.take() == []


@pytest.mark.parametrize("harm", ["missing", "altered", "truncated"])
def test_a_damaged_artifact_is_made_again_and_never_served(project: Any, course: str, harm: str) -> None:
    first = project.run(course, {"scenes": ONE})
    project.calls.take()
    artifact: Artifact = first.outputs["sound"][0]
    path = project.store.fetch(artifact)
    path.chmod(0o644)
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if harm == "truncated" else b"x" * artifact.size_bytes)

    second = project.run(course, {"scenes": ONE})

    assert second.state == "completed"
    assert second.outputs == first.outputs
    assert project.calls.take() == ["voice again one"]
    assert project.store.fetch(artifact).read_bytes() == b"voice:again one"


def test_a_damaged_artifact_in_the_middle_is_made_again_for_who_needs_it(project: Any, course: str) -> None:
    project.run(course, {"scenes": ONE})
    project.calls.take()
    record = next(key for key, _ in project.store.records() if b"again two" in project.store.read_record(key))
    project.store.delete_record(record)
    voiced = project.store.put_bytes(b"voice:two", name="x", media_type="audio/wav")
    project.store.delete(voiced.digest)

    for scene in ("one", "two"):
        agreed(f"voice:{scene}".encode(), project.store)

    text = course.replace(
        'with: {text: "again ${item.text}"}', 'with: {text: "again ${item.text}", voice: "${item.audio}"}'
    )
    report = project.run(text, {"scenes": ONE})

    assert report.state == "completed"
    assert "voice two" in project.calls.take()


def test_a_broken_record_never_fails_a_run(project: Any, course: str) -> None:
    project.run(course, {"scenes": ONE})
    for key, _ in list(project.store.records()):
        project.store.write_record(key, b"{not json")
    report = project.run(course, {"scenes": ONE})
    assert report.state == "completed"


def test_no_cache_makes_everything_anew(project: Any, course: str) -> None:
    project.run(course, {"scenes": ONE})
    project.calls.take()
    project.run(course, {"scenes": ONE}, no_cache=True)
    assert len(project.calls.take()) == 7


def test_cache_false_and_providers_that_never_repeat(project: Any) -> None:
    text = """
name: fresh
steps:
  a: {uses: llm.dice, with: {data: {text: x}}}
  b: {uses: llm.echo, cache: false, with: {data: {text: y}}}
  c: {uses: llm.dice, cache: true, with: {data: {text: z}}}
outputs: {a: "${a.text}", b: "${b.text}", c: "${c.text}"}
"""

    def dice(request: Any, _: Any) -> LlmText:
        project.calls(f"dice {request.data['text']}")
        return LlmText(text="4")

    project.offer("llm", "dice", dice, deterministic=False)
    project.run(text)
    assert project.calls.take() == ["dice x", "dice z", "echo y"]
    project.run(text)
    assert project.calls.take() == ["dice x", "echo y"]


def test_resuming_a_failed_run_repeats_no_finished_call(project: Any) -> None:
    """Also not of a provider whose results are otherwise not reused."""
    text = """
name: resume
steps:
  a: {uses: llm.dice, with: {data: {text: x}}}
  b: {uses: llm.broken, with: {data: {text: "${a.text}"}}}
outputs: {b: "${b.text}"}
"""
    broken = [True]

    def dice(_request: Any, _context: Any) -> LlmText:
        project.calls("dice")
        return LlmText(text="4")

    def fail(_request: Any, _context: Any) -> LlmText:
        if broken[0]:
            raise RuntimeError("no")
        return LlmText(text="fine")

    project.offer("llm", "dice", dice, deterministic=False)
    project.offer("llm", "broken", fail)
    assert project.run(text).state == "failed"
    broken[0] = False
    assert project.run(text).state == "completed"
    assert project.calls.take() == ["dice"]

    project.run(text)  # the run was over: the next one asks again
    assert project.calls.take() == ["dice"]


def test_from_makes_a_step_and_its_dependents_anew(project: Any, course: str) -> None:
    project.run(course, {"scenes": ONE})
    project.calls.take()
    project.run(course, {"scenes": ONE}, select={"force": frozenset({"voice", "again"})})
    assert project.calls.take() == ["voice again one", "voice again two", "voice one", "voice two"]


def test_only_works_on_one_item_and_counts_finished_others(project: Any, course: str) -> None:
    report = project.run(course, {"scenes": ONE}, select={"item": "b"})
    assert project.calls.take() == ["scenes", "slide B", "voice again two", "voice two"]
    assert project.states(report)["voice[a]"] == "left_out"
    assert set(report.outputs) == {"voice-b", "slides-b", "again-b"}  # a sample of what it would be

    project.run(course, {"scenes": ONE})
    project.calls.take()
    forced = frozenset({"voice", "again"})
    report = project.run(course, {"scenes": ONE}, select={"item": "b", "force": forced})
    assert project.calls.take() == ["voice again two", "voice two"]
    assert set(report.outputs) == {"sound", "slides"}


def test_until_leaves_the_rest_out(project: Any, course: str) -> None:
    report = project.run(course, {"scenes": ONE}, select={"steps": frozenset({"script"}), "until": "script"})
    assert project.calls.take() == ["scenes"]
    assert report.state == "completed"
    assert set(report.outputs) == {"script"}


def scene(**changes: Any) -> Scene:
    return msgspec.structs.replace(Scene(id="a", title="A", narration="one"), **changes)


def test_what_a_step_key_stands_for(project: Any) -> None:
    voice = project.catalog.provider("tts.voice")
    slide = project.catalog.provider("slides.plain")

    def key(request: Any, kind: Any = slide) -> str:
        return step_key(kind(), request)

    base = key(SlideRequest(scene=scene()))
    assert len(base) == 64
    assert key(SlideRequest(scene=scene(id="other"))) == base
    assert key(SlideRequest(scene=scene(title="B"))) != base
    assert key(SlideRequest(scene=scene(), width_px=640)) != base
    sample = Artifact(digest="0" * 64, media_type="audio/wav", size_bytes=1, name="me.wav")
    spoken = SpeechRequest(text="x", voice=sample)
    renamed = SpeechRequest(text="x", voice=msgspec.structs.replace(sample, name="you.wav"))
    assert key(spoken, voice) == key(renamed, voice)
    changed = SpeechRequest(text="x", voice=msgspec.structs.replace(sample, digest="1" * 64))
    assert key(spoken, voice) != key(changed, voice)
    project.offer("tts", "voice", project.speak("voice"), version="2")
    assert key(spoken, project.catalog.provider("tts.voice")) != key(spoken, voice)
    project.offer("tts", "voice", project.speak("voice"), identity=lambda _: "https://another.example")
    assert key(spoken, project.catalog.provider("tts.voice")) != key(spoken, voice)
