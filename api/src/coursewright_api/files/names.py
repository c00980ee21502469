"""File names from strangers, made harmless: in a path, in a header and on a screen."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

MAX_LENGTH = 120
_MAX_SUFFIX = 12
_RESERVED = re.compile(r'[<>:"|?*/\\]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
"""Names that Windows keeps for itself."""


def safe_name(name: str, *, suffix: str = "", otherwise: str = "file") -> str:
    """The last part of `name` without what misleads: control and direction characters, reserved characters and names.

    `suffix` (".png") replaces the one it has, so that a name says what the bytes are.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = "".join(char for char in last if not unicodedata.category(char).startswith("C"))
    shown = " ".join(_RESERVED.sub("_", shown).split()).strip(". ")
    stem, ending = PurePosixPath(shown).stem, PurePosixPath(shown).suffix
    if len(ending) > _MAX_SUFFIX:
        stem, ending = shown, ""
    ending = suffix or ending
    stem = stem[: MAX_LENGTH - len(ending)].strip(". ") or otherwise
    return f"_{stem}{ending}" if _DEVICES.match(stem) else f"{stem}{ending}"


def disposition(name: str, *, inline: bool) -> str:
    """The header Content-Disposition (RFC 6266) for any name: in ASCII for old readers, and whole."""
    kind = "inline" if inline else "attachment"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(char if char.isprintable() and char not in '"\\%' else "_" for char in plain)
    return f"{kind}; filename=\"{plain or 'file'}\"; filename*=UTF-8''{quote(name, safe='')}"
