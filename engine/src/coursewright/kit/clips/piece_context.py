"""The engine's side of one piece: what all pieces share, with a folder and progress of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from coursewright.capabilities.artifacts import Artifact
from coursewright.kit.clips.jobs import Piece
from coursewright.providers import Context
from coursewright.secrets import Secret
from coursewright.store.contract import Store

T = TypeVar("T")


class Tally:
    """How much of the sound is animated: whole pieces only, since no service says how far it is within one."""

    def __init__(self, context: Context, pieces: Sequence[Piece]) -> None:
        self.context = context
        self._pieces = list(pieces)
        self._total_s = sum(piece.duration_s for piece in pieces)
        self._done_s = 0.0
        self._lock = threading.Lock()

    def say(self, piece: Piece, message: str) -> None:
        """Hand on what the service says about a piece."""
        with self._lock:
            self.context.progress(min(self._done_s, self._total_s), self._total_s, self._named(piece, message))

    def done(self, piece: Piece) -> None:
        with self._lock:
            self._done_s += piece.duration_s
            self.context.progress(min(self._done_s, self._total_s), self._total_s, self._named(piece, "done"))

    def _named(self, piece: Piece, message: str) -> str:
        if len(self._pieces) == 1:
            return message
        return f"piece {self._pieces.index(piece) + 1} of {len(self._pieces)}: {message or 'at work'}"


class PieceContext:
    """`coursewright.providers.Context` for one piece, for the provider's call to the service."""

    def __init__(self, tally: Tally, piece: Piece) -> None:
        self._tally = tally
        self._piece = piece
        self._whole = tally.context
        self._scratch = self._whole.scratch / f"at{piece.first}"

    @property
    def store(self) -> Store:
        return self._whole.store

    @property
    def key(self) -> str:
        return self._whole.key

    @property
    def scratch(self) -> Path:
        self._scratch.mkdir(exist_ok=True)
        return self._scratch

    @property
    def log(self) -> logging.Logger:
        return self._whole.log

    @property
    def deadline_s(self) -> float:
        return self._whole.deadline_s

    @property
    def cancelled(self) -> bool:
        return self._whole.cancelled

    def raise_if_cancelled(self) -> None:
        self._whole.raise_if_cancelled()

    def progress(self, done: float, total: float, message: str = "") -> None:
        """The service's fraction is not handed on: KDTalker's counts its first, short phase only."""
        self._tally.say(self._piece, message)

    def answered(self) -> None:
        """Other pieces may still be asked for."""

    def notice(self, message: str) -> None:
        self._whole.notice(message)

    def secret(self, name: str) -> Secret:
        return self._whole.secret(name)

    def memo(self, parts: Any, make: Callable[[], Artifact]) -> Artifact:
        return self._whole.memo(parts, make)

    def in_process(self, function: Callable[..., T], /, *args: Any) -> T:
        return self._whole.in_process(function, *args)
