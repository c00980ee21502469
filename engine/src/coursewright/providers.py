"""What a provider is, and what the engine hands it for one request."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import AuthFailed
from coursewright.secrets import Secret
from coursewright.store.contract import Store

T = TypeVar("T")
Request = TypeVar("Request", bound=msgspec.Struct)
Result = TypeVar("Result", bound=msgspec.Struct, covariant=True)

Cost = Literal["free", "metered", "gpu"]


class NoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a provider without options of its own."""


class NoService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a provider that asks nobody else."""


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """May this provider be used now? If not: why, and what to do about it."""

    state: Literal["ready", "degraded", "unavailable"] = "ready"
    reason: str = ""
    remedy: str = ""


class Estimate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one request will take; None is an honest "unknown"."""

    seconds: float | None = None
    money: float | None = None
    currency: str = "USD"


class Host(Protocol):
    """What this installation knows that a provider may need before a run. Every method is safe in any thread."""

    def secret(self, name: str) -> Secret:
        """The secret of that name from the settings; raises `AuthFailed` with the remedy when unset."""

    def remember(self, fact: str, value: float) -> None:
        """Keep a number about this provider for later processes, such as the seconds that waking it took."""

    def recall(self, fact: str) -> float | None:
        """The number kept under that name in this installation, if any."""

    def expected(self, size: float) -> Estimate:
        """What a request of that `Provider.size` takes: by what was measured here and the price in the settings."""

    def speech_pace(self, language: str) -> float | None:
        """Characters a second of the speech last made here in that language; None when none was made."""


class NoHost:
    """For a provider built outside any installation: knows nothing and keeps nothing."""

    def secret(self, name: str) -> Secret:
        raise AuthFailed(f"the secret {name} is not set", remedy=f"set COURSEWRIGHT_SECRET_{name}")

    def remember(self, fact: str, value: float) -> None:
        """Nothing is kept."""

    def recall(self, fact: str) -> float | None:
        return None

    def expected(self, size: float) -> Estimate:
        return Estimate()

    def speech_pace(self, language: str) -> float | None:
        return None


class Context(Protocol):
    """The engine's side of one request. Every method may be called from the provider's own thread."""

    @property
    def store(self) -> Store:
        """Where artifacts are read from and written to."""

    @property
    def key(self) -> str:
        """The step key: 64 hex digits that stand for this request to this provider."""

    @property
    def scratch(self) -> Path:
        """An empty folder of this request's own; removed when the request ends."""

    @property
    def log(self) -> logging.Logger: ...

    @property
    def deadline_s(self) -> float:
        """Seconds left for the whole request."""

    @property
    def cancelled(self) -> bool:
        """Has the run been cancelled or the deadline passed? Look at least once a second."""

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` or `TimedOut` when `cancelled` is true."""

    def progress(self, done: float, total: float, message: str = "") -> None:
        """Say how far the work really is. Never a guess: say nothing when you do not know."""

    def answered(self) -> None:
        """The service has nothing more to do: where the operator limits it, the next request may be sent to it,
        while this one's result is finished here."""

    def notice(self, message: str) -> None:
        """Tell the author something about this result, such as a limit met. Kept with the result."""

    def secret(self, name: str) -> Secret:
        """The secret of that name from the settings; raises `AuthFailed` with the remedy when unset."""

    def memo(self, parts: Any, make: Callable[[], Artifact]) -> Artifact:
        """Reuse a piece of the work from an earlier request of this provider version.

        `parts` is anything msgspec can encode that decides the bytes `make` would produce. The piece
        is made when there is none, when it is damaged, or when the run asked for no cache.
        """

    def in_process(self, function: Callable[..., T], /, *args: Any) -> T:
        """Run a picklable top-level function in a worker process that is killed on cancel or timeout.

        For work that keeps a core busy. Raises what the function raised.
        """


class Provider(ABC, Generic[Request, Result]):
    """One implementation of a capability. Construction opens nothing, imports nothing heavy, cannot fail."""

    capability: ClassVar[str]
    name: ClassVar[str]
    """Lower-case; the provider's id is `capability.name`."""
    summary: ClassVar[str]
    version: ClassVar[str]
    """Part of the step key: raise it whenever the same request would give another result."""
    deterministic: ClassVar[bool] = True
    """Does the same request give an equally good result, so that a stored one may be reused?"""
    cost: ClassVar[Cost] = "free"
    preference: ClassVar[int] = 0
    """When a pipeline names no provider: the highest that is ready. Offline stand-ins stay at 0."""
    concurrency: ClassVar[int | None] = None
    """How many requests it can serve at once; None leaves it to the engine."""
    reads: ClassVar[bool] = False
    """Of a voice: free, offline, and sure of the time of every word, so that its reading of a text finds the words in
    another voice's speech (`coursewright.kit.speech`)."""
    Options: ClassVar[type[msgspec.Struct]] = NoOptions
    """A frozen struct with a default for every field; its fields stand in `with` beside the request's."""
    Service: ClassVar[type[msgspec.Struct]] = NoService
    """Where the service is and how it is reached: a frozen struct with a default for every field. The operator
    sets it (`[services."tts.zyphra"]` in the settings), a pipeline cannot: a key must not follow a stranger's URL."""
    unit: ClassVar[str] = ""
    """What `size` counts and prices are for, such as "character" or "second"."""
    licence: ClassVar[str] = ""
    """Terms that bind its results, in a sentence; shown to the operator and kept with each result."""
    sends: ClassVar[str] = ""
    """What leaves this machine and to whom, in a sentence; empty when nothing does."""

    def __init__(
        self,
        options: msgspec.Struct | None = None,
        *,
        service: msgspec.Struct | None = None,
        host: Host | None = None,
    ) -> None:
        self.options: Any = self.Options() if options is None else options
        self.service: Any = self.Service() if service is None else service
        self.host: Host = NoHost() if host is None else host

    def check(self) -> Health:
        """Can it serve now? Asks the service, cheaply, within 10 s; never called while a pipeline is checked.

        The answer may be `coursewright.kit.health.cached`.
        """
        return Health()

    def identity(self) -> str:
        """Which of several services answers, as far as that decides the result; part of the step key."""
        return ""

    def size(self, request: Request) -> float | None:
        """How large a request is, in `unit`s: what its time and price grow with. None: nobody can tell."""
        return None

    def estimate(self, request: Request) -> Estimate:
        """What this request will take, as far as it is known: from `size` and what was measured here.

        Raises Unsuited for what `run` would refuse as unsuited whatever happens: people then learn it beforehand.
        """
        size = self.size(request)
        return Estimate() if size is None else self.host.expected(size)

    @abstractmethod
    def run(self, request: Request, context: Context) -> Result:
        """Serve one request, blocking. Raises the classes under `coursewright.errors.ProviderError`."""
