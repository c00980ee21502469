"""Columns that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from piccolo.columns import Timestamptz


def now() -> datetime:
    """The time, in UTC with its offset, as every time in the database is."""
    return datetime.now(UTC)


class Time(Timestamptz):
    """A moment in UTC. Without one given it is empty, never the database's own clock."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default": None, "null": True, **options})
