"""Columns that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from piccolo.columns import Column, Text, Timestamptz, Varchar


def now() -> datetime:
    """The time, in UTC with its offset, as every time in the database is."""
    return datetime.now(UTC)


class Time(Timestamptz):
    """A moment in UTC. Without one given it is empty, never the database's own clock."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default": None, "null": True, **options})


def contains(column: Varchar | Text, words: str) -> Any:
    """Is that part of a text, in any case? SQLite's LIKE minds the case of no ASCII letter, and has no ILIKE."""
    like = column.like if column._meta.engine_type == "sqlite" else column.ilike
    return like(f"%{words}%")


def beyond(column: Column, value: Any, key: Column, last: Any, *, rising: bool) -> Any:
    """What comes after a row in an order by a column and a key, in a form that an index serves."""
    if rising:
        return (column >= value) & ((column > value) | (key > last))
    return (column <= value) & ((column < value) | (key < last))
