"""What was measured in this installation: how long providers take, and how fast voices speak."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from coursewright.providers import Estimate
from coursewright.secrets import Secret
from coursewright.settings import Settings

KEPT = 40
"""Measurements of each kind: enough for a median, and soon forgotten when a service becomes quicker."""
_ENOUGH = 1

T = TypeVar("T")


class Paces(msgspec.Struct):
    """One provider's file. `requests` are (size, seconds) of requests served, the latest last."""

    requests: list[tuple[float, float]] = []
    facts: dict[str, float] = {}


class SpeechPaces(msgspec.Struct):
    """Characters a second of speech made here, by language, the latest last."""

    by_language: dict[str, list[float]] = {}


class History:
    """Small files in `folder`. Losing them loses estimates, so no failure to read or write is told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note_request(self, provider: str, size: float, seconds: float) -> None:
        """A request of that `Provider.size` was served in so many seconds."""

        def note(paces: Paces) -> None:
            paces.requests = [*paces.requests, (size, seconds)][-KEPT:]

        self._change(provider, Paces, note)

    def note_speech(self, language: str, characters: int, duration_s: float) -> None:
        """A voice has said a text of so many characters."""

        def note(paces: SpeechPaces) -> None:
            paces.by_language[language] = [*paces.by_language.get(language, []), characters / duration_s][-KEPT:]

        self._change("speech", SpeechPaces, note)

    def seconds(self, provider: str, size: float) -> float | None:
        """What a request of that size is likely to take; None without a measurement.

        Half of the requests measured took less for each unit.
        """
        rates = [seconds / max(measured, 1e-9) for measured, seconds in self._read(provider, Paces).requests]
        return statistics.median(rates) * size if len(rates) >= _ENOUGH else None

    def usual_s(self, provider: str) -> float | None:
        """Half of the last requests took less, whatever their size; None without a measurement."""
        measured = self._read(provider, Paces).requests
        return statistics.median(seconds for _, seconds in measured) if measured else None

    def speech_pace(self, language: str) -> float | None:
        """Characters a second, for a language or, failing that, for its family: `en` for `en-GB`."""
        known = self._read("speech", SpeechPaces).by_language
        family = language.partition("-")[0]
        alike = [paces for name, paces in known.items() if name.partition("-")[0] == family]
        found = known.get(language) or next(iter(alike), [])
        return statistics.median(found) if found else None

    def remember(self, provider: str, fact: str, value: float) -> None:
        """Keep a number of a provider's own."""
        self._change(provider, Paces, lambda paces: paces.facts.__setitem__(fact, value))

    def recall(self, provider: str, fact: str) -> float | None:
        """The number kept last under that name."""
        return self._read(provider, Paces).facts.get(fact)

    def _path(self, name: str) -> Path:
        return self._folder / f"{re.sub('[^a-z0-9_.-]', '_', name)}.json"

    def _read(self, name: str, kind: type[T]) -> T:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(self._path(name).read_bytes(), type=kind)
        return kind()

    def _change(self, name: str, kind: type[T], change: Callable[[T], None]) -> None:
        with contextlib.suppress(OSError), self._locked():
            value = self._read(name, kind)
            change(value)
            temporary = self._path(name).with_suffix(".new")
            temporary.write_bytes(msgspec.json.encode(value))
            temporary.replace(self._path(name))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


class InstalledHost:
    """`coursewright.providers.Host` for one provider of this installation."""

    def __init__(self, provider: str, settings: Settings) -> None:
        self._provider = provider
        self._settings = settings
        self._history = history_of(settings)

    def secret(self, name: str) -> Secret:
        return self._settings.secret(name)

    def remember(self, fact: str, value: float) -> None:
        self._history.remember(self._provider, fact, value)

    def recall(self, fact: str) -> float | None:
        return self._history.recall(self._provider, fact)

    def expected(self, size: float) -> Estimate:
        price = self._settings.prices.get(self._provider)
        seconds = self._history.seconds(self._provider, size)
        if price is None:
            return Estimate(seconds=seconds)
        return Estimate(seconds=seconds, money=price.per_unit * size, currency=price.currency)

    def speech_pace(self, language: str) -> float | None:
        return self._history.speech_pace(language)


def history_of(settings: Settings) -> History:
    """The history of this installation."""
    return History(settings.data_dir / "history")
