"""The rows of a database as they were at one moment, while others go on writing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from coursewright.errors import CoursewrightError
from coursewright.settings import Settings
from piccolo.apps.migrations.tables import Migration

from coursewright_api.backup.form import BackupFailed, Kind
from coursewright_api.backup.rows import kind_of, neutral
from coursewright_api.database import SQLITE_NAME, DatabaseUnavailable
from coursewright_api.database.piccolo_app import APP_NAME
from coursewright_api.database.tables import TABLES
from coursewright_api.settings import ServerSettings

_ROWS_AT_ONCE = 500
_BUSY_S = 30.0
_MIGRATIONS: str = Migration._meta.tablename
_ORDER = {table._meta.tablename: place for place, table in enumerate(TABLES)}


class Snapshot(Protocol):
    """One moment of a database."""

    name: str

    async def migrations(self) -> list[str]:
        """The migrations that ran, in their order."""

    async def tables(self) -> list[str]:
        """All tables of ours, each after those it refers to."""

    async def columns(self, table: str) -> dict[str, Kind]:
        """The columns of a table, in order."""

    def rows(self, table: str, columns: dict[str, Kind]) -> AsyncIterator[list[Any]]:
        """Its rows, in neutral values."""

    async def last_id(self, table: str) -> int | None:
        """The last number that was given out; None for a table that does not count."""


@contextlib.asynccontextmanager
async def snapshot(settings: Settings, server: ServerSettings) -> AsyncIterator[Snapshot]:
    """The database that the settings name. Raises BackupFailed when there is none."""
    if not server.database_url:
        path = settings.data_dir / SQLITE_NAME
        if not path.exists():
            raise BackupFailed(
                f"there is no database in the data folder {settings.data_dir}",
                remedy="set COURSEWRIGHT_DATA_DIR to the folder that `coursewright serve` uses",
            )
        with contextlib.closing(open_sqlite(path)) as opened, failures("backup", BackupFailed):
            opened.execute("BEGIN")
            yield SqliteSnapshot(opened)
        return
    connection = await connect(server.database_url)
    try:
        with failures("backup", BackupFailed):
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield PostgresSnapshot(connection)
    finally:
        await connection.close(timeout=10)


@contextlib.contextmanager
def failures(what: str, kind: type[CoursewrightError]) -> Iterator[None]:
    """Raise `kind` for what either database raises."""
    try:
        yield
    except (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError) as error:
        raise kind(
            f"the database failed during the {what}: {error}", remedy=f"see to it, and begin the {what} again"
        ) from error


def open_sqlite(path: Path) -> sqlite3.Connection:
    """A connection that begins and ends no transaction by itself. Raises DatabaseUnavailable for a damaged file."""
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise DatabaseUnavailable(
            f"the database {path} cannot be read: {error}", remedy="see whether it is damaged"
        ) from None
    return connection


async def connect(url: str) -> Any:
    """A connection to PostgreSQL. Raises DatabaseUnavailable."""
    try:
        return await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(
            f"PostgreSQL cannot be used: {error or type(error).__name__}",
            remedy="start it, or correct database_url (COURSEWRIGHT_SERVER_DATABASE_URL)",
        ) from error


class SqliteSnapshot:
    """A transaction of SQLite: it sees what was there at its first query."""

    name = "SQLite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def migrations(self) -> list[str]:
        if _MIGRATIONS not in self._all_tables():
            return []
        query = f'SELECT "name" FROM "{_MIGRATIONS}" WHERE "app_name" = ? ORDER BY "name"'  # noqa: S608  # our own name
        return [name for (name,) in self._connection.execute(query, [APP_NAME])]

    async def tables(self) -> list[str]:
        return in_order(self._all_tables())

    async def columns(self, table: str) -> dict[str, Kind]:
        found = self._connection.execute('SELECT "name", "type" FROM pragma_table_info(?)', [table])
        return {name: kind_of(declared) for name, declared in found}

    async def rows(self, table: str, columns: dict[str, Kind]) -> AsyncIterator[list[Any]]:
        for row in self._connection.execute(_select(table, columns)):
            yield [neutral(kind, value) for kind, value in zip(columns.values(), row, strict=True)]

    async def last_id(self, table: str) -> int | None:
        sql = self._connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
        if "AUTOINCREMENT" not in sql:
            return None
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table]).fetchone()
        return row[0] if row else 0

    def _all_tables(self) -> set[str]:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        return {name for (name,) in self._connection.execute(query)}


class PostgresSnapshot:
    """A transaction of PostgreSQL with REPEATABLE READ."""

    name = "PostgreSQL"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def migrations(self) -> list[str]:
        if await self._connection.fetchval("SELECT to_regclass($1)", _MIGRATIONS) is None:
            return []
        query = f'SELECT "name" FROM "{_MIGRATIONS}" WHERE "app_name" = $1 ORDER BY "name"'  # noqa: S608  # our own name
        return [row["name"] for row in await self._connection.fetch(query, APP_NAME)]

    async def tables(self) -> list[str]:
        """Those that the code knows: others may share the database."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return in_order({row["tablename"] for row in await self._connection.fetch(query)} & _ORDER.keys())

    async def columns(self, table: str) -> dict[str, Kind]:
        query = (
            "SELECT column_name, udt_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        )
        found = await self._connection.fetch(query, table)
        return {row["column_name"]: kind_of(row["udt_name"]) for row in found}

    async def rows(self, table: str, columns: dict[str, Kind]) -> AsyncIterator[list[Any]]:
        async for row in self._connection.cursor(_select(table, columns), prefetch=_ROWS_AT_ONCE):
            yield [neutral(kind, value) for kind, value in zip(columns.values(), row, strict=True)]

    async def last_id(self, table: str) -> int | None:
        sequence = await self.sequence(table)
        if sequence is None:
            return None
        row = await self._connection.fetchrow(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608  # quoted by PostgreSQL
        return int(row["last_value"]) - (0 if row["is_called"] else 1)

    async def sequence(self, table: str) -> str | None:
        """The sequence behind a table's `id`, quoted."""
        has_id = "id" in await self.columns(table)
        query = "SELECT pg_get_serial_sequence($1, 'id')"
        found: str | None = await self._connection.fetchval(query, f'"{table}"') if has_id else None
        return found


def in_order(tables: set[str]) -> list[str]:
    """Tables of ours, in the order in which they refer to each other."""
    return sorted(tables - {_MIGRATIONS}, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))


def _select(table: str, columns: dict[str, Kind]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'SELECT {names} FROM "{table}"'  # noqa: S608  # names that the database itself gave
