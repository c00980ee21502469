"""The pictures of a document, bounded in number and size."""

from __future__ import annotations

import io

from coursewright_document_markitdown.convert import Picture

_MAX_PICTURES = 60
_MAX_BYTES = 10_000_000
_MAX_TOTAL_BYTES = 60_000_000
_MIN_SIDE_PX = 64
"""Smaller ones are bullets, rules and icons."""
_MAX_PIXELS = 40_000_000

_FORMATS = {"PNG": ("png", "image/png"), "JPEG": ("jpg", "image/jpeg"), "GIF": ("gif", "image/gif"),
            "WEBP": ("webp", "image/webp")}  # fmt: skip


class Pictures:
    """Collects pictures in the order of the document, each once."""

    def __init__(self) -> None:
        self.found: list[Picture] = []
        self.left_out = 0
        self._names: dict[bytes, str] = {}
        self._bytes = 0

    def add(self, data: bytes) -> str:
        """The name under which the Markdown may refer to the picture; empty when it is not kept."""
        if data in self._names:
            return self._names[data]
        name = self._names[data] = self._keep(data)
        return name

    def notices(self) -> list[str]:
        """What the author should know about pictures that are missing."""
        if not self.left_out:
            return []
        return [
            f"left out {self.left_out} picture(s) of the document: more than {_MAX_PICTURES}, over "
            f"{_MAX_BYTES // 1_000_000} MB, or not PNG, JPEG, GIF or WebP"
        ]

    def _keep(self, data: bytes) -> str:
        from PIL import Image

        try:
            with Image.open(io.BytesIO(data), formats=list(_FORMATS)) as image:
                (width, height), (suffix, media_type) = image.size, _FORMATS[str(image.format)]
        except (OSError, ValueError, Image.DecompressionBombError):
            self.left_out += 1
            return ""
        if min(width, height) < _MIN_SIDE_PX:
            return ""
        self._bytes += len(data)
        if (
            len(self.found) >= _MAX_PICTURES
            or len(data) > _MAX_BYTES
            or self._bytes > _MAX_TOTAL_BYTES
            or width * height > _MAX_PIXELS
        ):
            self.left_out += 1
            return ""
        name = f"picture-{len(self.found) + 1}.{suffix}"
        self.found.append(Picture(name, media_type, data))
        return name
