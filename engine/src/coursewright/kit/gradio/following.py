"""What a job says of itself, told forward only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coursewright.kit.gradio.words import plain

Progress = Callable[[float, float, str], None]


class Follower:
    """Passes on what the service reports: a share when it tells one, its words otherwise, each once."""

    def __init__(self, what: str, say: Progress) -> None:
        self._what = what
        self._say = say
        self._share = 0.0
        self._said: tuple[float, str] | None = None

    def say(self, message: str, share: float | None = None) -> None:
        """`share` is of 1; without one, or with one that goes back, the last stays."""
        if share is not None:
            self._share = max(self._share, min(1.0, share))
        if (self._share, message) != self._said:
            self._said = (self._share, message)
            self._say(self._share, 1.0, message)

    def take(self, status: Any) -> None:
        """A `StatusUpdate` of gradio_client."""
        code = status.code.name
        if code == "IN_QUEUE":
            self.say(self._queued(status.rank, status.eta))
        elif code == "PROCESSING":
            self.say(f"{self._what} is working")
        elif code == "PROGRESS" and status.progress_data:
            # Nested trackers: the first is the outermost.
            unit = status.progress_data[0]
            self.say(plain(unit.desc) if unit.desc else f"{self._what} is working", _share(unit))
        elif code == "LOG" and status.log:
            self.say(plain(status.log[0]))

    def _queued(self, rank: int | None, eta_s: float | None) -> str:
        place = f"{rank} ahead in the queue" if rank else "next in the queue"
        about = f", about {eta_s:.0f} s" if eta_s else ""
        return f"{place} of {self._what}{about}"


def _share(unit: Any) -> float | None:
    if isinstance(unit.progress, int | float) and unit.progress >= 0:
        return float(unit.progress)
    if unit.index is not None and unit.length:
        return float(unit.index / unit.length)
    return None
