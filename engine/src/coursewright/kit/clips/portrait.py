"""A person's picture made ready for a talking-head model: upright, bounded, cut around the face. In a worker."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from coursewright.errors import BadInput, Unsuited
from coursewright.kit.clips.faces import largest_face
from coursewright.kit.clips.jobs import Box, Portrait

Picture = npt.NDArray[np.uint8]
"""Rows of pixels, blue first."""

MAX_BYTES = 60_000_000
MAX_PIXELS = 64_000_000
"""Above the largest cameras in use; up to eight bytes each while the picture is decoded and made smaller."""
SENT_PX = 1280
"""KDTalker's cropper fails on faces of 2048 pixels (it uses a name that Pillow 10 has dropped); no model that is
called here looks at more than 512."""
WHOLE_PX = 2560
"""The longer side of what a face is pasted back into."""
LEAST_FACE_PX = 64

Image.MAX_IMAGE_PIXELS = None  # our own bound is lower, and its sentence clearer

_KINDS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")

# FFHQ's rule cuts a square of four eye distances around a point just below the eyes. In a Haar square the eyes
# stand at 0.38 of its height, 0.4 of its width apart: that makes a square of 1.6 around (0.5, 0.42).
_FFHQ, _MIDDLE_X, _MIDDLE_Y = 1.6, 0.5, 0.42
_ROOM = 1.25
"""What must be there around FFHQ's square: its own border of a tenth on each side, and some, since every model finds
the face a little differently. What the picture's edge cuts off, the models squeeze."""
_MARGIN = 1.5
"""What is sent around it where the picture reaches so far."""


def prepare_portrait(source: Path, folder: Path, whole_picture: bool) -> Portrait:
    """Write the picture to send and the upright portrait into `folder`, as PNG.

    `whole_picture`: the service wants to see all of it, not only the head. Raises BadInput(field="portrait") for what
    is no picture, too large, or shows no face, and Unsuited for a drawing.
    """
    whole = _upright(source)
    face, notices = largest_face(whole)
    if face.width < LEAST_FACE_PX:
        raise _bad(
            f"the face in the portrait is only {face.width:.0f} pixels wide",
            f"use a larger picture: the face needs {LEAST_FACE_PX} pixels at least, 250 look good",
        )
    height, width = whole.shape[:2]
    box = Box(0, 0, width, height) if whole_picture else _around(face, width, height)
    sent = cv2.imencode(".png", _limited(_cut(whole, box), SENT_PX))[1].tobytes()
    sent_path, whole_path = folder / "portrait.png", folder / "whole.png"
    sent_path.write_bytes(sent)
    whole_path.write_bytes(cv2.imencode(".png", whole, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
    return Portrait(sent_path, whole_path, box, face, hashlib.sha256(sent).hexdigest(), notices)


def _upright(source: Path) -> Picture:
    """The picture as it is to be seen, its longer side at most `WHOLE_PX`."""
    if source.stat().st_size > MAX_BYTES:
        raise _bad("the portrait's file is too large", f"save it below {MAX_BYTES / 1e6:.0f} MB")
    data = source.read_bytes()
    if data.lstrip()[:5] in (b"<?xml", b"<svg ", b"<svg>"):
        # Other providers can serve the request: they animate drawings.
        raise Unsuited(
            "the portrait is a drawing (SVG), and this service animates photos",
            remedy="give a JPEG or PNG photo, or use the provider video.portrait",
        )
    try:
        image = Image.open(io.BytesIO(data), formats=_KINDS)
    except Exception:
        raise _bad("the portrait is not a picture that can be read", "give a JPEG or PNG photo") from None
    if image.width * image.height > MAX_PIXELS:
        raise _bad(
            f"the portrait has {image.width:,} × {image.height:,} pixels, more than {MAX_PIXELS / 1e6:.0f} million",
            "save it smaller: 2,000 pixels a side are plenty",
        )
    try:
        image.draft("RGB", (WHOLE_PX, WHOLE_PX))  # lets JPEG be decoded at a half, a quarter or an eighth
        colours: Image.Image = image.convert("RGBA") if image.mode == "P" else image
        colours.thumbnail((WHOLE_PX, WHOLE_PX))  # first of all: what follows needs several copies
        rgba = ImageOps.exif_transpose(colours).convert("RGBA")
    except Exception as error:  # decoders raise anything at all for damaged bytes
        raise _bad("the portrait is damaged", "open it in a picture program and save it again", str(error)) from None
    ground = Image.new("RGBA", rgba.size, (230, 232, 236, 255))  # behind cut-out people: a light grey
    rgb = Image.alpha_composite(ground, rgba).convert("RGB")
    return np.asarray(cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR), np.uint8)


def _limited(picture: Picture, side_px: int) -> Picture:
    scale = side_px / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _around(face: Box, width: int, height: int) -> Box:
    """FFHQ's square with its margin, as far as the picture reaches; FFHQ's own square in any case."""
    x, y = face.x + _MIDDLE_X * face.width, face.y + _MIDDLE_Y * face.height
    most, least = (face.width * _FFHQ * share / 2 for share in (_MARGIN, _ROOM))
    left, right = min(max(x - most, 0), x - least), max(min(x + most, width), x + least)
    top, bottom = min(max(y - most, 0), y - least), max(min(y + most, height), y + least)
    return Box(round(left), round(top), round(right - left), round(bottom - top))


def _cut(picture: Picture, box: Box) -> Picture:
    """The box of the picture; beyond the picture its edges continue."""
    height, width = picture.shape[:2]
    left, top, right, bottom = (round(side) for side in (box.x, box.y, box.x + box.width, box.y + box.height))
    inside = picture[max(0, top) : bottom, max(0, left) : right]
    return np.asarray(
        cv2.copyMakeBorder(
            inside, max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width), cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def _bad(message: str, remedy: str, detail: str = "") -> BadInput:
    return BadInput(message, field="portrait", remedy=remedy, detail=detail)
