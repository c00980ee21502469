"""Talking heads behind a Gradio app: the call for one piece, and the app's health."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from coursewright.errors import AuthFailed, BadInput, Busy, ProviderError, Unavailable
from coursewright.kit.gradio import Endpoint, Space
from coursewright.providers import Context, Health
from coursewright.secrets import Secret


class Line(msgspec.Struct, frozen=True):
    """How one of an app's known interfaces is called: its endpoint, and its arguments for a picture and a sound."""

    endpoint: str
    arguments: Callable[[Path, Path], dict[str, Any]]


Choose = Callable[[dict[str, Endpoint]], Line]
"""Which of the endpoints to call, and how. Raises Unavailable naming what was found when none is known."""


class SpaceAsker:
    """The `Ask` of an app: its description is read once, and each piece is a call of its own, in its own session."""

    def __init__(self, space_for: Callable[[Context], Space], choose: Choose) -> None:
        self._space_for = space_for
        self._choose = choose
        self._lock = threading.Lock()
        self._line: Line | None = None

    def __call__(self, portrait: Path, sound: Path, context: Context) -> Path:
        space = self._space_for(context)
        with self._lock:
            if self._line is None:
                self._line = self._choose(space.endpoints())
        try:
            result = space.call(self._line.endpoint, self._line.arguments(portrait, sound))
        except Unavailable as error:
            raise explained(error, space.what) from error
        return video_in(result, space.what)


def explained(error: Unavailable, what: str) -> ProviderError:
    """What an app's failure means that was raised while it worked on a face.

    Both models say that they find no face by `raise "some text"`, which Python itself refuses with a TypeError; and
    they fail on it without a word where the app does not show errors. Their SadTalker ancestor says it properly.
    """
    words = error.detail.lower()
    if "must derive from baseexception" in words or "no face" in words:
        return BadInput(
            f"{what} finds no face in the portrait",
            field="portrait",
            remedy="use a photo of one person who looks straight into the camera, evenly lit, nothing before the face",
            detail=error.detail,
        )
    if error.message.endswith("gave no reason"):
        return Unavailable(
            f"{what} failed and gave no reason; most often it finds no face in the portrait that it can use",
            remedy="try again once; then try another photo, or another provider",
            detail=error.detail,
        )
    return error


def video_in(result: Any, what: str) -> Path:
    """The video among what an endpoint returned. Raises Busy when there is none."""
    candidates = result if isinstance(result, list | tuple) else [result]
    for value in candidates:
        if isinstance(value, Path):
            return value
    words = str(result) if isinstance(result, str) else type(result).__name__
    raise Busy(
        f"{what} answered without a video",
        remedy="run again; when it stays so, set the address of another copy or use another provider",
        detail=words[:300],
    )


def token_from(secret: Callable[[str], Secret]) -> Secret | None:
    """The Hugging Face token, which is optional. `secret` is a host's or a context's."""
    try:
        return secret("HF_TOKEN")
    except AuthFailed:
        return None


def health_of(space: Space, choose: Choose) -> Health:
    """The app's own health, unless it is awake and another than those that are known."""
    health = space.probe()
    if health.state != "ready":
        return health
    try:
        choose(space.endpoints())
    except ProviderError as error:
        return Health(state="unavailable", reason=error.message, remedy=error.remedy)
    return health
