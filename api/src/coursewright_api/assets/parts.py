"""Parts of large files: after an outage only those are sent again that did not arrive."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple

from coursewright import disk
from coursewright.errors import StoreError

PART_BYTES = 2 << 20
"""What an outage costs at most: two seconds of a line of 8 Mbit/s. Smaller parts would wait longer for their answers
than they are on their way."""
MOST_PARTS = 200
"""Larger files have larger parts: the addresses of so many are 70 kB of JSON for S3, and an outage costs 0.5 %."""
_COPIED_BYTES = 1 << 20


class Cut(NamedTuple):
    """How a file is cut: all parts but the last have `part_bytes`."""

    part_bytes: int
    sizes: list[int]


def cut(size_bytes: int) -> Cut:
    """How a file of that size is sent; without parts when one would hold it all."""
    part_bytes = max(PART_BYTES, math.ceil(size_bytes / MOST_PARTS))
    if size_bytes <= part_bytes:
        return Cut(part_bytes, [])
    return Cut(part_bytes, [min(part_bytes, size_bytes - start) for start in range(0, size_bytes, part_bytes)])


def explained(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Raise a StoreError that an operator can act on for any OSError from the folder of uploads."""
    what = f"the folder of uploads {folder}"
    return disk.explained(what, elsewhere="choose another folder (COURSEWRIGHT_DATA_DIR)", kind=StoreError)


class Parts:
    """What came in parts, for a store to which clients cannot write: a folder for each upload.

    Any number of processes may use it: a part appears under its number when it is complete, and replaces another.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, upload: object, part: int) -> Path:
        """Where a part belongs, in a folder that is made when missing."""
        folder = self._folder_of(upload)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{part:05}"

    def uploaded_bytes(self, upload: str) -> int | None:
        """How many bytes came in all parts together; None when none is there."""
        sizes: list[int] = []
        folder = self._folder_of(upload)
        with explained(self._folder), contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
            sizes += [each.stat().st_size for each in found]
        return sum(sizes) if sizes else None

    def fetch_upload(self, upload: str, path: Path) -> None:
        """Join the parts to `path`, which has all or nothing. They stay, should this be cut off."""
        joined = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            with explained(self._folder), joined.open("wb") as file:
                for part in sorted(self._folder_of(upload).iterdir()):
                    with part.open("rb") as piece:
                        shutil.copyfileobj(piece, file, _COPIED_BYTES)
                joined.replace(path)
        finally:
            joined.unlink(missing_ok=True)

    def drop_upload(self, upload: str) -> None:
        """Remove what came, if anything is there."""
        shutil.rmtree(self._folder_of(upload), ignore_errors=True)

    def _folder_of(self, upload: object) -> Path:
        return self._folder / f"{upload}.parts"
