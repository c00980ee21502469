"""Narration in a cloned voice by Zyphra's service, or by a Zonos of your own."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_tts_zyphra.provider import ZyphraVoice


@hookimpl
def coursewright_providers() -> list[type[ZyphraVoice]]:
    """Offer `tts.zyphra`."""
    return [ZyphraVoice]
