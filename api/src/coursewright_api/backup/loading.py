"""Putting rows back: all of them or none, then whatever newer migrations there are."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from coursewright.settings import Settings

from coursewright_api.backup.form import Kind, Manifest, RestoreRefused, TableRows, damaged
from coursewright_api.backup.reading import Backup
from coursewright_api.backup.rows import decoded, for_postgres, for_sqlite
from coursewright_api.backup.snapshots import PostgresSnapshot, SqliteSnapshot, connect, in_order, open_sqlite
from coursewright_api.database import SQLITE_NAME, Database
from coursewright_api.database.migrate import alone, known_migrations, run_migrations
from coursewright_api.settings import ServerSettings, server_settings

_FLEETING = frozenset({"throttle", "one_time_link"})
"""A service that was only started has rows here, and nothing to lose."""


def check_version(manifest: Manifest) -> None:
    """Raise RestoreRefused when the rows are from a newer version, or from none of ours."""
    known = known_migrations()
    if unknown := set(manifest.migrations) - set(known):
        raise RestoreRefused(
            f"the backup was made by a newer Coursewright ({manifest.version}; it has {max(unknown)})",
            remedy="install that version, and restore with it",
        )
    if manifest.migrations != known[: len(manifest.migrations)]:
        raise RestoreRefused(
            "the backup's database had skipped a migration", remedy="restore it with the version that made it"
        )


def replace_sqlite(old: Path, new: Path) -> None:
    """Put a complete database in the place of another."""
    for suffix in ("-wal", "-shm"):
        old.with_name(old.name + suffix).unlink(missing_ok=True)
    new.replace(old)


def sqlite_in_use(path: Path) -> bool:
    """Has another process the database open? Leaves it without a write-ahead log when not."""
    with contextlib.closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            return "locked" in str(error)
        except sqlite3.DatabaseError:
            return False  # damaged: that is why somebody restores
    return False


async def rows_there(settings: Settings, server: ServerSettings) -> list[str]:
    """The tables that hold something to lose."""
    if server.database_url:
        connection = await connect(server.database_url)
        try:
            tables = await PostgresSnapshot(connection).tables()
            return [name for name in tables if name not in _FLEETING and await connection.fetchval(_any(name))]
        finally:
            await connection.close()
    path = settings.data_dir / SQLITE_NAME
    if not path.exists() or not path.stat().st_size:
        return []
    with contextlib.closing(open_sqlite(path)) as found:
        tables = await SqliteSnapshot(found).tables()
        return [name for name in tables if name not in _FLEETING and found.execute(_any(name)).fetchone()[0]]


async def others_connected(server: ServerSettings) -> int:
    """Other connections to the PostgreSQL database."""
    connection = await connect(server.database_url)
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return count
    finally:
        await connection.close()


async def sqlite_from(backup: Backup, settings: Settings, folder: Path) -> Path:
    """A complete SQLite database with the backup's rows, in `folder`."""
    apart = msgspec.structs.replace(settings, data_dir=folder, server={})
    database = Database(apart, server_settings(apart))
    await database.connect()
    try:
        await run_migrations(until=backup.manifest.migrations[-1])
    finally:
        await database.close()
    path = folder / SQLITE_NAME
    with contextlib.closing(open_sqlite(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN")
        for table in backup.manifest.tables:
            _fill_sqlite(connection, backup, table)
        if broken := connection.execute("PRAGMA foreign_key_check").fetchone():
            raise damaged(f"a row of '{broken[0]}' refers to one that is not there")
        connection.execute("COMMIT")
    await database.open()  # runs what is newer
    await database.close()
    with contextlib.closing(open_sqlite(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # all of it is in one file, which can be moved
    return path


def _fill_sqlite(connection: sqlite3.Connection, backup: Backup, table: TableRows) -> None:
    kinds = list(table.columns.values())
    places = ", ".join("?" * len(kinds))
    insert = f'INSERT INTO "{table.name}" ({_names(table)}) VALUES ({places})'  # noqa: S608  # checked by the database
    try:
        for part in backup.parts(f"database/{table.name}/"):
            connection.executemany(insert, decoded(part, kinds, for_sqlite))
        if table.last_id:
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table.name])
            connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", [table.name, table.last_id])
    except (sqlite3.Error, ValueError) as error:
        raise _unfit(table.name, "SQLite", error) from None


async def fill_postgres(backup: Backup, settings: Settings) -> None:
    """The backup's rows in the PostgreSQL database of the settings, in place of what is there: in one transaction."""
    database = Database(settings, server_settings(settings))
    await database.connect()
    try:
        async with alone(database.engine, settings.data_dir), database.transaction() as transaction:
            connection = transaction.connection
            for name in reversed(in_order({*await PostgresSnapshot(connection).tables()})):
                await connection.execute(f'DROP TABLE "{name}" CASCADE')
            await run_migrations(until=backup.manifest.migrations[-1], afresh=True)
            for table in backup.manifest.tables:
                await _fill_table(connection, backup, table)
            await run_migrations()
    finally:
        await database.close()


async def _fill_table(connection: Any, backup: Backup, table: TableRows) -> None:
    kinds: list[Kind] = list(table.columns.values())
    try:
        for part in backup.parts(f"database/{table.name}/"):
            await connection.copy_records_to_table(
                table.name, columns=list(table.columns), records=decoded(part, kinds, for_postgres)
            )
        if table.last_id is not None:
            sequence = await PostgresSnapshot(connection).sequence(table.name)
            await connection.execute(
                "SELECT setval($1::regclass, greatest($2::bigint, 1), $2::bigint > 0)", sequence, table.last_id
            )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError) as error:
        raise _unfit(table.name, "PostgreSQL", error) from None


def _unfit(table: str, database: str, error: Exception) -> RestoreRefused:
    return RestoreRefused(
        f"{database} does not take a row of '{table}': {error}",
        remedy="nothing was changed in the database; restore into the kind of database that the backup was made of",
    )


def _any(table: str) -> str:
    return f'SELECT EXISTS (SELECT 1 FROM "{table}")'  # noqa: S608  # a name that the database itself gave


def _names(table: TableRows) -> str:
    return ", ".join(f'"{name}"' for name in table.columns)
