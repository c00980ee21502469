"""The database of the service: SQLite in the data folder, or PostgreSQL."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from coursewright.disk import explained
from coursewright.errors import CoursewrightError
from coursewright.settings import Settings
from piccolo.apps.migrations.tables import Migration
from piccolo.table import Table

from coursewright_api.database import piccolo_conf
from coursewright_api.database.engines import PgEngine, SqliteEngine, whole_connection
from coursewright_api.database.tables import TABLES
from coursewright_api.settings import ServerSettings

SQLITE_NAME = "coursewright.sqlite"


class DatabaseUnavailable(CoursewrightError):
    """The database cannot be reached, or does not answer."""


def engine_for(settings: Settings, server: ServerSettings) -> SqliteEngine | PgEngine:
    """The engine that the settings name. Opens nothing."""
    if server.database_url:
        return PgEngine(config={"dsn": server.database_url, "timeout": 10})
    return SqliteEngine(path=str(settings.data_dir / SQLITE_NAME))


class Database:
    """The one database of this process: Piccolo's tables know their engine globally."""

    def __init__(self, settings: Settings, server: ServerSettings) -> None:
        self.engine = engine_for(settings, server)
        self._connections = server.database_connections
        self._folder = settings.data_dir

    @property
    def name(self) -> str:
        """SQLite or PostgreSQL, for people."""
        return "PostgreSQL" if isinstance(self.engine, PgEngine) else "SQLite"

    async def open(self) -> None:
        """Connect, and migrate if need be. Raises DatabaseUnavailable, or CoursewrightError for a newer database."""
        from coursewright_api.database.migrate import migrate

        await self.connect()
        try:
            await migrate(self.engine, self._folder)
        except BaseException:
            await self.close()
            raise

    async def connect(self) -> None:
        """Connect, and leave the database as it is. Raises DatabaseUnavailable."""
        os.environ["PICCOLO_CONF"] = piccolo_conf.MODULE  # the only way by which Piccolo's migrations find an engine
        piccolo_conf.DB = self.engine
        tables: tuple[type[Table], ...] = (*TABLES, Migration)
        for table in tables:
            table._meta.db = self.engine
        if isinstance(self.engine, SqliteEngine):
            where = f"the data folder {self._folder}"
            with explained(where, elsewhere="choose another folder (COURSEWRIGHT_DATA_DIR)", kind=DatabaseUnavailable):
                self._folder.mkdir(parents=True, exist_ok=True)
                path = Path(self.engine.path)
                path.touch(mode=0o600)
            await self.engine.reopen()
        else:
            await self._connect(self.engine)

    async def _connect(self, engine: PgEngine) -> None:
        import asyncpg

        try:
            await engine.start_connection_pool(
                min_size=1, max_size=self._connections, command_timeout=60, connect=whole_connection
            )
        except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable(
                f"PostgreSQL cannot be used: {error or type(error).__name__}",
                remedy="start it, or correct database_url (COURSEWRIGHT_SERVER_DATABASE_URL)",
            ) from error

    async def close(self) -> None:
        """Let all connections go. Safe to call twice."""
        if isinstance(self.engine, SqliteEngine):
            await self.engine.close()
        elif self.engine.pool is not None:
            await self.engine.close_connection_pool()

    def transaction(self) -> Any:
        """`async with`: all or nothing. Inside another one it joins that."""
        return self.engine.transaction()

    @contextlib.asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """A transaction that no other of that name runs beside, in any process.

        For what one row's lock cannot say, such as "there is at least one admin".
        """
        async with self.engine.transaction():
            if isinstance(self.engine, PgEngine):  # in SQLite each of our transactions is alone
                await Migration.raw("SELECT pg_advisory_xact_lock(hashtext({}))", name)
            yield

    async def ping(self) -> None:
        """Return when the database answers."""
        await Migration.raw("SELECT 1")


def is_duplicate(error: Exception) -> bool:
    """Does the database refuse a value because another row has it?"""
    import asyncpg

    return isinstance(error, asyncpg.UniqueViolationError) or "UNIQUE constraint failed" in str(error)


def is_unreachable(error: Exception) -> bool:
    """Is the database gone or too busy, so that the same request may work later?"""
    import sqlite3

    import asyncpg

    return isinstance(
        error,
        DatabaseUnavailable
        | sqlite3.OperationalError
        | asyncpg.PostgresConnectionError
        | asyncpg.CannotConnectNowError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | asyncpg.TooManyConnectionsError
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError  # what a connection says that was cut off while it was beginning
        | ConnectionError
        | TimeoutError,
    )
