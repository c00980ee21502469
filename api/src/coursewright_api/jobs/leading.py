"""One process at a time: a lock that the kernel or the database lets go when its holder dies."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

from coursewright_api.database import Database
from coursewright_api.database.engines import PgEngine, SqliteEngine

_LOOK_S = 1.0


@contextlib.asynccontextmanager
async def leadership(database: Database, name: str) -> AsyncIterator[None]:
    """Wait until no other process on this database holds `name`, and hold it.

    On PostgreSQL the block is cancelled, and ConnectionError raised, when the connection that holds it is lost.
    """
    if isinstance(database.engine, PgEngine):
        async with _held_by_connection(database.engine, name):
            yield
    else:
        async with _held_by_file(database.engine, name):
            yield


@contextlib.asynccontextmanager
async def _held_by_file(engine: SqliteEngine, name: str) -> AsyncIterator[None]:
    path = Path(engine.path)
    handle = os.open(path.with_name(f"{path.name}.{name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOOK_S)
        yield
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def _held_by_connection(engine: PgEngine, name: str) -> AsyncIterator[None]:
    connection = await engine.connect()
    try:
        # Else a holder whose machine is lost would hold it for two hours, as the system's own patience is.
        await connection.execute(
            "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3"
        )
        while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", f"leader {name}"):
            await asyncio.sleep(_LOOK_S)
        task = asyncio.current_task()
        lost = False

        def end(*_: object) -> None:
            nonlocal lost
            lost = True
            if task is not None:
                task.cancel()

        connection.add_termination_listener(end)
        try:
            yield
        except asyncio.CancelledError:
            if not lost:
                raise
            if task is not None:
                task.uncancel()
            raise ConnectionError("the connection that holds the lock is lost") from None
        finally:
            connection.remove_termination_listener(end)
    finally:
        connection.terminate()
