"""A portrait that speaks, animated by SadTalker."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

from coursewright_video_sadtalker.provider import SadTalkerVideo


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """`video.sadtalker`."""
    return [SadTalkerVideo]
