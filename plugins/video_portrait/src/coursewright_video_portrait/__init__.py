"""A photo or drawing speaks: lips from phonemes, blinks and a slight sway, offline."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_video_portrait.provider import PortraitVideo


@hookimpl
def coursewright_providers() -> list[type[PortraitVideo]]:
    """Offer `video.portrait`."""
    return [PortraitVideo]
