"""A portrait that speaks, animated by KDTalker."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

from coursewright_video_kdtalker.provider import KDTalkerVideo


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """`video.kdtalker`."""
    return [KDTalkerVideo]
