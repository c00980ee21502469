"""What a provider is, and what the engine hands it for one request."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.secrets import Secret
from coursewright.store.contract import Store

T = TypeVar("T")
Request = TypeVar("Request", bound=msgspec.Struct)
Result = TypeVar("Result", bound=msgspec.Struct, covariant=True)

Cost = Literal["free", "metered", "gpu"]


class NoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a provider without options of its own."""


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
    Options: ClassVar[type[msgspec.Struct]] = NoOptions
    """A frozen struct with a default for every field; its fields stand in `with` beside the request's."""

    def __init__(self, options: msgspec.Struct | None = None) -> None:
        self.options: Any = self.Options() if options is None else options

    def check(self) -> Health:
        """Can it serve now? May ask the service, cheaply; never called while a pipeline is checked."""
        return Health()

    def estimate(self, request: Request) -> Estimate:
        """What this request will take, as far as it is known."""
        return Estimate()

    @abstractmethod
    def run(self, request: Request, context: Context) -> Result:
        """Serve one request, blocking. Raises the classes under `coursewright.errors.ProviderError`."""
