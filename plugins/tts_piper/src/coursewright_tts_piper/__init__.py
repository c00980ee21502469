"""Natural offline narration by Piper's neural voices."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_tts_piper.provider import PiperNarration


@hookimpl
def coursewright_providers() -> list[type[PiperNarration]]:
    """Offer `tts.piper`."""
    return [PiperNarration]
