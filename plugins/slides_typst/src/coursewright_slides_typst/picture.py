"""A scene's picture: checked, bounded, and laid down as a PNG that Typst can trust."""

from __future__ import annotations

from pathlib import Path

from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import BadInput
from coursewright.store.contract import Store
from PIL import Image, ImageOps, UnidentifiedImageError

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_MAX_PIXELS = 89_478_485
"""A quarter of a gigabyte in RGB, where Pillow itself begins to warn: beyond it is an attack or a mistake."""


def lay_down(artifact: Artifact, longest_px: int, folder: Path, store: Store) -> float:
    """Write the picture as `picture.png` into `folder`; returns its width ÷ height.

    It is turned upright by its EXIF data and made no larger than `longest_px`.
    Raises BadInput for bytes that are no picture, damaged, of another format or too large.
    """
    try:
        with store.open(artifact) as file, Image.open(file, formats=_FORMATS) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                raise _bad(artifact, "it has too many pixels", f"{opened.width} × {opened.height}")
            opened.draft("RGB", (longest_px, longest_px))
            upright = ImageOps.exif_transpose(opened)
            picture = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except UnidentifiedImageError:
        raise _bad(artifact, "it is no PNG, JPEG, GIF, WebP, BMP or TIFF") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _bad(artifact, "it has too many pixels", str(error)) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise _bad(artifact, "its bytes are damaged", str(error)) from None
    picture.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    picture.save(folder / "picture.png", compress_level=1)
    return picture.width / picture.height


def _bad(artifact: Artifact, why: str, detail: str = "") -> BadInput:
    message = f"the scene's picture {artifact.name!r} cannot be shown: {why}"
    remedy = "save the picture as PNG or JPEG, or take it out of the scene"
    return BadInput(message, field="scene.image", remedy=remedy, detail=detail)
