"""Which scripts the fonts of this machine can write, read from their OS/2 tables."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

SCRIPTS = {
    "Arabic": 13,
    "Bengali": 16,
    "Chinese": 59,
    "Devanagari": 15,
    "Ethiopic": 75,
    "Georgian": 26,
    "Hebrew": 11,
    "Japanese": 49,
    "Korean": 56,
    "Tamil": 20,
    "Telugu": 21,
    "Thai": 24,
}
"""The bit of `ulUnicodeRange` that stands for the script (OpenType specification, OS/2, "Unicode Character Range")."""

_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    *("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
)
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_MAX_FONTS = 5000
"""A machine with every Noto font has 2,500; reading one takes 0.05 ms."""
_MAX_FACES = 64


def font_folders() -> list[Path]:
    """Where fonts are looked for on Linux and macOS."""
    return [Path(folder).expanduser() for folder in _FOLDERS]


def scripts_covered(folders: Iterable[Path]) -> set[str]:
    """The scripts of `SCRIPTS` that at least one font below the folders says it covers."""
    covered = 0
    for number, path in enumerate(_fonts(folders)):
        if number >= _MAX_FONTS:
            break
        try:
            with path.open("rb") as file:
                for ranges in _unicode_ranges(file):
                    covered |= ranges
        except (OSError, struct.error):
            continue  # no font, whatever its name says
    return {script for script, bit in SCRIPTS.items() if covered >> bit & 1}


def _fonts(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for parent, _, names in os.walk(folder):
            yield from (Path(parent, name) for name in names if name.lower().endswith(_SUFFIXES))


def _unicode_ranges(file: BinaryIO) -> Iterator[int]:
    """The 128 bits of each face in the file. Raises struct.error when it ends early."""
    start = file.read(12)
    offsets = [0]
    if start[:4] == b"ttcf":
        (faces,) = struct.unpack(">8xL", start)
        count = min(faces, _MAX_FACES)
        offsets = list(struct.unpack(f">{count}L", file.read(4 * count)))
    for offset in offsets:
        file.seek(offset)
        (tables,) = struct.unpack(">4xH6x", file.read(12))
        for _ in range(tables):
            tag, table = struct.unpack(">4s4xL4x", file.read(16))
            if tag == b"OS/2":
                file.seek(table + 42)
                yield sum(word << 32 * at for at, word in enumerate(struct.unpack(">4L", file.read(16))))
                break
