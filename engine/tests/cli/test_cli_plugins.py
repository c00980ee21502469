"""`coursewright plugins`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from coursewright.cli.plugins import limits_in_words

Install = Callable[..., None]
Call = Callable[..., Any]

VOICE = '''
import threading
from typing import Annotated, Literal
import msgspec
from coursewright.hookspecs import hookimpl
from coursewright.providers import Health, Provider

class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rate_wpm: Annotated[int, msgspec.Meta(ge=80, le=300, description="Words a minute.")] = 160
    mood: Literal["calm", "gay"] = "calm"
    accents: list[str] = []
    seed: int | None = None

class Voice(Provider):
    """Health by name."""
    capability, summary, version, cost, concurrency = "tts", "a voice for tests", "7", "metered", 2
    deterministic = False
    Options = Options
    def run(self, request, context):
        raise NotImplementedError

class Good(Voice):
    name = "good"
    preference = 9

class Gone(Voice):
    name = "gone"
    def check(self):
        return Health(state="unavailable", reason="no network", remedy="connect to one")

class Wrong(Voice):
    name = "wrong"
    def check(self):
        return "fine"

class Raises(Voice):
    name = "raises"
    def check(self):
        raise SystemExit("bye")

@hookimpl
def coursewright_providers():
    return [Good, Gone, Wrong, Raises]
'''


@pytest.fixture
def voices(install: Install) -> None:
    install("test-voices", VOICE)


@pytest.mark.usefixtures("voices")
def test_a_provider_in_detail(coursewright: Call) -> None:
    ended = coursewright("plugins", "tts.good", "--health")

    assert ended.code == 0
    assert ended.out == (
        "tts.good  version 7, metered\n"
        "  a voice for tests\n"
        "  from test-voices 1.2.3\n"
        "  results differ each time, and are not reused; at most 2 at once\n"
        "  ready\n"
        "options:\n"
        "  rate_wpm: integer, 80 to 300; default 160. Words a minute.\n"
        '  mood: string, one of "calm", "gay"; default "calm".\n'
        "  accents: array; default [].\n"
        "  seed: integer or null; default null.\n"
    )


@pytest.mark.usefixtures("voices")
def test_the_providers_of_a_capability_in_the_order_of_preference(coursewright: Call) -> None:
    ended = coursewright("plugins", "tts")

    heading, *lines = ended.out.splitlines()
    assert heading == "tts  text → speech"
    providers = [line.split()[0] for line in lines if line.startswith("  tts.")]
    assert "  tts.good  version 7, metered" in lines
    assert providers.index("tts.good") < providers.index("tts.espeak")
    assert "slides" not in ended.out
    assert "\x1b" not in ended.out


@pytest.mark.usefixtures("voices")
def test_health_is_asked_of_all_and_survives_all(coursewright: Call) -> None:
    ended = coursewright("plugins", "tts", "--health", "--json")

    health = {each["name"]: each["health"] for each in json.loads(ended.out)["providers"]}
    assert health["good"] == {"state": "ready", "reason": "", "remedy": ""}
    assert health["gone"] == {"state": "unavailable", "reason": "no network", "remedy": "connect to one"}
    assert health["wrong"]["reason"] == "check() returned 'fine', which is no Health"
    assert health["raises"]["reason"] == "check() raised SystemExit: bye"


@pytest.mark.usefixtures("voices")
def test_json_tells_everything_about_a_provider(coursewright: Call) -> None:
    listing = json.loads(coursewright("plugins", "tts.good", "--json").out)

    assert listing == {
        "providers": [
            {
                "id": "tts.good",
                "capability": "tts",
                "name": "good",
                "version": "7",
                "plugin": "test-voices",
                "plugin_version": "1.2.3",
                "cost": "metered",
                "summary": "a voice for tests",
                "deterministic": False,
                "preference": 9,
                "concurrency": 2,
                "options": [
                    {
                        "name": "rate_wpm",
                        "type": "integer",
                        "default": 160,
                        "description": "Words a minute.",
                        "limits": {"minimum": 80, "maximum": 300},
                    },
                    {"name": "mood", "type": "string", "default": "calm", "limits": {"enum": ["calm", "gay"]}},
                    {"name": "accents", "type": "array", "default": [], "limits": {"items": {"type": "string"}}},
                    {
                        "name": "seed",
                        "type": "integer or null",
                        "default": None,
                        "limits": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    },
                ],
                "service": [],
                "unit": "",
                "licence": "",
                "sends": "",
                "health": None,
            }
        ],
        "failures": [],
    }


def test_a_plugin_that_cannot_be_loaded_is_told_apart(install: Install, coursewright: Call) -> None:
    install("coursewright-tts-broken", "import no_such_library")

    ended = coursewright("plugins")

    assert ended.code == 0
    assert "coursewright-tts-broken" not in ended.out
    assert ended.err == (
        "coursewright-tts-broken cannot be used: ModuleNotFoundError: No module named\n  'no_such_library'\n"
    )
    assert json.loads(coursewright("plugins", "--json").out)["failures"] == [
        {"plugin": "coursewright-tts-broken", "reason": "ModuleNotFoundError: No module named 'no_such_library'"}
    ]


@pytest.mark.usefixtures("voices")
def test_an_unknown_provider_is_answered_with_the_nearest(coursewright: Call) -> None:
    ended = coursewright("plugins", "tts.goood")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == ("error: no provider or capability is called 'tts.goood'\n  → did you mean 'tts.good'?\n")


def test_all_lines_fit_a_terminal(coursewright: Call) -> None:
    for arguments in (["plugins", "--health"], ["plugins", "tts.espeak"]):
        assert max(map(len, coursewright(*arguments).out.splitlines())) <= 80


def test_limits_in_words() -> None:
    assert limits_in_words({"exclusiveMinimum": 0, "maximum": 5}) == ", more than 0, at most 5"
    assert limits_in_words({"maxLength": 9, "pattern": "^a"}) == ", at most 9 characters, of the form ^a"
    assert limits_in_words({"items": {"type": "string"}}) == ""
