from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from coursewright.kit.clips.fading import faded
from coursewright.kit.clips.planes import Plane, Planes, from_bgr, mixed
from coursewright.testing.portraits import photo


@pytest.fixture(scope="module")
def person() -> Planes:
    picture = cv2.imdecode(np.frombuffer(photo(240, 300), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return from_bgr(np.asarray(picture, np.uint8))


def shifted(planes: Planes, x: int, y: int) -> Planes:
    """By so many pixels; even, since chroma has half as many."""
    return [
        np.asarray(np.roll(plane, (y // sub, x // sub), (0, 1)), np.uint8)
        for plane, sub in zip(planes, (1, 2, 2), strict=True)
    ]


def unlike(one: Plane, other: Plane) -> float:
    return float(np.abs(one[60:230, 50:190].astype(int) - other[60:230, 50:190]).mean())


@pytest.mark.parametrize("offset", [(8, 0), (0, 8), (12, -8)])
def test_half_way_the_head_is_half_way_and_not_there_twice(offset: tuple[int, int], person: Planes) -> None:
    there = shifted(person, *offset)
    half = shifted(person, offset[0] // 2, offset[1] // 2)
    shown = faded(person, there, 0.5)
    for plane, wanted, double in zip(shown, half, mixed(person, there, 0.5), strict=True):
        assert unlike(plane, wanted) < 0.5 * unlike(double, wanted)


def test_it_begins_with_the_one_and_ends_with_the_other(person: Planes) -> None:
    there = shifted(person, 8, 4)
    for share, wanted in ((0.0, person), (1.0, there)):
        assert all(np.array_equal(*pair) for pair in zip(faded(person, there, share), wanted, strict=True))


def test_it_moves_evenly(person: Planes) -> None:
    there = shifted(person, 12, 0)
    shown = [faded(person, there, share)[0] for share in np.linspace(0, 1, 11)]
    steps = [unlike(before, after) for before, after in pairwise(shown)]
    assert max(steps) < 2 * np.mean(steps)
    assert max(steps) < 0.35 * unlike(shown[0], shown[-1])


def test_pictures_that_have_nothing_in_common_are_mixed() -> None:
    black, white = ([np.full((side, side), light, np.uint8) for side in (64, 32, 32)] for light in (0, 255))
    assert [int(plane.mean()) for plane in faded(black, white, 0.25)] == [64, 64, 64]
