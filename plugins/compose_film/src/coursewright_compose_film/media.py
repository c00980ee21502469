"""Opening other people's media: by their bytes, never by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from coursewright.errors import BadInput

# FFmpeg left to guess would also take playlists, which name further files and addresses to open.
_DEMUXERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "png_pipe"),
    (0, b"\xff\xd8\xff", "jpeg_pipe"),
    (4, b"ftyp", "mov"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"WAVE", "wav"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"ID3", "mp3"),
    *((0, bytes((0xFF, second)), "mp3") for second in (0xFB, 0xF3, 0xF2, 0xFA)),
)


def open_media(path: str, what: str, field: str) -> Any:
    """A PyAV container for reading; `what` and `field` name the file in errors.

    Raises BadInput when the bytes are of no kind listed above or cannot be read.
    """
    with Path(path).open("rb") as file:
        head = file.read(16)
    kinds = [demuxer for offset, magic, demuxer in _DEMUXERS if head[offset : offset + len(magic)] == magic]
    if not kinds:
        raise bad_media(what, field, "it is of no kind that is known here")
    try:
        return av.open(path, format=kinds[0])
    except (FFmpegError, ValueError) as error:
        raise bad_media(what, field, "it is damaged", str(error)) from None


def bad_media(what: str, field: str, why: str, detail: str = "") -> BadInput:
    """The error for media that cannot be used; `why` completes "it …"."""
    return BadInput(f"{what} cannot be used: {why}", field=field, remedy="make it again", detail=detail)
