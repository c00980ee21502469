"""The tests that every provider passes, whoever wrote it. Needs pytest.

Subclass `ProviderContract` in a test module, say what the provider is and what it is asked:

    class TestMyVoice(ProviderContract):
        @pytest.fixture
        def provider(self) -> MyVoice:
            return MyVoice()

        @pytest.fixture
        def valid_request(self, bench: Bench) -> SpeechRequest:
            return SpeechRequest(text="Two words.")

        @pytest.fixture
        def bad_requests(self, bench: Bench) -> list[SpeechRequest]:
            return [SpeechRequest(text="...")]
"""
# ruff: noqa: S101  # assertions are what tests are made of

from __future__ import annotations

import contextlib
import hashlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath
from typing import Any, TypeVar, cast, get_args

import msgspec
import pytest

from coursewright import catalog
from coursewright.capabilities import CAPABILITIES, result_type
from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import BadInput, Cancelled, ProviderError, TimedOut
from coursewright.providers import Cost, Estimate, Health, Provider
from coursewright.run.context import RequestContext
from coursewright.testing.context import Bench, bench

AnyProvider = Provider[Any, Any]
T = TypeVar("T")

CONSTRUCTION_S = 0.05
"""Checking a pipeline constructs every provider in it, perhaps twenty: together they may take a second."""
CHECK_S = 10.0
"""The patience of `coursewright plugins --health`."""
CANCEL_S = 2.0
"""A context asks to be looked at once a second; doubled for a busy machine."""

HEAVY = frozenset(
    {
        *("aiohttp", "gradio_client", "httpx", "litestar", "openai", "piccolo", "prefect", "requests"),
        *("PIL", "av", "cv2", "markitdown", "typst"),
        *("numpy", "onnxruntime", "pandas", "scipy", "sklearn", "tensorflow", "torch", "transformers"),
    }
)
"""Libraries that take 50 ms and more to import, and that `coursewright check` would have to wait for."""


class ProviderContract:
    """Override the fixtures `provider`, `valid_request` and `bad_requests`; `bench` too, when secrets are needed."""

    @pytest.fixture
    def provider(self) -> AnyProvider:
        """The provider under test, ready to serve."""
        raise NotImplementedError("override the fixture `provider`")

    @pytest.fixture
    def valid_request(self, bench: Bench) -> Any:
        """A small request that the provider serves within seconds; put the artifacts it names into `bench.store`."""
        raise NotImplementedError("override the fixture `valid_request`")

    @pytest.fixture
    def bad_requests(self, bench: Bench) -> Sequence[Any]:
        """Requests of the right type that nobody could serve; none, if nothing in a request can be wrong."""
        raise NotImplementedError("override the fixture `bad_requests`")

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """The engine's side; `bench(tmp_path / "bench", secrets={…})` gives secrets."""
        folder = tmp_path / "bench"
        folder.mkdir()
        with bench(folder) as made:
            yield made

    # -- what it says of itself ----------------------------------------------------------------

    def test_says_who_it_is(self, provider: AnyProvider) -> None:
        assert provider.capability in CAPABILITIES, f"capability: one of {', '.join(CAPABILITIES)}"
        assert re.fullmatch("[a-z][a-z0-9_]{0,39}", provider.name), "name: lower-case letters, digits and _"
        assert provider.version, "version: not empty, or no change of the provider could ever be told"
        assert 0 < len(provider.summary) <= 100, "summary: one line of at most 100 characters"
        assert provider.summary.isprintable(), "summary: one line"
        assert provider.cost in get_args(Cost), f"cost: one of {', '.join(get_args(Cost))}"
        assert isinstance(provider.deterministic, bool), "deterministic: True or False"
        assert provider.concurrency is None or provider.concurrency >= 1, "concurrency: None, or at least 1"

    def test_is_offered_by_an_installed_plugin(self, provider: AnyProvider) -> None:
        found = catalog.installed()
        offer = found.offers.get(f"{provider.capability}.{provider.name}")
        assert offer is not None, f"no installed plugin offers it; failures: {found.failures}"
        assert offer.provider is type(provider), "another class is offered under this id"

    def test_options_have_defaults_and_refuse_what_they_do_not_know(self, provider: AnyProvider) -> None:
        options = provider.Options
        assert options.__struct_config__.frozen, "options: a frozen struct"
        assert options.__struct_config__.forbid_unknown_fields, "options: forbid_unknown_fields=True"
        defaults = msgspec.to_builtins(options())
        assert msgspec.convert(defaults, options) == options(), "options: a default outside its own limits"
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**defaults, "no such option": 1}, options)

    # -- what may happen before a run ----------------------------------------------------------

    def test_construction_touches_nothing_and_is_quick(self, provider: AnyProvider) -> None:
        kind = type(provider)
        times = []
        with _touched() as touched:
            for _ in range(5):
                started = time.perf_counter()
                kind(kind.Options())
                times.append(time.perf_counter() - started)
        assert touched == [], "construction opens nothing, imports nothing and starts nothing"
        assert min(times) < CONSTRUCTION_S, f"construction took {min(times):.3f} s"

    def test_its_plugin_imports_nothing_heavy(self, provider: AnyProvider) -> None:
        plugin = type(provider).__module__.partition(".")[0]
        program = f"import sys, {plugin}; print(*sorted({set(HEAVY)!r} & sys.modules.keys()))"
        path = [entry for entry in sys.path if entry]
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; {program}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [], "import heavy libraries where a request is served"

    def test_check_answers_in_time(self, provider: AnyProvider) -> None:
        health = _within(CHECK_S, provider.check)
        assert isinstance(health, Health), "check() returns a Health"
        if health.state != "ready":
            assert health.reason, "a provider that is not ready says why"
            assert health.remedy, "a provider that is not ready says what to do"

    def test_estimate_is_honest(self, provider: AnyProvider, valid_request: Any) -> None:
        estimate = _within(CANCEL_S, lambda: provider.estimate(valid_request))
        assert isinstance(estimate, Estimate), "estimate() returns an Estimate"
        assert estimate.seconds is None or estimate.seconds >= 0, f"seconds: {estimate.seconds}"
        assert estimate.money is None or estimate.money >= 0, f"money: {estimate.money}"

    # -- serving -------------------------------------------------------------------------------

    def test_serves_and_leaves_nothing_behind(
        self,
        provider: AnyProvider,
        valid_request: Any,
        bench: Bench,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folders = [tmp_path / "temporary", tmp_path / "working"]
        for folder in folders:
            folder.mkdir()
        monkeypatch.setenv("TMPDIR", str(folders[0]))
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.chdir(folders[1])

        result = bench.serve(provider, valid_request)

        expected = result_type(provider.capability, getattr(valid_request, "returns", None))
        assert type(result) is expected, f"run() returns a {expected.__name__}"
        assert msgspec.json.decode(msgspec.json.encode(result), type=expected) == result, "a value outside its limits"
        for artifact in _artifacts(result):
            _assert_stored(artifact, bench)
        _assert_forward(bench.progress)
        left = [path.relative_to(folder) for folder in folders for path in folder.rglob("*")]
        assert left == [], f"files belong into context.scratch; left behind: {', '.join(map(str, left))}"

    def test_serves_twice_at_once_and_alike(self, provider: AnyProvider, valid_request: Any, bench: Bench) -> None:
        def serve(_: int) -> Any:
            return provider.run(valid_request, bench.context(provider, reuse=False))

        with ThreadPoolExecutor(min(2, provider.concurrency or 2)) as threads:
            first, second = threads.map(serve, range(2))
        assert type(first) is type(second), "the same request gave a result of another type"
        assert first == second or not provider.deterministic, (
            "the same request gave another result: make it the same, or say deterministic = False"
        )

    # -- stopping ------------------------------------------------------------------------------

    def test_does_not_begin_when_cancelled(self, provider: AnyProvider, valid_request: Any, bench: Bench) -> None:
        context = bench.context(provider)
        context.cancel.set()
        error = _within(CANCEL_S, lambda: _error(provider, valid_request, context))
        assert isinstance(error, Cancelled), f"call context.raise_if_cancelled() first; got {error!r}"

    def test_stops_when_cancelled(self, provider: AnyProvider, valid_request: Any, bench: Bench) -> None:
        context = bench.context(provider, reuse=False)
        wait = _start(lambda: _error(provider, valid_request, context))
        with contextlib.suppress(AssertionError):
            wait(0.2)  # long enough to be in the middle of anything that takes long
        context.cancel.set()
        error = wait(CANCEL_S)
        assert error is None or isinstance(error, Cancelled), f"cancelled, it raised {error!r}"

    def test_keeps_its_deadline(self, provider: AnyProvider, valid_request: Any, bench: Bench) -> None:
        context = bench.context(provider, timeout_s=0.0)
        error = _within(CANCEL_S, lambda: _error(provider, valid_request, context))
        assert isinstance(error, TimedOut), f"call context.raise_if_cancelled() first; got {error!r}"

    def test_a_bad_request_names_the_field_at_fault(
        self, provider: AnyProvider, bad_requests: Sequence[Any], bench: Bench
    ) -> None:
        for request in bad_requests:
            error = _error(provider, request, bench.context(provider))
            assert isinstance(error, BadInput), f"raise BadInput for {request}; got {error!r}"
            assert error.message, "an error says what was wrong"
            known = {*type(request).__struct_fields__, *provider.Options.__struct_fields__}
            assert re.split(r"[.\[]", error.field)[0] in known, f"field {error.field!r}: one of {sorted(known)}"


def _assert_stored(artifact: Artifact, bench: Bench) -> None:
    data = bench.store.fetch(artifact).read_bytes()
    assert hashlib.sha256(data).hexdigest() == artifact.digest, f"{artifact.name}: digest"
    assert len(data) == artifact.size_bytes, f"{artifact.name}: size_bytes"
    assert "/" in artifact.media_type, f"{artifact.name}: media type {artifact.media_type!r}"
    assert artifact.name, "an artifact has a name to offer a person"
    assert PurePath(artifact.name).name == artifact.name, f"{artifact.name}: a file name, not a path"


def _assert_forward(progress: Sequence[tuple[float, float, str]]) -> None:
    assert all(0 <= done <= total and total > 0 for done, total, _ in progress), f"0 ≤ done ≤ total: {progress}"
    fractions = [done / total for done, total, _ in progress]
    assert fractions == sorted(fractions), f"progress goes forward: {progress}"


def _error(provider: AnyProvider, request: Any, context: RequestContext) -> ProviderError | None:
    """What serving raised, or None. Anything but a ProviderError is a defect and goes on up."""
    try:
        provider.run(request, context)
    except ProviderError as error:
        return error
    return None


def _within(patience_s: float, work: Callable[[], T]) -> T:
    return _start(work)(patience_s)


def _start(work: Callable[[], T]) -> Callable[[float], T]:
    """Begin the work in a thread that nobody has to wait for.

    The returned function waits: it gives the result, raises what the work raised, or AssertionError after its
    patience in seconds.
    """
    outcome: list[tuple[T | None, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:  # raised again in the thread that waits
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait(patience_s: float) -> T:
        thread.join(patience_s)
        assert outcome, f"not done after {patience_s:g} s"
        result, error = outcome[0]
        if error is not None:
            raise error
        return cast(T, result)

    return wait


def _artifacts(value: Any) -> Iterator[Artifact]:
    if isinstance(value, Artifact):
        yield value
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _artifacts(getattr(value, field))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _artifacts(item)


_OUTSIDE = ("import", "open", "os.", "shutil.", "socket.", "sqlite3.", "subprocess.", "tempfile.", "urllib.")
_watching: dict[int, list[str]] = {}
"""Audit events by the thread that is watched."""


@contextlib.contextmanager
def _touched() -> Iterator[list[str]]:
    """The audit events of this thread that reach outside the process, while the block runs."""
    _install_audit_hook()
    events: list[str] = []
    _watching[threading.get_ident()] = events
    try:
        yield events
    finally:
        del _watching[threading.get_ident()]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event.startswith(_OUTSIDE):
        events = _watching.get(threading.get_ident())
        if events is not None:
            events.append(f"{event} {arguments[0] if arguments else ''}".strip())


_installed: list[bool] = []


def _install_audit_hook() -> None:
    """Once in a process: Python knows no way to take an audit hook out again."""
    if not _installed:
        sys.addaudithook(_audit)
        _installed.append(True)
