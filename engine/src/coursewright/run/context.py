"""The engine's side of one request to a provider: `coursewright.providers.Context`, made real."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import Cancelled, TimedOut
from coursewright.run.processes import Processes
from coursewright.secrets import Secret
from coursewright.settings import Settings
from coursewright.store.contract import Store

T = TypeVar("T")


def _nothing(*_: Any) -> None:
    """For a caller that does not listen."""


class RequestContext:
    """One request's context. `cancel` is set by the engine when the run is cancelled or time is up.

    `scratch` is made when it is first asked for, in a folder that exists.
    """

    def __init__(
        self,
        *,
        store: Store,
        settings: Settings,
        processes: Processes,
        scratch: Path,
        key: str,
        provider: str,
        provider_version: str,
        timeout_s: float,
        reuse: bool = True,
        cancel: threading.Event | None = None,
        on_progress: Callable[[float, float, str], None] = _nothing,
        on_answered: Callable[[], None] = _nothing,
    ) -> None:
        self.store = store
        self.key = key
        self._scratch = scratch
        self.log = logging.getLogger(f"coursewright.provider.{provider}")
        self.cancel = cancel or threading.Event()
        self.notices: list[str] = []
        self._settings = settings
        self._processes = processes
        self._identity = (provider, provider_version)
        self._ends = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._reuse = reuse
        self._on_progress = on_progress
        self._on_answered = on_answered

    @property
    def scratch(self) -> Path:
        self._scratch.mkdir(exist_ok=True)
        return self._scratch

    @property
    def deadline_s(self) -> float:
        return max(0.0, self._ends - time.monotonic())

    @property
    def cancelled(self) -> bool:
        return self.cancel.is_set() or self.deadline_s <= 0

    def raise_if_cancelled(self) -> None:
        if self.cancel.is_set():
            raise Cancelled("the run was cancelled")
        if self.deadline_s <= 0:
            raise TimedOut(
                f"not finished after {self._timeout_s:g} s", remedy="raise the step's timeout, or shorten its input"
            )

    def progress(self, done: float, total: float, message: str = "") -> None:
        self._on_progress(done, total, message)

    def answered(self) -> None:
        self._on_answered()

    def notice(self, message: str) -> None:
        if message not in self.notices:
            self.notices.append(message)

    def secret(self, name: str) -> Secret:
        return self._settings.secret(name)

    def memo(self, parts: Any, make: Callable[[], Artifact]) -> Artifact:
        key = hashlib.sha256(msgspec.json.encode(("memo", *self._identity, parts), order="deterministic")).hexdigest()
        if self._reuse and (record := self.store.read_record(key)) is not None:
            try:
                known = msgspec.json.decode(record, type=Artifact)
            except msgspec.DecodeError:
                known = None
            if known is not None and self.store.verify(known):
                return known
        made = make()
        self.store.write_record(key, msgspec.json.encode(made))
        return made

    def in_process(self, function: Callable[..., T], /, *args: Any) -> T:
        return self._processes.run(function, args, self.raise_if_cancelled)
