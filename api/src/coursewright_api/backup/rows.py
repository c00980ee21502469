"""Rows in a form that both databases read and write."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from coursewright_api.backup.form import PART_BYTES, Kind

_KINDS: dict[str, Kind] = {
    "uuid": "uuid",
    "timestamptz": "time",
    "boolean": "bool",
    "bool": "bool",
    "text": "text",
    "varchar": "text",
}


def kind_of(declared: str) -> Kind:
    """The kind of a column, by the type that a database says it has."""
    return _KINDS.get(declared.partition("(")[0].strip().lower(), "number")


def neutral(kind: Kind, value: Any) -> Any:
    """A value of either database as JSON has it."""
    if value is None or kind in {"text", "number"}:
        return value
    if kind == "uuid":
        return str(value)
    if kind == "bool":
        return bool(value)
    at = value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(value)
    return at.astimezone(datetime.UTC).isoformat()


def for_sqlite(kind: Kind, value: Any) -> Any:
    """A value as Piccolo writes it to SQLite."""
    if value is None or kind in {"text", "number", "uuid"}:
        return value
    return int(value) if kind == "bool" else str(datetime.datetime.fromisoformat(value))


def for_postgres(kind: Kind, value: Any) -> Any:
    """A value as asyncpg takes it."""
    if value is None or kind in {"text", "number", "bool"}:
        return value
    return uuid.UUID(value) if kind == "uuid" else datetime.datetime.fromisoformat(value)


def decoded(part: bytes, kinds: list[Kind], convert: Callable[[Kind, Any], Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a part. Raises ValueError for what is none."""
    for line in part.splitlines():
        values = msgspec.json.decode(line, type=list[Any])
        yield tuple(convert(kind, value) for kind, value in zip(kinds, values, strict=True))


class Lines:
    """Gathers JSON lines into parts of a bounded size."""

    def __init__(self) -> None:
        self._part = bytearray()
        self.count = 0

    def add(self, value: Any) -> bytes | None:
        """Add a line; the part that is full with it."""
        self._part += msgspec.json.encode(value) + b"\n"
        self.count += 1
        return self.rest() if len(self._part) >= PART_BYTES else None

    def rest(self) -> bytes:
        """What is gathered; a new part begins."""
        part, self._part = bytes(self._part), bytearray()
        return part


FILES = frozenset({"pipeline_version", "job", "job_step", "job_event", "asset"})
"""Tables whose rows name artifacts."""
_DIGESTS = {("asset", "digest"), ("pipeline_version", "bundle_digest")}
_SHA256 = re.compile("[0-9a-f]{64}")
_NAMED = re.compile(r'(?:artifact:|"digest\\*": ?\\*")([0-9a-f]{64})\b')
"""Also in JSON that is itself a string of JSON."""


def named_in_row(table: str, columns: list[str], values: list[Any]) -> Iterator[str]:
    """The digests of the artifacts that a row names."""
    if table not in FILES:
        return
    for column, value in zip(columns, values, strict=True):
        if not isinstance(value, str):
            continue
        if (table, column) in _DIGESTS and _SHA256.fullmatch(value):
            yield value
        yield from named_in(value)


def named_in(text: str) -> Iterator[str]:
    """The digests of the artifacts that a text names, by reference or in JSON."""
    yield from _NAMED.findall(text)
