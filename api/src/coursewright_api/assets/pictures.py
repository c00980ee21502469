"""Portraits: decoded, set upright and written anew, so that nothing but the picture remains. In a worker."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from coursewright.kit.clips.faces import find_faces
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from coursewright_api.assets import drawings
from coursewright_api.assets.inspection import Found, Task, refused

MAX_SIDE_PX, MAX_PIXELS = 20_000, 64_000_000
"""As much as the providers of talking heads take."""
MIN_SIDE_PX = 64
PREVIEW_PX = 320
_SMALL_PX = 256
_SEARCHED_PX = 1280
_FORMATS = {"JPEG": ("image/jpeg", ".jpg"), "PNG": ("image/png", ".png"), "WEBP": ("image/webp", ".webp")}
_MODES = {"1": "L", "L": "L", "LA": "RGBA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA", "La": "RGBA", "I;16": "L"}
_ANEW = "open it in a picture program and save it again as JPEG or PNG"

Image.MAX_IMAGE_PIXELS = None  # our own bound is lower, and its sentence clearer


def inspect(task: Task) -> Found:
    """A portrait. Raises InputError."""
    with task.source.open("rb") as file:
        if drawings.looks_like(file.read(4096)):
            return drawings.inspect(task)
    try:
        with Image.open(task.source, formats=tuple(_FORMATS)) as image:
            return _kept(image, task.folder)
    except UnidentifiedImageError:
        raise refused("the file is no picture that can be read", "give a JPEG, PNG, WebP or SVG picture") from None
    except (OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError):  # of damaged bytes
        raise refused("the picture is damaged or incomplete", _ANEW) from None


def _kept(image: Image.Image, folder: Path) -> Found:
    kind = str(image.format)
    media_type, suffix = _FORMATS[kind]
    _check_size(image)
    notices = ["only the first picture of the animation is used"] if getattr(image, "n_frames", 1) > 1 else []
    kept = _plain(image)
    path = folder / f"portrait{suffix}"
    # Written anew, nothing of the file remains but the picture: no place, no camera, no other file behind it.
    match kind:
        case "JPEG":
            kept.save(path, "JPEG", quality=95, subsampling=0)
        case "PNG":
            kept.save(path, "PNG", compress_level=4)
        case _:
            kept.save(path, "WEBP", quality=95, method=2)
    notices += _face_notices(kept)
    if min(kept.size) < _SMALL_PX:
        notices.append(f"the picture is small ({kept.width} × {kept.height} pixels); larger ones look better")
    return Found(
        path=path,
        media_type=media_type,
        suffix=suffix,
        width_px=kept.width,
        height_px=kept.height,
        preview=_preview(kept, folder),
        preview_type="image/webp",
        notes=tuple(notices),
    )


def _check_size(image: Image.Image) -> None:
    """By what the header says, before anything is decoded."""
    width, height = image.size
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise refused(
            f"the picture has {width:,} × {height:,} pixels; at most {MAX_SIDE_PX:,} a side and "
            f"{MAX_PIXELS / 1e6:.0f} million in all can be used",
            "save it smaller: 2,000 pixels a side are plenty",
        )
    if min(width, height) < MIN_SIDE_PX:
        raise refused(
            f"the picture has only {width} × {height} pixels; a side needs {MIN_SIDE_PX} at least",
            "use a larger picture",
        )


def _plain(image: Image.Image) -> Image.Image:
    """The picture upright, in sRGB or grey, without anything that came with it."""
    profile = image.info.get("icc_profile")
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits a pixel
        upright = upright.point(lambda value: value / 256).convert("L") if upright.mode != "I" else upright.convert("L")
    mode = _MODES.get(upright.mode, "RGBA" if "transparency" in image.info else "RGB")
    if profile and upright.mode in {"RGB", "RGBA", "CMYK"}:
        upright = _in_srgb(upright, profile)
    if image.format == "JPEG" and mode == "RGBA":
        mode = "RGB"
    plain = upright.convert(mode)
    bare = Image.frombytes(plain.mode, plain.size, plain.tobytes())
    return bare


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    mode = "RGB" if image.mode == "CMYK" else image.mode
    try:
        found = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a broken profile says nothing about the colours
    return found or image


def _face_notices(image: Image.Image) -> list[str]:
    small = image.convert("RGB")
    small.thumbnail((_SEARCHED_PX, _SEARCHED_PX))
    faces = find_faces(np.asarray(cv2.cvtColor(np.asarray(small), cv2.COLOR_RGB2BGR), np.uint8))
    if not faces:
        return ["no face was found; talking heads need one that looks into the camera"]
    large = [face for face in faces if face.width * 2 >= faces[0].width]
    return [f"{len(large)} faces were found; the largest one speaks"] if len(large) > 1 else []


def _preview(image: Image.Image, folder: Path) -> Path:
    small = image.copy()
    small.thumbnail((PREVIEW_PX, PREVIEW_PX))
    path = folder / "preview.webp"
    small.save(path, "WEBP", quality=80)
    return path
