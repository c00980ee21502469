"""Narration by any server with OpenAI's speech interface."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

from coursewright_tts_openai.provider import SpeechServer


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """Called by the engine once per process."""
    return [SpeechServer]
