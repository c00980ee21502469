"""Bringing a database up to date, by the same files on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import pkgutil
from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread
from coursewright.errors import CoursewrightError
from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager
from piccolo.apps.migrations.tables import Migration
from piccolo.conf.apps import MigrationModule

from coursewright_api.database import migrations
from coursewright_api.database.engines import PgEngine, SqliteEngine, quiet
from coursewright_api.database.piccolo_app import APP_CONFIG, APP_NAME

_LOCK = 0x636F7572736577
"""The number of PostgreSQL's advisory lock: "coursew" in ASCII."""


class _Forwards(ForwardsMigrationManager):
    def get_migration_modules(self, folder_path: str) -> dict[str, MigrationModule]:
        """The migrations as modules of our package; Piccolo would put their folder on `sys.path`."""
        found = {}
        for each in pkgutil.iter_modules(migrations.__path__):
            module = importlib.import_module(f"{migrations.__name__}.{each.name}")
            found[module.ID] = module
        return found  # type: ignore[return-value]  # modules that have what MigrationModule describes


async def migrate(engine: SqliteEngine | PgEngine, folder: Path) -> None:
    """Run the migrations that are missing. Several processes may do so at once: one works, the others wait.

    `folder` holds the lock file for SQLite. Raises CoursewrightError when the database is from a newer version.
    """
    async with alone(engine, folder):
        await run_migrations()


def known_migrations() -> list[str]:
    """The IDs of all migrations, in their order."""
    return sorted(_Forwards(app_name=APP_NAME).get_migration_modules(""))


async def run_migrations(*, until: str = "all", afresh: bool = False) -> None:
    """Run the migrations that are missing, up to and with `until`; of a database that lost its tables all, `afresh`.

    The caller is `alone`.
    """
    manager = _Forwards(app_name=APP_NAME, migration_id=until)
    with quiet():
        await manager.create_migration_table()
    if afresh:
        await Migration.delete().where(Migration.app_name == APP_NAME)
    done = set(await Migration.get_migrations_which_ran(app_name=APP_NAME))
    known = set(manager.get_migration_modules(""))
    if newer := done - known:
        raise CoursewrightError(
            f"the database was made by a newer Coursewright (it has {max(newer)})",
            remedy="install that version, or restore the backup from before the upgrade",
        )
    if known - done:
        with quiet():
            result = await manager.run_migrations(APP_CONFIG)
        if not result.success:
            raise CoursewrightError(f"the database could not be migrated: {result.message}")


@contextlib.asynccontextmanager
async def alone(engine: SqliteEngine | PgEngine, folder: Path) -> AsyncIterator[None]:
    """No other process migrates the database meanwhile."""
    if isinstance(engine, PgEngine):
        connection = await engine.get_new_connection()  # its own: the lock lasts as long as the connection
        try:
            await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
            yield
        finally:
            await connection.close()
        return
    with (folder / "migrate.lock").open("a") as lock:
        await anyio.to_thread.run_sync(fcntl.flock, lock, fcntl.LOCK_EX)
        yield
