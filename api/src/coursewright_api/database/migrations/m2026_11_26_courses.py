"""Courses: pipeline versions, jobs with their steps and events, assets, consents, share links."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from coursewright_api.database.migrations import statements

ID = "2026-11-26T07:00:00:000000"

PIPELINE_VERSION = """
CREATE TABLE "pipeline_version" (
    "id" UUID PRIMARY KEY,
    "name" VARCHAR(64) NOT NULL,
    "number" INTEGER NOT NULL,
    "current" BOOLEAN NOT NULL,
    "title" VARCHAR(200) NOT NULL,
    "description" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "files" TEXT NOT NULL,
    "bundle" TEXT NOT NULL,
    "bundle_digest" VARCHAR(64) NOT NULL,
    "origin" VARCHAR(32) NOT NULL CHECK ("origin" IN ('file', 'edited', 'prefect')),
    "note" VARCHAR(200) NOT NULL,
    "author" UUID REFERENCES "users" ("id") ON DELETE SET NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "deployment" UUID,
    UNIQUE ("name", "number")
)
"""

JOB = """
CREATE TABLE "job" (
    "id" UUID PRIMARY KEY,
    "owner" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE,
    "pipeline_version" UUID NOT NULL REFERENCES "pipeline_version" ("id") ON DELETE RESTRICT,
    "pipeline" VARCHAR(64) NOT NULL,
    "title" VARCHAR(200) NOT NULL,
    "description" TEXT NOT NULL,
    "priority" VARCHAR(32) NOT NULL CHECK ("priority" IN ('low', 'normal', 'high', 'urgent')),
    "inputs" TEXT NOT NULL,
    "parameters" TEXT NOT NULL,
    "providers" TEXT NOT NULL,
    "part" TEXT NOT NULL,
    "batch" UUID,
    "idempotency_key" VARCHAR(200),
    "request_digest" VARCHAR(64) NOT NULL,
    "state" VARCHAR(32) NOT NULL CHECK ("state" IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    "attempt" INTEGER NOT NULL,
    "flow_run" UUID,
    "progress" REAL NOT NULL,
    "message" TEXT NOT NULL,
    "error" TEXT NOT NULL,
    "outputs" TEXT NOT NULL,
    "expected_s" REAL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "started_at" TIMESTAMPTZ,
    "ended_at" TIMESTAMPTZ,
    "cancel_requested_at" TIMESTAMPTZ
)
"""

JOB_STEP = """
CREATE TABLE "job_step" (
    "id" BIGSERIAL PRIMARY KEY,
    "job" UUID NOT NULL REFERENCES "job" ("id") ON DELETE CASCADE,
    "step" VARCHAR(64) NOT NULL,
    "item" VARCHAR(120) NOT NULL,
    "position" INTEGER NOT NULL,
    "state" VARCHAR(32) NOT NULL CHECK ("state" IN
        ('waiting', 'running', 'done', 'reused', 'failed', 'skipped', 'blocked', 'left_out', 'cancelled')),
    "provider" VARCHAR(80) NOT NULL,
    "progress" REAL NOT NULL,
    "message" TEXT NOT NULL,
    "error" TEXT NOT NULL,
    "notices" TEXT NOT NULL,
    "task_run" UUID,
    "started_at" TIMESTAMPTZ,
    "ended_at" TIMESTAMPTZ,
    UNIQUE ("job", "step", "item")
)
"""

JOB_EVENT = """
CREATE TABLE "job_event" (
    "id" BIGSERIAL PRIMARY KEY,
    "job" UUID NOT NULL REFERENCES "job" ("id") ON DELETE CASCADE,
    "owner" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE,
    "at" TIMESTAMPTZ NOT NULL,
    "type" VARCHAR(32) NOT NULL,
    "data" TEXT NOT NULL
)
"""

ASSET = """
CREATE TABLE "asset" (
    "id" UUID PRIMARY KEY,
    "owner" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE,
    "type" VARCHAR(32) NOT NULL CHECK ("type" IN
        ('portrait', 'voice_sample', 'script', 'document', 'slide_theme', 'result')),
    "state" VARCHAR(32) NOT NULL CHECK ("state" IN ('pending', 'processing', 'ready', 'failed')),
    "reason" TEXT NOT NULL,
    "name" VARCHAR(200) NOT NULL,
    "description" TEXT NOT NULL,
    "file_name" VARCHAR(255) NOT NULL,
    "digest" VARCHAR(64),
    "media_type" VARCHAR(127) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "width_px" INTEGER,
    "height_px" INTEGER,
    "duration_s" REAL,
    "preview" TEXT NOT NULL,
    "notes" TEXT NOT NULL,
    "job" UUID REFERENCES "job" ("id") ON DELETE CASCADE,
    "output" VARCHAR(64) NOT NULL,
    "upload_expires_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "deleted_at" TIMESTAMPTZ
)
"""

CONSENT = """
CREATE TABLE "consent" (
    "id" UUID PRIMARY KEY,
    "owner" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE,
    "asset" UUID NOT NULL REFERENCES "asset" ("id") ON DELETE CASCADE,
    "person" VARCHAR(120) NOT NULL,
    "purpose" VARCHAR(500) NOT NULL,
    "statement" TEXT NOT NULL,
    "recording" UUID REFERENCES "asset" ("id") ON DELETE SET NULL,
    "given_at" TIMESTAMPTZ NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "revoked_at" TIMESTAMPTZ
)
"""

SHARE_LINK = """
CREATE TABLE "share_link" (
    "id" UUID PRIMARY KEY,
    "owner" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE,
    "job" UUID NOT NULL REFERENCES "job" ("id") ON DELETE CASCADE,
    "title" VARCHAR(200) NOT NULL,
    "may_download" BOOLEAN NOT NULL,
    "password_hash" VARCHAR(200) NOT NULL,
    "opened" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "revoked_at" TIMESTAMPTZ
)
"""

INDEXES = (
    'CREATE UNIQUE INDEX "pipeline_version_current" ON "pipeline_version" ("name") WHERE "current"',
    'CREATE INDEX "pipeline_version_bundle" ON "pipeline_version" ("bundle_digest")',
    'CREATE INDEX "pipeline_version_of_author" ON "pipeline_version" ("author")',
    # One index for each order in which jobs are listed; the id makes each order a total one.
    'CREATE INDEX "job_by_creation" ON "job" ("owner", "created_at", "id")',
    'CREATE INDEX "job_by_change" ON "job" ("owner", "updated_at", "id")',
    'CREATE INDEX "job_by_title" ON "job" ("owner", "title", "id")',
    'CREATE INDEX "job_by_state" ON "job" ("owner", "state", "created_at", "id")',
    'CREATE INDEX "job_by_pipeline" ON "job" ("owner", "pipeline", "created_at", "id")',
    'CREATE INDEX "job_of_version" ON "job" ("pipeline_version")',
    'CREATE INDEX "job_of_batch" ON "job" ("batch") WHERE "batch" IS NOT NULL',
    'CREATE UNIQUE INDEX "job_flow_run" ON "job" ("flow_run") WHERE "flow_run" IS NOT NULL',
    'CREATE UNIQUE INDEX "job_idempotency" ON "job" ("owner", "idempotency_key") WHERE "idempotency_key" IS NOT NULL',
    # What the mirror looks after: few of many.
    """CREATE INDEX "job_unfinished" ON "job" ("state", "created_at") WHERE "state" IN ('pending', 'running')""",
    'CREATE INDEX "job_event_of_job" ON "job_event" ("job", "id")',
    'CREATE INDEX "job_event_of_owner" ON "job_event" ("owner", "id")',
    'CREATE INDEX "asset_by_creation" ON "asset" ("owner", "created_at", "id")',
    'CREATE INDEX "asset_by_type" ON "asset" ("owner", "type", "created_at", "id")',
    'CREATE INDEX "asset_by_state" ON "asset" ("owner", "state", "created_at", "id")',
    'CREATE INDEX "asset_by_name" ON "asset" ("owner", "name", "id")',
    'CREATE INDEX "asset_by_size" ON "asset" ("owner", "size_bytes", "id")',
    'CREATE INDEX "asset_digest" ON "asset" ("digest")',
    'CREATE INDEX "asset_of_job" ON "asset" ("job")',
    'CREATE INDEX "asset_upload" ON "asset" ("upload_expires_at") WHERE "upload_expires_at" IS NOT NULL',
    'CREATE INDEX "asset_deletion" ON "asset" ("deleted_at") WHERE "deleted_at" IS NOT NULL',
    'CREATE INDEX "consent_of_asset" ON "consent" ("asset")',
    'CREATE INDEX "consent_of_owner" ON "consent" ("owner", "created_at", "id")',
    'CREATE INDEX "consent_recording" ON "consent" ("recording")',
    'CREATE INDEX "share_link_of_job" ON "share_link" ("job")',
    'CREATE INDEX "share_link_of_owner" ON "share_link" ("owner", "created_at", "id")',
)


async def forwards() -> MigrationManager:
    """Make the tables and their indexes."""
    tables = (PIPELINE_VERSION, JOB, JOB_STEP, JOB_EVENT, ASSET, CONSENT, SHARE_LINK)
    return statements(ID, "Courses", *tables, *INDEXES)
