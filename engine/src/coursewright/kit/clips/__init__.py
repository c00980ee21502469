"""Talking heads from services that animate one face for some seconds: everything but the call itself.

`animate` prepares the portrait, cuts the sound into pieces, has each of them animated by the provider's own
function, and joins the answers into one clip. The other modules run in worker processes.
"""

from __future__ import annotations

from coursewright.kit.clips.animate import Animation, Ask, animate, sound_of, speech_seconds

__all__ = ["Animation", "Ask", "animate", "sound_of", "speech_seconds"]
