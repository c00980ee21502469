"""What the three services have in common: the shape of a request, and the errors that are told alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from coursewright.capabilities.tts import SpeechRequest
from coursewright.errors import AuthFailed, BadInput, Busy, ProviderError, TimedOut
from coursewright.kit.speech.sounds import sounds_in
from coursewright.providers import Context, Health, Host

from coursewright_tts_zyphra.options import ZyphraOptions, ZyphraService

MOST_CHARACTERS = 500
"""What callers of the hosted service send at most, to stay below its gateway's 100 s; Zonos' own page takes no more."""
FEWEST_CHARACTERS = 40
"""Shorter parts sound like a list of words."""
_USUAL_RATE = 15.0
_SPOKEN = 0.6
"""Zonos reckons 30 s for 400 characters at a rate of 15: pauses included, 0.6 of the rate is spoken."""


class TooLong(TimedOut):
    """The service gave up on a part of the text, or cut its speech off: shorter parts may do."""


Tell = Callable[[float, float, str], None]


class Voicing(msgspec.Struct, frozen=True):
    """One request made ready: `say` speaks a part into a folder; `key` is all that decides how it sounds."""

    say: Callable[[str, Path], Path]
    key: Any


class Line(ABC):
    """One of the services. Raises the classes under `ProviderError` from every method."""

    what: ClassVar[str]
    part_s: ClassVar[float]
    """Speech that one request is sure to hold."""
    takes: ClassVar[frozenset[str]]
    """The options that mean something here."""

    def __init__(self, service: ZyphraService, options: ZyphraOptions, host: Host) -> None:
        self.service = service
        self.options = options
        self.host = host

    @abstractmethod
    def voicing(self, request: SpeechRequest, sample: Path | None, context: Context, tell: Tell) -> Voicing:
        """Look at the request before anything is sent; `sample` is the voice to clone, as WAV.

        `tell(done, total, message)` is for the progress within one part, where the service reports any.
        """

    @abstractmethod
    def health(self) -> Health:
        """Ask the service, within 10 s and at no cost."""

    def limit(self, text: str) -> int:
        """Characters that are spoken within `part_s`, in the text's own script, at the rate asked for."""
        density = max(sounds_in(text) / len(text), 0.3)
        rate = _SPOKEN * (self.options.speaking_rate or _USUAL_RATE)
        return max(FEWEST_CHARACTERS // 2, min(MOST_CHARACTERS, int(self.part_s * rate / density)))

    def say_what_is_unused(self, request: SpeechRequest, context: Context) -> None:
        """A notice for what was set and has no effect here: the speech is still worth having.

        A voice asked for by name is another matter. Raises BadInput when this service knows none.
        """
        given = [name for name in ZyphraOptions.__struct_fields__ if getattr(self.options, name) not in (None, "")]
        named = [name for name in ("voice_name", "default_voice_name") if name in given]
        if request.voice is not None and named:
            context.notice(f"the voice sample is used, and not the voice that {named[0]} names")
        elif len(named) > 1:
            raise BadInput(
                "two voices are named: voice_name and default_voice_name",
                field=named[0],
                remedy="leave one of them out",
            )
        elif named and named[0] not in self.takes:
            raise BadInput(
                f"{self.what} has no voices by that kind of name",
                field=named[0],
                remedy="give a sample as `voice`, or leave the name out",
            )
        if unused := [name for name in given if name not in self.takes and name not in named]:
            context.notice(f"{self.what} knows no {' and no '.join(unused)}: not used")

    def bounded(self, name: str, low: float, high: float, context: Context) -> Any:
        """The option's value within what this service takes, with a notice when that is another."""
        value = getattr(self.options, name)
        if value is None or low <= value <= high:
            return value
        nearest = type(value)(min(max(value, low), high))
        context.notice(f"{self.what} takes {name} from {low:g} to {high:g}: {nearest:g} is used")
        return nearest


def health_of(error: ProviderError) -> Health:
    """What an error that was met while asking means for the requests to come."""
    state: Any = "degraded" if isinstance(error, Busy) else "unavailable"
    remedy = error.remedy or "try again later"
    if isinstance(error, AuthFailed):
        return Health(state=state, reason=f"the key is missing or wrong: {error.message}", remedy=remedy)
    return Health(state=state, reason=error.message, remedy=remedy)
