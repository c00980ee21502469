"""Jobs know their script, and what its author has made of it."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from coursewright_api.database.migrations import statements

ID = "2026-11-27T00:00:00:000000"


async def forwards() -> MigrationManager:
    """Add the columns, empty for the jobs that there are."""
    add = 'ALTER TABLE "job" ADD COLUMN "{}" TEXT NOT NULL DEFAULT \'\''
    return statements(ID, "Scripts", add.format("script"), add.format("script_edit"))
