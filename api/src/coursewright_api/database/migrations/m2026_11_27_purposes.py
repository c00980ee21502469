"""Jobs know what they are for: a course, its script first, or a preview."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from coursewright_api.database.migrations import statements

ID = "2026-11-27T01:00:00:000000"

PURPOSE = """
ALTER TABLE "job" ADD COLUMN "purpose" VARCHAR(32) NOT NULL DEFAULT 'course'
    CHECK ("purpose" IN ('course', 'review', 'preview'))
"""
INDEXES = (  # with the purpose, so that counting needs no more than the index
    'DROP INDEX "job_by_state"',
    'DROP INDEX "job_by_pipeline"',
    'CREATE INDEX "job_by_state" ON "job" ("owner", "state", "created_at", "id", "purpose")',
    'CREATE INDEX "job_by_pipeline" ON "job" ("owner", "pipeline", "created_at", "id", "purpose")',
    'CREATE INDEX "job_preview" ON "job" ("created_at") WHERE "purpose" = \'preview\'',
)


async def forwards() -> MigrationManager:
    """All jobs that there are have been for courses."""
    return statements(ID, "Purposes", PURPOSE, *INDEXES)
