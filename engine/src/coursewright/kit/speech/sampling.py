"""The request's `voice` as a service wants it."""

from __future__ import annotations

from pathlib import Path

from coursewright.capabilities.artifacts import Artifact
from coursewright.providers import Context


def sample_of(
    audio: Artifact, context: Context, *, rate_hz: int = 24_000, shortest_s: float = 3.0, longest_s: float = 30.0
) -> Path:
    """A reference voice for cloning, as mono 16-bit WAV of `rate_hz` in the request's scratch folder.

    Silence at the ends is trimmed, a quiet recording made louder, one that is too long cut at a pause (with a
    notice). Raises BadInput(field="voice") for what is no sound, nearly silent, clipped, not speech, or has less
    than `shortest_s` of speech.
    """
    from coursewright.kit.speech import samples

    context.raise_if_cancelled()
    out = context.scratch / "voice-sample.wav"
    wanted = samples.Wanted(rate_hz=rate_hz, shortest_s=shortest_s, longest_s=longest_s)
    judged = context.in_process(samples.prepare, str(context.store.fetch(audio)), str(out), wanted)
    for notice in judged.notices:
        context.notice(notice)
    return out
