"""One head becomes another without a double exposure: both are moved toward each other while they fade. In a worker."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from coursewright.kit.clips.planes import Plane, Planes, mixed

Flow = npt.NDArray[np.float32]

_SMOOTH = 1 / 40
"""How far the motion is evened out, against the picture's width: a head moves as one, and gaps must not tear it."""


def faded(one: Planes, other: Planes, share: float) -> Planes:
    """The picture that is `share` of the way from one to the other, 0…1.

    What both show is found by optical flow and shown where it is at that moment, so that a head which sits elsewhere in
    the second picture glides there. Two pictures that have nothing in common are merely mixed.
    """
    flow = _flow(one[0], other[0])
    moved = [_moved(plane, flow, -share) for plane in one]
    return mixed(moved, [_moved(plane, flow, 1 - share) for plane in other], share)


def _flow(one: Plane, other: Plane) -> Flow:
    """For each pixel of `one`, how far away it is in `other`."""
    found: Any = _finder().calc(np.ascontiguousarray(one), np.ascontiguousarray(other), None)
    return np.asarray(cv2.GaussianBlur(found, (0, 0), _SMOOTH * one.shape[1]), np.float32)


def _moved(plane: Plane, flow: Flow, share: float) -> Plane:
    """What is moved along the flow by `share` of it is looked up where it came from."""
    height, width = plane.shape
    scale = width / flow.shape[1]
    if scale != 1:
        flow = np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    places = np.dstack([xs, ys]) + np.float32(share * scale) * flow
    nothing = np.zeros(0, np.float32)
    return np.asarray(cv2.remap(plane, places, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@functools.cache
def _finder() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
