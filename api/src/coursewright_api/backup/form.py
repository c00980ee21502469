"""The form of a backup: a tar file of checked members.

It begins with a header that says what it is, and ends with a manifest that says what was in it and under which digest;
a file without one was never finished. The manifest's own digest is part of its name, and an artifact's is its name.

    coursewright-backup.json             the header
    database/<table>/<part>.jsonl        rows as JSON lists, as the manifest names their columns
    records/<part>.jsonl                 what the store remembers of finished steps, and consents
    artifacts/<digest>
    data/<path, percent-encoded>         files of the data folder
    manifest-<digest>.json
"""

from __future__ import annotations

import datetime
import re
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote_from_bytes, unquote

import msgspec
from coursewright import __version__
from coursewright.errors import CoursewrightError

FORMAT = 1
HEADER = "coursewright-backup.json"
ARTIFACTS = "artifacts/"
RECORDS = "records/"
DATA = "data/"
MODE = 0o600
"""It holds password hashes and the signing key."""
CHUNK_BYTES = 1 << 20
PART_BYTES = 4 << 20
"""Rows are kept in memory until they make a part of this size."""

FOLDERS = ("history", "inputs", "results")
PREFECT = "prefect"

Kind = Literal["text", "uuid", "time", "bool", "number"]
"""What a column holds, whichever database it is in."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file must begin with."""

    format: int = FORMAT
    version: str = __version__
    made_at: datetime.datetime


class TableRows(msgspec.Struct, frozen=True, kw_only=True):
    """One table: its columns in the order of the rows' values."""

    name: str
    columns: dict[str, Kind]
    rows: int
    last_id: int | None = None
    """The last number given out, for a table that counts its rows: it is never given out again."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds."""

    version: str
    made_at: datetime.datetime
    database: str
    migrations: list[str]
    tables: list[TableRows]
    with_files: bool
    artifacts: int
    artifact_bytes: int
    records: int
    missing: int
    """Artifacts that the database or a record names and that the store did not have."""
    members: dict[str, str]
    """SHA-256 of each member, except of the artifacts."""


class BackupFailed(CoursewrightError):
    """A backup could not be written."""


class RestoreFailed(CoursewrightError):
    """A backup could not be brought back."""


class BackupDamaged(CoursewrightError):
    """A file is no whole backup."""


class RestoreRefused(CoursewrightError):
    """Restoring would lose what is there, or disturb who uses it."""

    exit_code = 2


_PART = re.compile(r"(?:database/[a-z_0-9]{1,63}|records)/[0-9]{6}\.jsonl")
_ARTIFACT = re.compile(rf"{ARTIFACTS}[0-9a-f]{{64}}")
_MANIFEST = re.compile(r"manifest-([0-9a-f]{64})\.json")


def part_name(folder: str, number: int) -> str:
    """The name of a part of rows or records."""
    return f"{folder}/{number:06}.jsonl"


def manifest_digest(name: str) -> str | None:
    """The digest in a manifest's name; None for other members."""
    found = _MANIFEST.fullmatch(name)
    return found[1] if found else None


def data_name(path: PurePosixPath) -> str:
    """The member of a file of the data folder: in ASCII, whatever its name."""
    return DATA + quote_from_bytes(bytes(path), safe="/")


def data_path(name: str) -> PurePosixPath:
    """Where a member goes, below the data folder. Raises BackupDamaged when that would be elsewhere."""
    path = PurePosixPath(unquote(name.removeprefix(DATA), errors="surrogateescape"))
    first, rest = path.parts[0] if path.parts else "", path.parts[1:]
    known = (first == "jwt.key" and not rest) or (first in {*FOLDERS, PREFECT} and rest)
    if not known or ".." in path.parts or "\0" in str(path):
        raise unknown_member(name)
    return path


def checked_name(name: str) -> str:
    """The name of a member that a backup may have. Raises BackupDamaged."""
    if name == HEADER or _PART.fullmatch(name) or _ARTIFACT.fullmatch(name) or _MANIFEST.fullmatch(name):
        return name
    if name.startswith(DATA):
        data_path(name)
        return name
    raise unknown_member(name)


def unknown_member(name: str) -> BackupDamaged:
    """The error for what no backup holds."""
    return damaged(f"it holds '{name[:200]}', which no backup does")


def damaged(reason: str) -> BackupDamaged:
    """The error for a file that is not as it was written."""
    return BackupDamaged(
        f"the file is no whole backup: {reason}",
        remedy="nothing was changed; restore another copy of it, or an older one",
    )
