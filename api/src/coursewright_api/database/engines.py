"""Piccolo's engines, made fit for a service with many requests at once and several processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import aiosqlite
import asyncpg
from aiosqlite import Connection
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction
from piccolo.engine.sqlite import SQLiteEngine, SQLiteTransaction, TransactionType, dict_factory

BUSY_S = 30.0
"""How long SQLite waits for another writer. Writes take milliseconds; waiting so long means a stuck disk."""

_IDLE_CONNECTIONS = 8
"""Connections kept for the next query. Opening one costs a thread and its pragmas: ten times a small query."""

_CLOSING_S = 5.0


class SqliteTransaction(SQLiteTransaction):
    """A transaction that gives its connection back whatever happens.

    Piccolo leaves it open when BEGIN IMMEDIATE or the end of the transaction fails; its thread is not a daemon,
    and so the process would never exit.
    """

    engine: SqliteEngine

    async def __aenter__(self) -> SQLiteTransaction:
        if self._parent is not None:
            return self._parent
        await self.engine.writing.acquire()
        try:
            return await super().__aenter__()
        except BaseException:
            self.engine.writing.release()
            raise

    async def begin(self) -> None:
        try:
            await super().begin()  # type: ignore[no-untyped-call]  # Piccolo leaves it bare
        except BaseException:
            await self.connection.close()
            raise

    async def __aexit__(self, exception_type: Any, exception: Any, traceback: Any) -> bool:
        if self._parent:
            return exception is None
        try:
            if exception and not self._rolled_back:
                await self.rollback()  # type: ignore[no-untyped-call]  # Piccolo leaves it bare
            elif not exception and not self._committed and not self._rolled_back:
                await self.commit()  # type: ignore[no-untyped-call]  # Piccolo leaves it bare
        except BaseException:
            await self.connection.close()
            raise
        else:
            await self.engine.give_back(self.connection)
        finally:
            self.engine.current_transaction.reset(self.context)
            self.engine.writing.release()
        return exception is None


async def _rows(connection: Connection, query: str, args: list[Any]) -> list[Any]:
    """In one turn of the connection's thread. Piccolo takes four, and each costs more than a small query."""
    return list(await connection.execute_fetchall(query, args))


class SqliteEngine(SQLiteEngine):
    """SQLite for several processes: write-ahead log, patient writers, foreign keys, connections that are reused.

    Transactions take the write lock when they begin. One that reads first and writes later is refused at once
    (SQLITE_BUSY_SNAPSHOT), however patient, when another has written in between.

    Writers of one process queue up for a lock of our own: SQLite's way of waiting is to sleep and look again, which
    made a hundred short transactions at once take 2 to 7 s instead of 0.1 s.
    """

    __slots__ = ("_idle", "_open", "writing")

    def __init__(self, path: str) -> None:
        super().__init__(path=path, timeout=BUSY_S)
        self._idle: list[Connection] = []
        self._open = True
        self.writing = asyncio.Lock()

    async def check_version(self) -> None:
        """Constructing an engine opens nothing."""

    async def get_connection(self) -> Connection:
        if self._idle:
            return self._idle.pop()
        opening = aiosqlite.connect(**self.connection_kwargs)
        opening._thread.daemon = True  # a connection that is lost must not keep the process alive
        connection = await opening
        try:
            connection.row_factory = dict_factory  # type: ignore[assignment]  # its stub knows Row only
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                await connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            await connection.close()
            raise
        return connection

    async def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next query, or close it when enough wait."""
        if self._open and len(self._idle) < _IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            await connection.close()

    async def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._open = False
        while self._idle:
            await self._idle.pop().close()

    async def reopen(self) -> None:
        """Keep connections again."""
        self._open = True

    async def _run_in_new_connection(
        self, query: str, args: list[Any] | None = None, query_type: str = "generic", table: Any = None
    ) -> Any:
        async with contextlib.nullcontext() if query.lstrip()[:6].upper() == "SELECT" else self.writing:
            return await self._run_alone(query, args or [])

    async def _run_alone(self, query: str, args: list[Any]) -> Any:
        connection = await self.get_connection()
        try:
            # Each statement commits itself (isolation_level is None), once all its rows are read.
            rows = await _rows(connection, query, args)
        except BaseException:
            await connection.close()  # cut off in the middle, it may still hold a lock
            raise
        await self.give_back(connection)
        return rows

    async def _run_in_existing_connection(
        self, connection: Connection, query: str, args: list[Any] | None = None, *_: Any, **__: Any
    ) -> Any:
        return await _rows(connection, query, args or [])

    def transaction(
        self, transaction_type: TransactionType = TransactionType.immediate, allow_nested: bool = True
    ) -> SqliteTransaction:
        return SqliteTransaction(engine=self, transaction_type=transaction_type, allow_nested=allow_nested)


class PgTransaction(PostgresTransaction):
    """A transaction that gives its connection back to the pool also when the server has gone."""

    async def begin(self) -> None:
        try:
            await super().begin()  # type: ignore[no-untyped-call]  # Piccolo leaves it bare
        except BaseException:
            await self._release()
            raise

    async def _release(self) -> None:
        if self.engine.pool:
            await self.engine.pool.release(self.connection)
        else:
            await self.connection.close()

    async def __aexit__(self, exception_type: Any, exception: Any, traceback: Any) -> bool:
        if self._parent:
            return exception is None
        try:
            if exception and not self._rolled_back:
                await self.rollback()  # type: ignore[no-untyped-call]  # Piccolo leaves it bare
            elif not exception and not self._committed and not self._rolled_back:
                await self.commit()  # type: ignore[no-untyped-call]  # Piccolo leaves it bare
        finally:
            self.engine.current_transaction.reset(self.context)
            await self._release()
        return exception is None


class PgEngine(PostgresEngine):
    """PostgreSQL with a pool. Constructing it opens nothing."""

    async def check_version(self) -> None:
        """Constructing an engine opens nothing."""

    async def prep_database(self) -> None:
        """No extension is needed."""

    def transaction(self, allow_nested: bool = True) -> PgTransaction:
        return PgTransaction(engine=self, allow_nested=allow_nested)

    async def connect(self) -> asyncpg.Connection:
        """A connection outside of the pool."""
        return await whole_connection(**self.config)


async def whole_connection(*arguments: Any, **options: Any) -> asyncpg.Connection:
    """asyncpg.connect, but whoever is cancelled meanwhile waits until the connection is there, and closes it.

    asyncpg reports a connection that was cut off while it was beginning as an error of the event loop.
    """
    connecting = asyncio.ensure_future(asyncpg.connect(*arguments, **options))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await (await connecting).close(timeout=_CLOSING_S)
        raise


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Piccolo's migrations print; a service's output is its own."""
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        yield
