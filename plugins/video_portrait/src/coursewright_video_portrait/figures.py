"""From the portrait in the request to a figure that moves."""

from __future__ import annotations

from pathlib import Path

from coursewright.errors import BadInput

from coursewright_video_portrait.drawn import DrawnFigure, render
from coursewright_video_portrait.faces import find_face
from coursewright_video_portrait.framing import Head
from coursewright_video_portrait.lips import find_lips
from coursewright_video_portrait.photo import PhotoFigure
from coursewright_video_portrait.pictures import read_picture
from coursewright_video_portrait.planes import Picture
from coursewright_video_portrait.presenter import presenter
from coursewright_video_portrait.provider import Landmarks
from coursewright_video_portrait.stage import Figure
from coursewright_video_portrait.svg import looks_like_svg, read_svg

_RASTER_PX = 1200
"""The longer side of an SVG that is treated as a photo."""


def figure_for(
    portrait: Path | None, landmarks: Landmarks | None, width: int, height: int
) -> tuple[Figure, tuple[str, ...]]:
    """The figure, and notices for the author. Raises BadInput(field="portrait" or "landmarks")."""
    data = presenter().encode() if portrait is None else portrait.read_bytes()
    if not looks_like_svg(data):
        return _photo(read_picture(data), landmarks, width, height)
    drawing = read_svg(data)
    if drawing.head is not None:
        return DrawnFigure(drawing, width, height), ()
    scale = _RASTER_PX / max(drawing.width, drawing.height)
    (picture,) = render([(drawing.svg(), round(drawing.width * scale), round(drawing.height * scale))])
    return _photo(picture, landmarks, width, height)


def _photo(picture: Picture, landmarks: Landmarks | None, width: int, height: int) -> tuple[Figure, tuple[str, ...]]:
    notices: list[str] = []
    if landmarks is None:
        face, notices = find_face(picture)
        head = face.head
    else:
        head = _marked(landmarks, picture)
    return PhotoFigure(picture, head, find_lips(picture, head), width, height), tuple(notices)


def _marked(landmarks: Landmarks, picture: Picture) -> Head:
    rows, columns = picture.shape[:2]
    head = Head(landmarks.left_eye, landmarks.right_eye, landmarks.mouth)
    inside = all(0 <= x < columns and 0 <= y < rows for x, y in (head.left, head.right, head.mouth))
    if not inside or head.left[0] >= head.right[0] or head.unit < 16 or head.mouth[1] <= head.eyes[1]:
        raise BadInput(
            f"the landmarks do not mark a face in the portrait of {columns} × {rows} pixels",
            field="landmarks",
            remedy="give the left eye, the right eye and the mouth as you see them, in pixels from the top left",
        )
    return head
