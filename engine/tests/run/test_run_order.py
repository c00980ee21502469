"""When tasks start, and what happens when one cannot be done."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from coursewright.capabilities.llm import LlmText
from coursewright.capabilities.tts import Speech
from coursewright.errors import (
    AuthFailed,
    BadInput,
    Busy,
    Cancelled,
    ProviderBug,
    QuotaExceeded,
    TimedOut,
    Unavailable,
    Unsuited,
)
from coursewright.providers import Health
from coursewright.run.report import ItemEnded, ItemRetrying, RunProgressed, StepFellBack

VOICES = """
name: voices
inputs: {scenes: {type: text}}
steps:
  script: {uses: llm.scenes, with: {data: {scenes: "${inputs.scenes}"}, returns: script}}
  voice:
    uses: tts
    provider: [first, second]
    for_each: ${script.scenes}
    with: {text: "${item.narration}"}
  after:
    uses: tts.voice
    for_each: ${voice}
    with: {text: "after ${item.text}"}
outputs: {sound: "${after.audio}", spoken: "${voice.audio}"}
"""
STEP = """
name: step
steps:
  a: {uses: llm, provider: [first, second], with: {data: {text: x}}}
outputs: {a: "${a.text}"}
"""


def raising(error: Exception | type[Exception]) -> Any:
    def serve(_request: Any, _context: Any) -> LlmText:
        raise error

    return serve


def test_an_item_waits_for_its_own_item_only(project: Any, course: str) -> None:
    """Scene b passes through the next step while scene a is still being spoken."""
    passed = threading.Event()
    speak = project.speak("voice")

    def voice(request: Any, context: Any) -> Any:
        if request.text == "one":
            assert passed.wait(20), "scene b did not get ahead"
        if request.text == "again two":
            passed.set()
        return speak(request, context)

    project.offer("tts", "voice", voice)
    assert project.run(course, {"scenes": "a:one b:two"}).state == "completed"


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("gone"),
        QuotaExceeded("used up"),
        AuthFailed("no key"),
        TimedOut("late"),
        Busy("full", retry_after_s=0),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_next_provider_serves_and_is_recorded(project: Any, error: Exception) -> None:
    project.offer("llm", "first", raising(error))
    project.offer("llm", "second", lambda _r, _c: LlmText(text="from second"))
    text = STEP.replace("with:", "retry: {attempts: 1, backoff: 10ms}, with:")
    report = project.run(text)
    assert report.outputs == {"a": "from second"}
    [item] = report.items
    assert item.provider == "llm.second"
    assert [refusal.error for refusal in item.fell_back] == [type(error).__name__]


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (BadInput("no", field="data"), "BadInput"),
        (ProviderBug("odd"), "ProviderBug"),
        (ValueError("what"), "ProviderBug"),
    ],
)
def test_other_errors_do_not_fall_back(project: Any, error: Exception, named: str) -> None:
    project.offer("llm", "first", raising(error))
    project.offer("llm", "second", lambda _r, _c: LlmText(text="from second"))
    report = project.run(STEP)
    assert report.state == "failed"
    assert report.failures[0].cause.error == named
    assert report.failures[0].cause.provider == "llm.first"


def test_a_provider_that_says_it_is_unavailable_is_not_called(project: Any) -> None:
    project.offer(
        "llm", "first", raising(AssertionError), check=lambda _: Health(state="unavailable", reason="no network")
    )
    project.offer("llm", "second", lambda _r, _c: LlmText(text="from second"))
    report = project.run(STEP)
    assert report.items[0].fell_back[0].message == "no network"


def test_the_voice_does_not_change_half_way(project: Any) -> None:
    speak = project.speak("first")

    def first(request: Any, context: Any) -> Any:
        if request.text == "three":
            raise QuotaExceeded("used up")
        return speak(request, context)

    project.offer("tts", "first", first)
    project.offer("tts", "second", project.speak("second"))
    report = project.run(VOICES, {"scenes": "a:one b:two c:three"})
    assert report.state == "completed"
    assert {item.provider for item in report.items if item.step == "voice"} == {"tts.second"}
    assert [project.store.fetch(each).read_bytes() for each in report.outputs["spoken"]] == [
        b"second:one",
        b"second:two",
        b"second:three",
    ]
    [event] = [event for event in project.events if isinstance(event, StepFellBack)]
    assert (event.step, event.item, event.provider) == ("voice", "", "tts.second")


def test_mixing_falls_back_item_by_item(project: Any) -> None:
    speak = project.speak("first")

    def first(request: Any, context: Any) -> Any:
        if request.text == "two":
            raise QuotaExceeded("used up")
        return speak(request, context)

    project.offer("tts", "first", first)
    project.offer("tts", "second", project.speak("second"))
    report = project.run(
        VOICES.replace("for_each: ${script", "mixing: true\n    for_each: ${script"), {"scenes": "a:one b:two"}
    )
    assert {item.item: item.provider for item in report.items if item.step == "voice"} == {
        "a": "tts.first",
        "b": "tts.second",
    }


def test_retries_wait_and_then_succeed(project: Any) -> None:
    tries: list[float] = []

    def flaky(_request: Any, _context: Any) -> LlmText:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise Busy("full", retry_after_s=0.05)
        return LlmText(text="at last")

    project.offer("llm", "first", flaky)
    project.offer("llm", "second", lambda _r, _c: LlmText(text="from second"))
    report = project.run(STEP)
    assert report.outputs == {"a": "at last"}
    assert len([event for event in project.events if isinstance(event, ItemRetrying)]) == 2
    assert tries[1] - tries[0] >= 0.05


def test_bad_input_is_never_retried(project: Any) -> None:
    def refuse(_request: Any, _context: Any) -> LlmText:
        project.calls("asked")
        raise BadInput("too long", field="prompt")

    project.offer("llm", "first", refuse)
    project.offer("llm", "second", refuse)
    report = project.run(STEP.replace("with:", "retry: {attempts: 5, backoff: 10ms}, with:"))
    assert report.state == "failed"
    assert project.calls.take() == ["asked"]


def test_a_hanging_provider_is_left_behind(project: Any) -> None:
    release = threading.Event()
    project.offer("llm", "first", lambda _r, _c: release.wait(60))
    project.offer("llm", "second", lambda _r, _c: LlmText(text="from second"))
    started = time.monotonic()
    report = project.run(STEP.replace("with:", "timeout: 200ms, with:"))
    release.set()
    assert report.outputs == {"a": "from second"}
    assert report.items[0].fell_back[0].error == "TimedOut"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("returned", [None, "text", 7, LlmText])
def test_a_wrong_result_is_the_providers_bug(project: Any, returned: Any) -> None:
    project.offer("llm", "first", lambda _r, _c: returned)
    project.offer("llm", "second", lambda _r, _c: LlmText(text="x"))
    report = project.run(STEP)
    assert report.failures[0].cause.error == "ProviderBug"
    assert "wanted was LlmText" in report.failures[0].cause.message


def test_an_artifact_that_was_never_stored_is_the_providers_bug(project: Any) -> None:
    from coursewright.capabilities.artifacts import Artifact

    ghost = Artifact(digest="a" * 64, media_type="audio/wav", size_bytes=3, name="ghost.wav")
    project.offer("tts", "voice", lambda request, _c: Speech(audio=ghost, duration_s=1, text=request.text))
    report = project.run("name: g\nsteps: {a: {uses: tts.voice, with: {text: hi}}}\noutputs: {a: '${a.audio}'}\n")
    assert "without storing it" in report.failures[0].cause.message


def test_a_failure_stops_what_depends_on_it_and_nothing_else(project: Any, course: str) -> None:
    speak = project.speak("voice")

    def voice(request: Any, context: Any) -> Any:
        if request.text == "two":
            raise BadInput("cannot be said", field="text")
        return speak(request, context)

    project.offer("tts", "voice", voice)
    report = project.run(course, {"scenes": "a:one b:two c:three"})
    states = project.states(report)
    assert report.state == "failed"
    assert states["voice[b]"] == "failed"
    assert states["again[b]"] == "blocked"
    assert states["again[a]"] == states["again[c]"] == states["slides[b]"] == "done"
    assert [failure.label for failure in report.failures] == ["voice[b]"]


def test_an_output_of_what_was_not_made_is_left_out(project: Any) -> None:
    project.offer("llm", "scenes", raising(BadInput("no", field="data")))
    text = """
name: outputs
steps:
  script: {uses: llm.scenes, with: {data: {text: x}, returns: script}}
  other: {uses: llm.echo, with: {data: {text: hi}}}
outputs:
  narration: "${script.scenes.narration | join(' ')}"
  both: "${other.text} ${script.title}"
  other: "${other.text}"
"""
    report = project.run(text)
    assert [failure.cause.message for failure in report.failures] == ["no"]
    assert report.outputs == {"other": "hi"}
    assert project.replay(text) is None


def test_an_optional_step_may_fail(project: Any) -> None:
    text = """
name: optional
steps:
  extra: {uses: llm.broken, optional: true, with: {data: {text: x}}}
  main: {uses: llm.echo, with: {data: {text: "${extra.text | default('without')}"}}}
outputs: {main: "${main.text}"}
"""
    project.offer("llm", "broken", raising(BadInput("no", field="data")))
    report = project.run(text)
    assert report.state == "completed"
    assert report.outputs == {"main": "without"}
    assert [failure.optional for failure in report.failures] == [True]


def test_when_decides_at_run_time(project: Any) -> None:
    text = """
name: when
inputs: {loud: {type: boolean, default: false}}
steps:
  a: {uses: llm.echo, when: "${inputs.loud}", with: {data: {text: HEY}}}
  b: {uses: llm.echo, with: {data: {text: "${a.text | default('hush')}"}}}
outputs: {b: "${b.text}"}
"""
    assert project.run(text, {"loud": True}).outputs == {"b": "HEY"}
    report = project.run(text, {"loud": False})
    assert report.outputs == {"b": "hush"}
    assert project.states(report)["a"] == "skipped"


def test_needs_orders_steps_that_read_nothing(project: Any) -> None:
    text = """
name: needs
steps:
  a: {uses: llm.slow, with: {data: {text: a}}}
  b: {uses: llm.echo, needs: [a], with: {data: {text: b}}}
outputs: {b: "${b.text}", a: "${a.text}"}
"""

    def slow(request: Any, _context: Any) -> LlmText:
        time.sleep(0.2)
        project.calls("0 slow is done")
        return LlmText(text="a")

    project.offer("llm", "slow", slow)
    project.run(text)
    assert project.calls.seen == ["0 slow is done", "echo b"]


def test_progress_never_goes_back_and_ends_at_one(project: Any, course: str) -> None:
    speak = project.speak("voice")

    def voice(request: Any, context: Any) -> Any:
        for done in range(4):
            context.progress(done, 4, "speaking")
        return speak(request, context)

    project.offer("tts", "voice", voice)
    project.run(course, {"scenes": " ".join(f"s{i}:word{i}" for i in range(12))})
    fractions = [event.fraction for event in project.events if isinstance(event, RunProgressed)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("polite", [True, False])
def test_cancel_stops_within_seconds_and_keeps_what_is_finished(project: Any, polite: bool) -> None:
    text = """
name: cancel
steps:
  a: {uses: llm.echo, with: {data: {text: x}}}
  b: {uses: llm.slow, with: {data: {text: "${a.text}"}}}
outputs: {b: "${b.text}"}
"""
    begun, release = threading.Event(), threading.Event()

    def slow(_request: Any, context: Any) -> LlmText:
        begun.set()
        while not release.wait(0.01):
            if polite:
                context.raise_if_cancelled()
        raise Cancelled("stopped")

    project.offer("llm", "slow", slow)

    async def cancel_it() -> Any:
        execution = project.execution(text)
        running = asyncio.create_task(execution.run())
        await asyncio.to_thread(begun.wait, 10)
        execution.cancel()
        return await running

    started = time.monotonic()
    report = asyncio.run(cancel_it())
    release.set()
    assert report.state == "cancelled"
    assert time.monotonic() - started < 5
    project.calls.take()
    project.offer("llm", "slow", lambda _r, _c: LlmText(text="done"))
    assert project.run(text).outputs == {"b": "done"}
    assert project.calls.take() == []


def test_two_runs_at_once_on_one_store(project: Any, course: str) -> None:
    async def both() -> list[Any]:
        runs = [project.execution(course, {"scenes": "a:one b:two"}).run() for _ in range(4)]
        return await asyncio.gather(*runs)

    reports = asyncio.run(both())
    assert {report.state for report in reports} == {"completed"}
    assert all(report.outputs == reports[0].outputs for report in reports)


def test_notices_are_kept_with_the_result(project: Any) -> None:
    def serve(_request: Any, context: Any) -> LlmText:
        context.notice("no model")
        return LlmText(text="x")

    project.offer("llm", "first", serve)
    project.offer("llm", "second", serve)
    assert project.run(STEP).notices == ("no model",)
    assert project.run(STEP).notices == ("no model",)


def test_every_task_is_told_of_once(project: Any, course: str) -> None:
    report = project.run(course, {"scenes": "a:one b:two"})
    ended = [event.report.label for event in project.events if isinstance(event, ItemEnded)]
    assert sorted(ended) == sorted(item.label for item in report.items)


def test_a_voice_that_falls_back_stops_nobody_else(project: Any) -> None:
    """What is stopped and begun anew may wait for a step that goes on."""
    waiting, fallen = threading.Event(), threading.Event()

    def gone(request: Any, context: Any) -> Any:
        assert waiting.wait(10)
        time.sleep(0.05)  # whoever reads voice and slides waits for the slides by now
        fallen.set()
        raise AuthFailed("no key")

    def slide(request: Any, context: Any) -> Any:
        waiting.set()
        assert fallen.wait(10)
        time.sleep(0.2)
        return project._slide(request, context)

    project.offer("tts", "gone", gone)
    project.offer("slides", "plain", slide)

    report = project.run(
        """
        name: both
        steps:
          script: {uses: llm.scenes, with: {data: {scenes: "a:one"}, returns: script}}
          slides: {uses: slides, for_each: "${script.scenes}", with: {scene: "${item}"}}
          voice:
            uses: tts
            provider: [gone, voice]
            for_each: ${script.scenes}
            with: {text: "${item.narration}"}
          both:
            uses: llm.echo
            with: {data: {text: "${slides | length} ${voice | length}"}}
        outputs: {text: "${both.text}"}
        """
    )

    assert report.state == "completed"
    assert report.outputs == {"text": "1 1"}


def test_a_provider_that_does_not_suit_is_not_asked_again(project: Any) -> None:
    asked: list[str] = []

    def no_finnish(request: Any, context: Any) -> Any:
        asked.append(request.text)
        raise Unsuited("it does not speak Finnish")

    project.offer("tts", "foreign", no_finnish)

    report = project.run(
        "steps: {voice: {uses: tts, provider: [foreign, voice], with: {text: Hei}}}\noutputs: {said: '${voice.text}'}"
    )

    assert report.state == "completed"
    assert asked == ["Hei"]
    assert [refusal.error for refusal in report.items[0].fell_back] == ["Unsuited"]
