"""Uploaded pictures: decoded within bounds, upright, in plain 8-bit colour."""

from __future__ import annotations

import io

import cv2
import numpy as np
from coursewright.errors import BadInput
from PIL import Image, ImageOps

from coursewright_video_portrait.planes import Picture

MAX_BYTES = 100_000_000
MAX_SIDE_PX, MAX_PIXELS = 20_000, 64_000_000
"""Room for the largest cameras in use (50 megapixels); as 8-bit colour that is 192 MB while it is decoded."""
_KEPT_PX = 3000
"""The longer side that is worked on: more shows on no panel."""

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
_BACKGROUND = (226, 232, 237)
"""Behind transparent pictures: a light, slightly cool grey."""

Image.MAX_IMAGE_PIXELS = None  # our own bound below speaks a clearer sentence, and earlier


def read_picture(data: bytes) -> Picture:
    """Decode a photo. Raises BadInput(field="portrait") for what is no picture, damaged, or too large."""
    if len(data) > MAX_BYTES:
        raise _bad(f"the portrait has {len(data) / 1e6:.0f} MB", f"use a picture below {MAX_BYTES / 1e6:.0f} MB")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (OSError, ValueError):
        raise _bad(
            "the portrait is not a picture that can be read, or it is damaged",
            "use a JPEG, PNG or WebP photo that opens in a picture program, or an SVG drawing",
        ) from None
    width, height = image.size
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise _bad(
            f"the portrait has {width:,} × {height:,} pixels, the limit is {MAX_SIDE_PX:,} a side "
            f"and {MAX_PIXELS / 1e6:.0f} million",
            "save it smaller: 2,000 pixels are plenty",
        )
    try:
        image.draft("RGB", (_KEPT_PX, _KEPT_PX))  # JPEG can be decoded at a half or a quarter
        image.load()
        upright = ImageOps.exif_transpose(image)
        return _reduced(np.asarray(_opaque(upright), np.uint8))
    except Exception as error:  # a decoder may raise anything at all for hostile bytes
        raise _bad(
            f"the portrait is damaged or incomplete: {error}", "open it in a picture program and save it again"
        ) from None


def _opaque(image: Image.Image) -> Image.Image:
    """Any colour mode as RGB; what is transparent shows a soft background."""
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.asarray(image, np.float32)
        most = 65535 if levels.max() > 255 else 255
        return Image.fromarray(np.clip(levels * (255 / most), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        backed = Image.new("RGBA", rgba.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(backed, rgba).convert("RGB")
    return image.convert("RGB")


def _reduced(rgb: Picture) -> Picture:
    picture = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    scale = _KEPT_PX / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def _bad(message: str, remedy: str) -> BadInput:
    return BadInput(message, field="portrait", remedy=remedy)
