"""Serve one request to a provider, outside any run."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coursewright.providers import Host, Provider
from coursewright.run.context import RequestContext
from coursewright.run.history import InstalledHost
from coursewright.run.processes import Processes
from coursewright.settings import Settings
from coursewright.store.local import LocalStore


class Bench:
    """A store in a folder, and requests to providers against it."""

    def __init__(self, folder: Path, processes: Processes, secrets: dict[str, str]) -> None:
        self.store = LocalStore(folder / "store")
        self.progress: list[tuple[float, float, str]] = []
        self._folder = folder
        self._processes = processes
        self._settings = Settings(data_dir=folder, secrets=secrets)

    def context(self, provider: Provider[Any, Any], *, timeout_s: float = 120.0, reuse: bool = True) -> RequestContext:
        """A fresh context; set `context.cancel` to cancel the request. Without `reuse` its memo makes all anew."""
        scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix="scratch-"))
        return RequestContext(
            store=self.store,
            settings=self._settings,
            processes=self._processes,
            scratch=scratch,
            key=hashlib.sha256(scratch.name.encode()).hexdigest(),
            provider=f"{provider.capability}.{provider.name}",
            provider_version=provider.version,
            timeout_s=timeout_s,
            reuse=reuse,
            on_progress=lambda done, total, message: self.progress.append((done, total, message)),
        )

    def host(self, kind: type[Provider[Any, Any]]) -> Host:
        """What a provider is constructed with: the bench's secrets, and numbers kept in its folder."""
        return InstalledHost(f"{kind.capability}.{kind.name}", self._settings)

    def serve(self, provider: Provider[Any, Any], request: Any, *, timeout_s: float = 120.0) -> Any:
        """`provider.run(request, …)` in this thread."""
        return provider.run(request, self.context(provider, timeout_s=timeout_s))


@contextlib.contextmanager
def bench(folder: Path, *, workers: int = 1, secrets: dict[str, str] | None = None) -> Iterator[Bench]:
    """A `Bench` in `folder`; ends its worker processes when left."""
    processes = Processes(workers)
    try:
        yield Bench(folder, processes, secrets or {})
    finally:
        processes.close()
