"""A film becomes an MP4 with its captions, chapters and transcript beside it."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

from coursewright_export_mp4.provider import Mp4Export


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """`export.mp4`."""
    return [Mp4Export]
