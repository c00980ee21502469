"""Offline narration in over a hundred languages, with word and phoneme timings."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_tts_espeak.provider import EspeakVoice


@hookimpl
def coursewright_providers() -> list[type[EspeakVoice]]:
    """Offer `tts.espeak`."""
    return [EspeakVoice]
