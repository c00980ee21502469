"""From the portrait in the request to a figure that moves."""

from __future__ import annotations

from pathlib import Path

from coursewright.errors import BadInput

from coursewright_video_portrait.drawing import presenter
from coursewright_video_portrait.drawn import DrawnFigure
from coursewright_video_portrait.provider import Landmarks
from coursewright_video_portrait.stage import Figure
from coursewright_video_portrait.svg import looks_like_svg, read_svg


def figure_for(
    portrait: Path | None, landmarks: Landmarks | None, width: int, height: int
) -> tuple[Figure, tuple[str, ...]]:
    """The figure, and notices for the author. Raises BadInput(field="portrait")."""
    data = presenter().encode() if portrait is None else portrait.read_bytes()
    if looks_like_svg(data):
        drawing = read_svg(data)
        if drawing.head is not None:
            return DrawnFigure(drawing, width, height), ()
    raise BadInput("not yet", field="portrait")
