"""Write a zip that is the same, byte for byte, for the same content."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

CHUNK_BYTES = 1 << 20

_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""

_STORED = {".mp4", ".m4a", ".png", ".jpg"}
"""Compressed already; deflate would only cost time."""


def write_archive(path: Path, entries: Mapping[str, bytes | Path], on_bytes: Callable[[int], None]) -> None:
    """Write `entries` (name → content, or the file that has it) in their order.

    `on_bytes` gets the number of bytes read so far, at least once a MiB; what it raises ends the work.
    """
    done_bytes = 0
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            if isinstance(content, bytes):
                archive.writestr(_info(name, len(content)), content)
                done_bytes += len(content)
                on_bytes(done_bytes)
                continue
            with content.open("rb") as source, archive.open(_info(name, content.stat().st_size), "w") as target:
                while chunk := source.read(CHUNK_BYTES):
                    target.write(chunk)
                    done_bytes += len(chunk)
                    on_bytes(done_bytes)


def _info(name: str, size_bytes: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.file_size = size_bytes  # lets zipfile use the long format only where it is unavoidable
    info.compress_type = zipfile.ZIP_STORED if Path(name).suffix in _STORED else zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, on every machine
    info.external_attr = 0o100644 << 16
    return info
