"""A drawn person whose face is found by face detectors, for tests of providers that animate portraits."""

from __future__ import annotations

from typing import Any

_SKIN = (150, 178, 224)
"""Blue first, as everywhere here."""


def photo(width_px: int = 480, height_px: int = 600, *, people: int = 1) -> bytes:
    """A PNG of people side by side; the face of the first is the largest. Without any: the room behind them."""
    import cv2
    import numpy as np

    picture = _room()
    for number in range(people):
        scale = 1.0 if people == 1 else (0.55, 0.45)[min(number, 1)]
        person, mask = _person()
        move = np.array([[scale, 0, number * 240.0 if people > 1 else 0.0], [0, scale, 600 * (1 - scale)]])
        put, where = (cv2.warpAffine(part, move, (480, 600)) for part in (person, mask))
        picture = np.where(where[..., None] > 127, put, picture)
    soft = cv2.GaussianBlur(picture, (0, 0), 2.0)
    return cv2.imencode(".png", cv2.resize(soft, (width_px, height_px), interpolation=cv2.INTER_AREA))[1].tobytes()


def _room() -> Any:
    import cv2
    import numpy as np

    picture = np.full((600, 480, 3), (180, 195, 175), np.uint8)
    places = np.random.default_rng(5)
    for _ in range(14):
        x, y, width, height = (int(places.integers(*span)) for span in ((0, 480), (0, 600), (20, 110), (20, 110)))
        colour = tuple(int(part) for part in places.integers(90, 220, 3))
        cv2.rectangle(picture, (x, y), (x + width, y + height), colour, -1)
    return picture


def _person() -> Any:
    """(picture, mask), 480 × 600: a face between (140, 168) and (340, 432), with hair, neck and shoulders."""
    import cv2
    import numpy as np

    picture = np.zeros((600, 480, 3), np.uint8)

    def ellipse(x: int, y: int, half: tuple[int, int], colour: tuple[int, ...], begin: int = 0, end: int = 360) -> None:
        cv2.ellipse(picture, (x, y), half, 0, begin, end, colour, -1)

    def skin(light: float) -> tuple[int, ...]:
        return tuple(round(part * light) for part in _SKIN)

    ellipse(240, 620, (190, 170), (110, 70, 50))
    cv2.rectangle(picture, (200, 380), (280, 480), skin(0.9), -1)
    ellipse(240, 270, (118, 150), (40, 50, 70))
    ellipse(240, 300, (100, 132), skin(1.0))
    for x in (198, 282):
        ellipse(x, 262, (28, 20), skin(0.78))
        ellipse(x, 272, (20, 9), (245, 245, 245))
        ellipse(x, 272, (9, 9), (50, 35, 25))
        ellipse(x, 244, (28, 7), (35, 45, 60), 180)
    ellipse(240, 322, (16, 9), skin(0.72), 0, 180)
    cv2.line(picture, (232, 275), (228, 315), skin(0.88), 4)
    ellipse(240, 368, (38, 11), (90, 80, 170))
    cv2.line(picture, (205, 367), (275, 367), (50, 40, 90), 3)
    return picture, (picture.max(axis=2) > 0).astype(np.uint8) * 255
