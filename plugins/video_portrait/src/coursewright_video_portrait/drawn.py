"""A drawn portrait on its panel: every position of mouth and lids, rendered in one go."""

from __future__ import annotations

import json
from collections.abc import Sequence

import cv2
import numpy as np
import typst
from coursewright.errors import BadInput

from coursewright_video_portrait.drawing import eyes_shapes, mouth_shapes
from coursewright_video_portrait.framing import Framing, framed
from coursewright_video_portrait.planes import Box, Picture, Planes, to_planes
from coursewright_video_portrait.stage import LIDS, OPENINGS, SPREADS, MouthState
from coursewright_video_portrait.svg import Drawing

# One page per cut, each exactly its pixels in points, rendered at 72 to the inch. The image is a thousandth
# smaller than its page: typst rounds its pixels up, and would else draw some cuts a row too high.
_TEMPLATE = b"""\
#let cuts = json(bytes(sys.inputs.at("cuts")))
#for (svg, width, height) in cuts {
  page(width: width * 1pt, height: height * 1pt, margin: 0pt, fill: rgb("#e9edf1"),
    image(bytes(svg), format: "svg", width: width * 1pt - 0.001pt, height: height * 1pt - 0.001pt, fit: "stretch"))
}
"""

_Cut = tuple[str, int, int]


def render(cuts: Sequence[_Cut]) -> list[Picture]:
    """Render (SVG, width, height) to pictures. Raises BadInput when the drawing cannot be rendered."""
    try:
        compiled = typst.compile(_TEMPLATE, format="png", ppi=72, sys_inputs={"cuts": json.dumps(cuts)})
    except typst.TypstError as error:
        raise BadInput(
            "the SVG portrait cannot be rendered",
            field="portrait",
            remedy="save it again as plain SVG, or export it as PNG",
            detail=str(error),
        ) from None
    pages = [compiled] if isinstance(compiled, bytes) else compiled
    return [np.asarray(cv2.imdecode(np.frombuffer(page, np.uint8), cv2.IMREAD_COLOR), np.uint8) for page in pages]


class DrawnFigure:
    """A drawing that follows the convention. See `stage.Figure`."""

    def __init__(self, drawing: Drawing, width: int, height: int) -> None:
        head, mouth, eyes = drawing.head, drawing.mouth, drawing.eyes
        if head is None or mouth is None or eyes is None:
            raise ValueError("the drawing has no marked mouth and eyes")
        framing = framed(head, (round(drawing.width), round(drawing.height)), (width, height))
        self.head = framing.head(head)
        self.mouth_box = self._box(
            framing,
            drawing,
            mouth.x,
            mouth.y,
            0.75 * mouth.width,
            0.32 * mouth.width,
            0.98 * mouth.width,
            width,
            height,
        )
        middle = (eyes.left_x + eyes.right_x) / 2, (eyes.left_y + eyes.right_y) / 2
        across = (eyes.right_x - eyes.left_x) / 2 + 0.75 * eyes.width
        tall = abs(eyes.right_y - eyes.left_y) / 2 + 0.95 * eyes.height
        self.eye_boxes = [self._box(framing, drawing, *middle, across, tall, tall, width, height)]
        open_eyes, closed_mouth = eyes_shapes(eyes, 0), mouth_shapes(mouth, 0, 0)
        states = [MouthState((level, spread)) for level in range(-1, OPENINGS) for spread in range(SPREADS)]
        cuts = [self._cut(framing, drawing, Box(0, 0, width, height, width, height), closed_mouth, open_eyes)]
        cuts += [
            self._cut(framing, drawing, self.mouth_box, mouth_shapes(mouth, state.opening, state.spread), open_eyes)
            for state in states
        ]
        cuts += [
            self._cut(framing, drawing, self.eye_boxes[0], closed_mouth, eyes_shapes(eyes, lid / (LIDS - 1)))
            for lid in range(LIDS)
        ]
        pictures = render(cuts)
        self.planes = to_planes(_extended(pictures[0], framing, drawing))
        self._mouths = dict(zip(states, map(to_planes, pictures[1 : 1 + len(states)]), strict=True))
        self._eyes = [[to_planes(picture)] for picture in pictures[1 + len(states) :]]

    def mouth(self, state: MouthState) -> Planes:
        return self._mouths[state]

    def eyes(self, lid: float) -> Sequence[Planes]:
        return self._eyes[round(lid * (LIDS - 1))]

    @staticmethod
    def _box(
        framing: Framing,
        drawing: Drawing,
        x: float,
        y: float,
        across: float,
        above: float,
        below: float,
        width: int,
        height: int,
    ) -> Box:
        x0, y0 = framing.point((x - across - drawing.x, y - above - drawing.y))
        x1, y1 = framing.point((x + across - drawing.x, y + below - drawing.y))
        return Box(x0, y0, x1, y1, width, height)

    @staticmethod
    def _cut(framing: Framing, drawing: Drawing, box: Box, mouth: str, eyes: str) -> _Cut:
        scale = framing.scale
        cut = (
            (box.x0 - framing.x) / scale,
            (box.y0 - framing.y) / scale,
            box.width / scale,
            box.height / scale,
        )
        return drawing.svg(mouth=mouth, eyes=eyes, box=cut), box.width, box.height


def _extended(panel: Picture, framing: Framing, drawing: Drawing) -> Picture:
    """Continue the drawing's edges over what it does not cover of the panel."""
    height, width = panel.shape[:2]
    x0, x1 = max(0, int(np.ceil(framing.x))), min(width, int(framing.x + drawing.width * framing.scale))
    y0, y1 = max(0, int(np.ceil(framing.y))), min(height, int(framing.y + drawing.height * framing.scale))
    kept = panel[y0:y1, x0:x1]
    return np.asarray(cv2.copyMakeBorder(kept, y0, height - y1, x0, width - x1, cv2.BORDER_REPLICATE), np.uint8)
