"""A reading of a text by a voice that knows its own times, for alignment."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from coursewright import catalog
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.tts import SpeechRequest
from coursewright.errors import Cancelled, ProviderError, TimedOut
from coursewright.kit.speech.aligning import Reading
from coursewright.providers import Context, Provider
from coursewright.secrets import Secret
from coursewright.store.contract import Store
from coursewright.store.local import LocalStore

T = TypeVar("T")


@functools.cache
def reader() -> type[Provider[Any, Any]] | None:
    """The voice that reads, if it is installed here."""
    return next((voice for voice in catalog.installed().of("tts") if voice.reads), None)


def read_aloud(text: str, language: str, context: Context, folder: Path) -> Reading | None:
    """The reading, kept in `folder`; None when no voice reads the whole text in that language."""
    voice = reader()
    if voice is None:
        return None
    aside = _Aside(context, folder)
    try:
        speech = voice().run(SpeechRequest(text=text, language=language), aside)
    except (Cancelled, TimedOut):
        raise
    except (ProviderError, ImportError, OSError) as error:
        context.log.info("no reading to align with: %s", error)
        return None
    if speech.timings is None or aside.told:  # what it tells of is what it left unsaid
        return None
    return Reading(str(aside.store.fetch(speech.audio)), aside.store.fetch(speech.timings).read_bytes())


class _Aside:
    """The context of a request made on the side: results stay in `folder`, and nobody hears of it."""

    def __init__(self, context: Context, folder: Path) -> None:
        self._context = context
        self.scratch = folder
        self.store: Store = LocalStore(folder / "store")
        self.told: list[str] = []

    @property
    def key(self) -> str:
        return self._context.key

    @property
    def log(self) -> logging.Logger:
        return self._context.log

    @property
    def deadline_s(self) -> float:
        return self._context.deadline_s

    @property
    def cancelled(self) -> bool:
        return self._context.cancelled

    def raise_if_cancelled(self) -> None:
        self._context.raise_if_cancelled()

    def progress(self, done: float, total: float, message: str = "") -> None:
        """The reading is no part of what was asked."""

    def answered(self) -> None:
        """Nobody else was asked."""

    def notice(self, message: str) -> None:
        self.told.append(message)

    def secret(self, name: str) -> Secret:
        return self._context.secret(name)

    def memo(self, parts: Any, make: Callable[[], Artifact]) -> Artifact:
        return make()

    def in_process(self, function: Callable[..., T], /, *args: Any) -> T:
        return self._context.in_process(function, *args)
