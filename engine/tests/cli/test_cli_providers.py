"""`coursewright providers`."""

from __future__ import annotations

import json
import wave
from typing import Any

import pytest


def test_the_smallest_call_leaves_its_result(command: Any) -> None:
    first = command("providers", "test", "tts.espeak", "-i", "text=Good morning.", "--option", "pitch=60")

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("tts.espeak served in ")
    with wave.open(str(command.folder / "provider-test" / "speech.wav")) as sound:
        assert sound.getnframes() / sound.getframerate() > 0.4


def test_it_asks_each_time_and_tells_programs_what_came_of_it(command: Any) -> None:
    for _ in range(2):
        ended = command("providers", "test", "video.portrait", "--json", "-o", "clip")
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout)
        assert told["seconds"] > 0.1, "a result from the store would take none"
        assert told["files"] == ["clip/presenter.mp4"]
    assert (command.folder / "clip" / "presenter.mp4").stat().st_size > 10_000


def test_a_provider_that_fails_is_quoted(command: Any) -> None:
    ended = command("providers", "test", "llm.count")

    assert ended.returncode == 1
    assert "error: llm.count did not serve: 'llm.count' failed unexpectedly: KeyError: 'text'" in ended.stderr
    assert "→ report it to the plugin's author, or use another provider" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tts.espaek"], "no provider is called 'tts.espaek'\n  → did you mean 'tts.espeak'?"),
        (["slides.typst"], "there is no small test for 'slides'\n  → test a provider of llm, tts, video;"),
        (["tts.espeak", "--option", "pitch=200"], "'pitch' of step 'test' must be at most 99, found 200"),
        (["tts.espeak", "--option", "pitch"], "--option: 'pitch' has no value"),
        (["tts.espeak", "-i", "voice=none.wav"], "there is no file none.wav"),
        (["tts.espeak", "-i", "txt=Hello"], "'txt'"),
    ],
)
def test_a_mistake_is_explained(command: Any, arguments: list[str], told: str) -> None:
    ended = command("providers", "test", *arguments)

    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
