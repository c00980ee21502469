"""The migrations, in the order of their IDs. One that was released is never changed.

A migration is a module with `ID` (which begins with the date, as IDs are sorted) and `forwards()`, in SQL that
SQLite and PostgreSQL both read: `statements` makes Piccolo's MigrationManager of it. Write column types as Piccolo
knows them (UUID, VARCHAR, TIMESTAMPTZ …), give enumerations a CHECK, and change `tables` to match; a test compares
the two. SQLite cannot alter a column: make a new one, copy, and drop the old.
"""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.tables import Migration


def statements(migration_id: str, description: str, *sql: str) -> MigrationManager:
    """A migration that runs these statements in one transaction.

    `BIGSERIAL PRIMARY KEY` is a number that only grows, on SQLite too.
    """

    async def run() -> None:
        sqlite = Migration._meta.db.engine_type == "sqlite"
        for each in sql:
            text = each.replace("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT") if sqlite else each
            await Migration.raw(text)

    manager = MigrationManager(migration_id=migration_id, app_name="coursewright", description=description)
    manager.add_raw(run)
    return manager
