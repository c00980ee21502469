"""The two interfaces of KDTalker's Spaces, told apart by what the Space says it offers.

`fffiloni/KDTalker` and its copies have `/gradio_infer(source_image, driven_audio)`; the authors' line has `/generate`
with eight parameters, of which four smooth the head's turns. The repository itself holds no web interface.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursewright.kit.clips.spaces import Line
from coursewright.kit.gradio import Endpoint
from coursewright.kit.gradio.signature import changed

SMOOTHING = 0.8
"""What callers of `/generate` send; its page's own default is not known."""

_SMOOTHED = ("smoothed_pitch", "smoothed_yaw", "smoothed_roll", "smoothed_t")


def chosen(
    endpoints: dict[str, Endpoint], smoothing: float | None, what: str, notice: Callable[[str], None] | None = None
) -> Line:
    """How to call this Space. Raises Unavailable with the endpoints found when it has neither interface."""
    if "/gradio_infer" in endpoints:
        if smoothing is not None and notice:
            notice(f"{what} has no setting for smoothing; it is not used")
        return Line("/gradio_infer", lambda portrait, sound: {"source_image": portrait, "driven_audio": sound})
    if "/generate" in endpoints:
        strength = SMOOTHING if smoothing is None else smoothing

        def generate(portrait: Path, sound: Path) -> dict[str, Any]:
            return {
                "upload_driven_audio": sound,
                "tts_driven_audio": None,
                "driven_audio_type": "upload",
                "source_image": portrait,
                **dict.fromkeys(_SMOOTHED, strength),
            }

        return Line("/generate", generate)
    raise changed(what, "neither /gradio_infer nor /generate is among its endpoints", endpoints)
