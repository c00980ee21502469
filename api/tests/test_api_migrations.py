"""The same migrations on SQLite and PostgreSQL, by one process or several."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright.errors import CoursewrightError
from coursewright.settings import Settings
from coursewright_api.database import Database, DatabaseUnavailable, is_duplicate, is_unreachable
from coursewright_api.database.columns import now
from coursewright_api.database.migrate import known_migrations, run_migrations
from coursewright_api.database.migrations import m2026_11_22_accounts as accounts
from coursewright_api.database.migrations import m2026_11_26_courses as courses
from coursewright_api.database.migrations import m2026_11_27_scripts as scripts
from coursewright_api.database.tables import TABLES, AuditEvent, Job, Session, User
from coursewright_api.settings import server_settings
from piccolo.apps.migrations.tables import Migration
from piccolo.columns import BigSerial

pytestmark = pytest.mark.anyio

ADA = UUID("6f1f5b1e-6d6c-4f57-9d6f-0a4f3c2b1a00")
VERSION = uuid4()
EARLIER = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
_USER = (
    "INSERT INTO users (id, email, username, username_key, full_name, password_hash, role, state, created_at,"
    " updated_at) VALUES ({}, {}, {}, {}, '', '$argon2id$', {}, {}, {}, {})"
)
PEOPLE: dict[str, list[tuple[str, tuple[Any, ...]]]] = {
    accounts.ID: [
        (_USER, (ADA, "ada@example.org", "Ada", "ada", "admin", "active", EARLIER, EARLIER)),
        (_USER, (uuid4(), "zoë@example.org", "Zoë", "zoë", "author", "disabled", EARLIER, EARLIER)),
        (
            'INSERT INTO session (id, "user", generation, remembered, address, user_agent, created_at, used_at,'
            " expires_at) VALUES ({}, {}, 3, {}, '', '', {}, {}, {})",
            (uuid4(), ADA, True, EARLIER, EARLIER, EARLIER),
        ),
        (
            "INSERT INTO audit_event (at, action, actor, actor_name, subject, address, detail)"
            " VALUES ({}, 'login', {}, 'ada', '', '', '{{}}')",
            (EARLIER, ADA),
        ),
    ],
}
PEOPLE[courses.ID] = [
    *PEOPLE[accounts.ID],
    (
        "INSERT INTO pipeline_version (id, name, number, current, title, description, text, files, bundle,"
        " bundle_digest, origin, note, created_at) VALUES ({}, 'p', 1, {}, '', '', '', '', '', '', 'file', '', {})",
        (VERSION, True, EARLIER),
    ),
    (
        "INSERT INTO job (id, owner, pipeline_version, pipeline, title, description, priority, inputs, parameters,"
        " providers, part, request_digest, state, attempt, progress, message, error, outputs, created_at, updated_at)"
        " VALUES ({}, {}, {}, 'p', 'Tides', '', 'normal', '', '', '', '', '', 'completed', 1, 1.0, '', '', '', {}, {})",
        (uuid4(), ADA, VERSION, EARLIER, EARLIER),
    ),
]
PEOPLE[scripts.ID] = PEOPLE[courses.ID]
"""What each earlier version may hold, in the words of its own tables."""


def database(folder: Path, url: str) -> Database:
    settings = Settings(data_dir=folder, server={"database_url": url})
    return Database(settings, server_settings(settings))


async def columns(found: Database, table: str) -> dict[str, bool]:
    """The columns of a table in the database, and whether each may be empty."""
    if found.name == "SQLite":
        rows = await Migration.raw(f'PRAGMA table_info("{table}")')
        return {row["name"]: not row["notnull"] and not row["pk"] for row in rows}
    rows = await Migration.raw(
        "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = {}", table
    )
    return {row["column_name"]: row["is_nullable"] == "YES" for row in rows}


async def test_the_tables_in_the_database_are_those_of_the_code(tmp_path: Path, database_url: str) -> None:
    found = database(tmp_path, database_url)
    await found.open()
    try:
        for table in TABLES:
            described = {column._meta.db_column_name for column in table._meta.columns}
            there = await columns(found, table._meta.tablename)
            assert there.keys() == described, table
            for column in table._meta.columns:
                if not isinstance(column, BigSerial) and there[column._meta.db_column_name]:
                    assert column._meta.null, column
    finally:
        await found.close()


async def test_opening_again_changes_nothing(tmp_path: Path, database_url: str) -> None:
    for _ in range(2):
        found = database(tmp_path, database_url)
        await found.open()
        ran = await Migration.get_migrations_which_ran(app_name="coursewright")
        await found.close()
        assert ran == known_migrations()


def test_there_is_data_of_every_version() -> None:
    assert list(PEOPLE) == known_migrations()[:-1], "a version has become an earlier one: say what was in it"


@pytest.mark.parametrize("version", PEOPLE)
async def test_an_earlier_version_keeps_what_is_in_it(tmp_path: Path, database_url: str, version: str) -> None:
    found = database(tmp_path, database_url)
    await found.connect()
    await run_migrations(until=version)
    before = [each for each in known_migrations() if each <= version]
    assert await Migration.get_migrations_which_ran(app_name="coursewright") == before
    for statement, values in PEOPLE[version]:
        await Migration.raw(statement, *values)
    await found.close()

    await found.open()
    try:
        assert await User.select(User.email, User.role, User.state, User.created_at).order_by(User.email) == [
            {"email": "ada@example.org", "role": "admin", "state": "active", "created_at": EARLIER},
            {"email": "zoë@example.org", "role": "author", "state": "disabled", "created_at": EARLIER},
        ]
        sessions = await Session.select(Session.user, Session.generation, Session.end_reason)
        assert sessions == [{"user": ADA, "generation": 3, "end_reason": None}]
        assert (await AuditEvent.select(AuditEvent.actor, AuditEvent.detail)) == [{"actor": ADA, "detail": "{}"}]
        jobs = [{"title": "Tides", "script": "", "purpose": "course"}] if version >= courses.ID else []
        assert await Job.select(Job.title, Job.script, Job.purpose) == jobs
        await User.delete().where(User.id == ADA)
        assert await Session.count() == 0, "foreign keys still hold"
        assert await AuditEvent.exists().where(AuditEvent.actor.is_null())
    finally:
        await found.close()


async def test_a_database_from_a_newer_version_is_left_alone(tmp_path: Path, database_url: str) -> None:
    found = database(tmp_path, database_url)
    await found.open()
    await Migration(name="2999-01-01T00:00:00:000000", app_name="coursewright").save()
    await found.close()

    with pytest.raises(CoursewrightError, match="made by a newer Coursewright"):
        await database(tmp_path, database_url).open()


def test_several_processes_may_start_at_once(tmp_path: Path, database_url: str) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from coursewright.settings import Settings;"
        "from coursewright_api.database import Database; from coursewright_api.settings import server_settings;"
        "settings = Settings(data_dir=Path(sys.argv[1]), server={'database_url': sys.argv[2]});"
        "database = Database(settings, server_settings(settings));"
        "asyncio.run(database.open())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, str(tmp_path), database_url],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err


async def test_the_database_refuses_what_is_no_state_and_rows_of_nobody(tmp_path: Path, database_url: str) -> None:
    found = database(tmp_path, database_url)
    await found.open()
    try:
        person = user()
        await person.save()
        with pytest.raises(Exception, match=r"(?i)check"):
            await User.update({User.role: "king"}).where(User.id == person.id)
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            await Session(user=user().id, created_at=now(), used_at=now(), expires_at=now()).save()
        with pytest.raises(Exception, match=r"(?i)unique") as refused:
            await user().save()
        assert is_duplicate(refused.value)
    finally:
        await found.close()


async def test_a_transaction_is_all_or_nothing_and_leaves_no_connection(tmp_path: Path, database_url: str) -> None:
    found = database(tmp_path, database_url)
    await found.open()
    try:

        async def fail() -> None:
            async with found.transaction():
                await user().save()
                raise LookupError

        for _ in range(30):  # more than the pool has
            with pytest.raises(LookupError):
                await fail()
        assert await User.count() == 0
    finally:
        await found.close()


async def test_many_writers_at_once_all_succeed(tmp_path: Path, database_url: str) -> None:
    found = database(tmp_path, database_url)
    await found.open()
    try:

        async def write(number: int) -> None:
            async with found.transaction():
                seen = await User.count()
                await user(f"p{number}", full_name=str(seen)).save()

        await asyncio.gather(*(write(number) for number in range(100)))
        assert await User.count() == 100
    finally:
        await found.close()


async def test_exclusive_work_runs_one_after_the_other(tmp_path: Path, database_url: str) -> None:
    found = database(tmp_path, database_url)
    await found.open()
    try:

        async def first_only(number: int) -> None:
            async with found.exclusive("first"):
                if not await User.exists():
                    await user(f"p{number}").save()

        await asyncio.gather(*(first_only(number) for number in range(8)))
        assert await User.count() == 1
    finally:
        await found.close()


async def test_a_locked_sqlite_is_told_and_leaves_no_connection(tmp_path: Path, monkeypatch: Any) -> None:
    import sqlite3
    import threading

    monkeypatch.setattr("coursewright_api.database.engines.BUSY_S", 0.05)
    found = database(tmp_path, "")
    await found.open()
    other = sqlite3.connect(tmp_path / "coursewright.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            async with found.transaction():
                pass
    finally:
        other.close()
        await found.close()
    assert not [thread for thread in threading.enumerate() if "connection_worker" in thread.name]


async def outcome(found: Database) -> str:
    """How a transaction ends."""
    try:
        async with found.transaction():
            await User.count()
    except Exception as error:
        return "unreachable" if is_unreachable(error) else repr(error)
    return "good"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_lost_connections_are_made_anew(tmp_path: Path, database_url: str) -> None:
    found = database(tmp_path, database_url)
    await found.open()
    try:
        for _ in range(3):
            with contextlib.suppress(Exception):  # this very connection is among them
                await Migration.raw(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                )
            outcomes = [await outcome(found) for _ in range(4)]
            assert set(outcomes) <= {"good", "unreachable"}
            assert outcomes[-1] == "good"
    finally:
        await found.close()


async def test_a_postgres_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="PostgreSQL cannot be used") as told:
        await database(tmp_path, "postgres://nobody@127.0.0.1:9/nothing").open()
    assert "COURSEWRIGHT_SERVER_DATABASE_URL" in told.value.remedy


def user(name: str = "ada", **values: Any) -> User:
    made = {"full_name": "", "password_hash": "", "created_at": now(), "updated_at": now(), **values}
    return User(email=f"{name}@example.org", username=name, username_key=name, **made)
