"""Columns that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from piccolo.columns import Column, Timestamptz
from piccolo.columns.combination import WhereRaw


def now() -> datetime:
    """The time, in UTC with its offset, as every time in the database is."""
    return datetime.now(UTC)


class Time(Timestamptz):
    """A moment in UTC. Without one given it is empty, never the database's own clock."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default": None, "null": True, **options})


def contains(column: Column, words: str) -> WhereRaw:
    """Is that part of a text, whether written large or small? Piccolo's `ilike` warns on SQLite."""
    return WhereRaw(f'LOWER("{column._meta.db_column_name}") LIKE {{}}', f"%{words.lower()}%")
