"""A pipeline as a file: a zip of the YAML and the texts beside it."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NoReturn

from coursewright_api.problems import ApiError

MEDIA_TYPE = "application/zip"
MAX_ENTRIES = 200
MAX_UNPACKED_BYTES = 2_000_000
"""Of all entries together, counted while they are unpacked: what the archive says of its sizes is not believed."""
MAX_NAME = 200
_SUFFIXES = (".yaml", ".yml")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def packed(name: str, text: str, files: Mapping[str, str]) -> bytes:
    """The zip. Equal pipelines give equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in ((f"{name}.yaml", text), *sorted(files.items())):
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def unpacked(data: bytes) -> tuple[str, dict[str, str]]:
    """The YAML and the texts beside it, of a zip or of a YAML file alone. Raises a 413 or 422."""
    if not data.startswith(b"PK"):
        return _text("the file", data), {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = _entries(archive)
    except _BROKEN as error:
        raise _refused(f"the zip cannot be read{f': {error}' if str(error) else ''}") from None
    return _divided(found)


def _entries(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_ENTRIES:
        _too_large(f"the zip has {len(entries)} files; at most {MAX_ENTRIES} are taken")
    left = MAX_UNPACKED_BYTES
    found: dict[str, bytes] = {}
    for entry in entries:
        name = _checked_name(entry.filename)
        if name in found:
            raise _refused(f"the zip has {_shown(name)} twice")
        with archive.open(entry) as file:
            found[name] = file.read(left + 1)
        left -= len(found[name])
        if left < 0:
            _too_large(f"the zip unpacks to more than {MAX_UNPACKED_BYTES // 1_000_000} MB")
    return found


def _checked_name(name: str) -> str:
    path = PurePosixPath(name)
    if not name or len(name) > MAX_NAME or path.is_absolute() or ".." in path.parts or _UNSAFE.search(name):
        raise _refused(f"the zip has a file called {_shown(name)}, which could lead out of its folder")
    return str(path)


def _divided(found: dict[str, bytes]) -> tuple[str, dict[str, str]]:
    """The YAML that stands nearest to the top, and the other texts by their paths from it."""
    candidates = [name for name in found if name.endswith(_SUFFIXES)]
    depth = min((name.count("/") for name in candidates), default=0)
    top = [name for name in candidates if name.count("/") == depth]
    if len(top) != 1:
        named = "none" if not top else ", ".join(_shown(name) for name in sorted(top)[:5])
        raise _refused(f"a zip has one pipeline, a .yaml file at its top; found is {named}")
    folder = top[0].rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    beside = {name.removeprefix(prefix): data for name, data in found.items() if name.startswith(prefix)}
    text = _text(top[0], beside.pop(top[0].removeprefix(prefix)))
    return text, {name: decoded for name, data in beside.items() if (decoded := _perhaps_text(data)) is not None}


def _perhaps_text(data: bytes) -> str | None:
    """Only texts are read by pipelines; a picture in the zip does no harm."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _text(name: str, data: bytes) -> str:
    found = _perhaps_text(data)
    if found is None:
        raise _refused(f"{name if name == 'the file' else _shown(name)} is not UTF-8 text")
    return found


def _shown(name: str) -> str:
    return "'" + "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name[:60]) + "'"


def _refused(message: str) -> ApiError:
    return ApiError(422, "import_invalid", message, remedy="send a .yaml file, or a zip as /export makes it")


def _too_large(message: str) -> NoReturn:
    raise ApiError(413, "too_large", message, remedy="leave out what the pipeline does not read")
