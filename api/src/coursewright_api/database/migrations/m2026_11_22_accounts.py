"""Accounts: users, sessions, API keys, one-time links, throttling, the audit log."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from coursewright_api.database.migrations import statements

ID = "2026-11-22T12:00:00:000000"

USERS = """
CREATE TABLE "users" (
    "id" UUID PRIMARY KEY,
    "email" VARCHAR(254) NOT NULL UNIQUE,
    "username" VARCHAR(32) NOT NULL,
    "username_key" VARCHAR(32) NOT NULL UNIQUE,
    "full_name" VARCHAR(120) NOT NULL,
    "password_hash" VARCHAR(200) NOT NULL,
    "role" VARCHAR(32) NOT NULL CHECK ("role" IN ('author', 'designer', 'admin')),
    "state" VARCHAR(32) NOT NULL CHECK ("state" IN ('active', 'disabled')),
    "created_at" TIMESTAMPTZ NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL,
    "last_login_at" TIMESTAMPTZ
)
"""

SESSION = """
CREATE TABLE "session" (
    "id" UUID PRIMARY KEY,
    "user" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE,
    "generation" INTEGER NOT NULL,
    "remembered" BOOLEAN NOT NULL,
    "address" VARCHAR(64) NOT NULL,
    "user_agent" VARCHAR(200) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "ended_at" TIMESTAMPTZ,
    "end_reason" VARCHAR(32) CHECK ("end_reason" IN
        ('logout', 'logout_everywhere', 'password_changed', 'token_reused', 'disabled'))
)
"""

API_KEY = """
CREATE TABLE "api_key" (
    "id" UUID PRIMARY KEY,
    "user" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE,
    "name" VARCHAR(80) NOT NULL,
    "hint" VARCHAR(16) NOT NULL,
    "digest" VARCHAR(64) NOT NULL UNIQUE,
    "scopes" VARCHAR(80) NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ,
    "expires_at" TIMESTAMPTZ,
    "revoked_at" TIMESTAMPTZ
)
"""

ONE_TIME_LINK = """
CREATE TABLE "one_time_link" (
    "id" UUID PRIMARY KEY,
    "purpose" VARCHAR(32) NOT NULL CHECK ("purpose" IN ('setup', 'password')),
    "digest" VARCHAR(64) NOT NULL UNIQUE,
    "user" UUID REFERENCES "users" ("id") ON DELETE CASCADE,
    "created_at" TIMESTAMPTZ NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ
)
"""

THROTTLE = """
CREATE TABLE "throttle" (
    "key" VARCHAR(64) PRIMARY KEY,
    "tries" INTEGER NOT NULL,
    "ends" BIGINT NOT NULL
)
"""

AUDIT_EVENT = """
CREATE TABLE "audit_event" (
    "id" BIGSERIAL PRIMARY KEY,
    "at" TIMESTAMPTZ NOT NULL,
    "action" VARCHAR(40) NOT NULL,
    "actor" UUID REFERENCES "users" ("id") ON DELETE SET NULL,
    "actor_name" VARCHAR(254) NOT NULL,
    "subject" VARCHAR(254) NOT NULL,
    "address" VARCHAR(64) NOT NULL,
    "detail" TEXT NOT NULL
)
"""

INDEXES = (
    'CREATE INDEX "users_role" ON "users" ("role", "state")',
    'CREATE INDEX "session_of_user" ON "session" ("user", "created_at")',
    'CREATE INDEX "session_expiry" ON "session" ("expires_at")',
    'CREATE INDEX "api_key_of_user" ON "api_key" ("user", "created_at")',
    # A name may be used again when its key is revoked.
    'CREATE UNIQUE INDEX "api_key_name" ON "api_key" ("user", "name") WHERE "revoked_at" IS NULL',
    'CREATE INDEX "one_time_link_of_user" ON "one_time_link" ("user")',
    'CREATE INDEX "one_time_link_expiry" ON "one_time_link" ("expires_at")',
    'CREATE INDEX "throttle_end" ON "throttle" ("ends")',
    'CREATE INDEX "audit_event_of_action" ON "audit_event" ("action", "id")',
    'CREATE INDEX "audit_event_of_actor" ON "audit_event" ("actor", "id")',
)


async def forwards() -> MigrationManager:
    """Make the tables and their indexes."""
    return statements(ID, "Accounts", USERS, SESSION, API_KEY, ONE_TIME_LINK, THROTTLE, AUDIT_EVENT, *INDEXES)
