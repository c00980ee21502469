"""Narration by Piper's neural voices on this machine."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """Nothing yet."""
    return []
