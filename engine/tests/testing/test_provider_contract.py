"""The contract tests find what they are for: each fault of a provider fails the test that names it."""

from __future__ import annotations

import importlib
import inspect
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import Speech, SpeechRequest
from coursewright.errors import BadInput, Unavailable
from coursewright.providers import Context, Estimate, Health, Provider
from coursewright.testing import Bench, bench
from coursewright.testing import contract as rules
from coursewright.testing.contract import ProviderContract


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rate_wpm: Annotated[int, msgspec.Meta(ge=80)] = 160


class Sound(Provider[SpeechRequest, Speech]):
    """Passes; the faults below are its subclasses."""

    capability = "tts"
    name = "sound"
    summary = "a voice for tests"
    version = "1"
    Options = Options

    def run(self, request: SpeechRequest, context: Context) -> Speech:
        context.raise_if_cancelled()
        if request.text == "...":
            raise BadInput("nothing to say", field="text")
        context.progress(1, 2)
        return self.speech(request, context)

    def speech(self, request: SpeechRequest, context: Context) -> Speech:
        audio = context.store.put_bytes(request.text.encode(), name="speech.wav", media_type="audio/wav")
        return Speech(audio=audio, duration_s=1.0, text=request.text)


def artifact(**changes: Any) -> Callable[..., Speech]:
    """A `speech` whose artifact says something else of itself."""

    def speech(self: Sound, request: SpeechRequest, context: Context) -> Speech:
        made = Sound.speech(self, request, context)
        return msgspec.structs.replace(made, audio=msgspec.structs.replace(made.audio, **changes))

    return speech


def constructing(action: Callable[[], object]) -> Callable[..., None]:
    def construct(self: Sound, options: Any = None) -> None:
        Provider.__init__(self, options)
        action()

    return construct


def running(action: Callable[[Context], object]) -> Callable[..., Speech]:
    def run(self: Sound, request: SpeechRequest, context: Context) -> Speech:
        action(context)
        return Sound.run(self, request, context)

    return run


def raising(error: Exception) -> Callable[..., Any]:
    def run(*_: Any) -> Any:
        raise error

    return run


class Mutable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    rate_wpm: int = 160


class Lenient(msgspec.Struct, frozen=True, kw_only=True):
    rate_wpm: int = 160


class OutsideItsLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rate_wpm: Annotated[int, msgspec.Meta(ge=80)] = 10


FOREVER = threading.Event()
COUNTER = itertools.count()
NOT_STORED = Artifact(digest="0" * 64, media_type="audio/wav", size_bytes=3, name="speech.wav")

WHO, OPTIONS = "test_says_who_it_is", "test_options_have_defaults_and_refuse_what_they_do_not_know"
CONSTRUCTION, CHECK = "test_construction_touches_nothing_and_is_quick", "test_check_answers_in_time"
ESTIMATE, SERVES = "test_estimate_is_honest", "test_serves_and_leaves_nothing_behind"
TWICE, BEGIN = "test_serves_twice_at_once_and_alike", "test_does_not_begin_when_cancelled"
STOPS, DEADLINE = "test_stops_when_cancelled", "test_keeps_its_deadline"
BAD = "test_a_bad_request_names_the_field_at_fault"

FAULTS: list[tuple[str, dict[str, Any], str]] = [
    (WHO, {"capability": "speech"}, "capability: one of document, "),
    (WHO, {"name": "Sound"}, "name: lower-case"),
    (WHO, {"version": ""}, "version: not empty"),
    (WHO, {"summary": "two\nlines"}, "summary: one line"),
    (WHO, {"summary": ""}, "summary: one line"),
    (WHO, {"cost": "cheap"}, "cost: one of free"),
    (WHO, {"concurrency": 0}, "concurrency: None, or at least 1"),
    (OPTIONS, {"Options": Mutable}, "options: a frozen struct"),
    (OPTIONS, {"Options": Lenient}, "options: forbid_unknown_fields=True"),
    (OPTIONS, {"Options": OutsideItsLimits}, "Expected `int` >= 80"),
    (CONSTRUCTION, {"__init__": constructing(lambda: Path(__file__).read_bytes())}, "construction opens nothing"),
    (CONSTRUCTION, {"__init__": constructing(lambda: importlib.import_module("this_is_nowhere"))}, "this_is_nowhere"),
    (CONSTRUCTION, {"__init__": constructing(lambda: FOREVER.wait(0.06))}, "construction took 0.0"),
    (CHECK, {"check": lambda _: "fine"}, "check() returns a Health"),
    (CHECK, {"check": lambda _: Health(state="unavailable", remedy="wait")}, "says why"),
    (CHECK, {"check": lambda _: Health(state="degraded", reason="slow")}, "says what to do"),
    (CHECK, {"check": lambda _: FOREVER.wait(5)}, "not done after 0.3 s"),
    (ESTIMATE, {"estimate": lambda *_: 5.0}, "estimate() returns an Estimate"),
    (ESTIMATE, {"estimate": lambda *_: Estimate(seconds=-1.0)}, "seconds: -1.0"),
    (SERVES, {"speech": lambda *_: "speech"}, "run() returns a Speech"),
    (SERVES, {"speech": artifact(digest="0" * 64)}, "missing from the artifact store"),
    (SERVES, {"speech": artifact(size_bytes=99)}, "speech.wav: size_bytes"),
    (SERVES, {"speech": artifact(media_type="wav")}, "media type 'wav'"),
    (SERVES, {"speech": artifact(name="../speech.wav")}, "a file name, not a path"),
    (SERVES, {"speech": artifact(name="")}, "has a name"),
    (SERVES, {"speech": lambda *_: Speech(audio=NOT_STORED, duration_s=-1.0, text="")}, "Expected `float` > 0"),
    (SERVES, {"run": running(lambda context: context.progress(2, 2))}, "progress goes forward"),
    (SERVES, {"run": running(lambda context: context.progress(3, 2))}, "0 ≤ done ≤ total"),
    (SERVES, {"run": running(lambda _: tempfile.mkdtemp(prefix="left"))}, "left behind: left"),
    (SERVES, {"run": running(lambda _: Path("here").touch())}, "left behind: here"),
    (SERVES, {"run": raising(Unavailable("no network"))}, "no network"),
    (
        TWICE,
        {"speech": lambda _, request, context: Speech(
            audio=context.store.put_bytes(b"a", name="a.wav", media_type="audio/wav"),
            duration_s=1.0 + next(COUNTER),
            text=request.text,
        )},
        "the same request gave another result",
    ),
    (BEGIN, {"run": Sound.speech}, "call context.raise_if_cancelled() first; got None"),
    (DEADLINE, {"run": Sound.speech}, "call context.raise_if_cancelled() first; got None"),
    (STOPS, {"run": running(lambda _: FOREVER.wait(5))}, "not done after 0.3 s"),
    (STOPS, {"run": raising(Unavailable("gone"))}, "cancelled, it raised Unavailable"),
    (BAD, {"run": Sound.speech}, "raise BadInput for "),
    (BAD, {"run": raising(Unavailable("no"))}, "raise BadInput for "),
    (BAD, {"run": raising(BadInput("no", field="texts"))}, "field 'texts': one of "),
    (BAD, {"run": raising(BadInput("", field="text[3].word"))}, "an error says what was wrong"),
]  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path / "bench") as made:
        yield made


@pytest.fixture
def judge(
    work: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, Provider[Any, Any]], None]]:
    """Puts a provider to one test of the contract, with less patience."""
    monkeypatch.setattr(rules, "CHECK_S", 0.3)
    monkeypatch.setattr(rules, "CANCEL_S", 0.3)
    (tmp_path / "bench").mkdir()

    def call(test: str, provider: Provider[Any, Any]) -> None:
        method = getattr(ProviderContract(), test)
        known = {
            "provider": provider,
            "valid_request": SpeechRequest(text="So."),
            "bad_requests": [SpeechRequest(text="...")],
            "bench": work,
            "tmp_path": tmp_path,
            "monkeypatch": monkeypatch,
        }
        method(**{name: known[name] for name in inspect.signature(method).parameters})

    yield call
    FOREVER.set()
    FOREVER.clear()


@pytest.mark.parametrize(("test", "fault", "message"), FAULTS, ids=[f"{test}-{message}" for test, _, message in FAULTS])
def test_a_fault_fails_its_test(judge: Callable[..., None], test: str, fault: dict[str, Any], message: str) -> None:
    provider = type("Faulty", (Sound,), fault)

    with pytest.raises(Exception) as failed:  # noqa: PT011  # an assertion, or the provider's own error
        judge(test, provider() if "__init__" not in fault else Sound.__new__(provider))

    assert message in str(failed.value)


@pytest.mark.parametrize("test", sorted({test for test, _, _ in FAULTS}))
def test_a_sound_provider_passes(judge: Callable[..., None], test: str) -> None:
    judge(test, Sound())


def test_another_result_each_time_is_allowed_when_it_is_said(judge: Callable[..., None]) -> None:
    def speech(_: Sound, request: SpeechRequest, context: Context) -> Speech:
        audio = context.store.put_bytes(b"a", name="a.wav", media_type="audio/wav")
        return Speech(audio=audio, duration_s=1.0 + next(COUNTER), text=request.text)

    judge(TWICE, type("Varied", (Sound,), {"deterministic": False, "speech": speech})())


def test_a_provider_that_no_plugin_offers_fails(judge: Callable[..., None]) -> None:
    with pytest.raises(AssertionError, match="no installed plugin offers it"):
        judge("test_is_offered_by_an_installed_plugin", Sound())


def test_a_plugin_that_imports_heavy_libraries_fails(judge: Callable[..., None], install: Callable[..., None]) -> None:
    source = "from coursewright.providers import Provider\nclass Heavy(Provider):\n    def run(self, *_): ...\n"
    install("light-voice", source)
    install("heavy-voice", f"import PIL\n{source}")
    test = "test_its_plugin_imports_nothing_heavy"

    judge(test, importlib.import_module("light_voice").Heavy())
    with pytest.raises(AssertionError, match="import heavy libraries where a request is served"):
        judge(test, importlib.import_module("heavy_voice").Heavy())


def test_every_test_of_the_contract_is_tried() -> None:
    tests = {name for name in vars(ProviderContract) if name.startswith("test_")}

    assert tests - {test for test, _, _ in FAULTS} == {
        "test_is_offered_by_an_installed_plugin",
        "test_its_plugin_imports_nothing_heavy",
    }
