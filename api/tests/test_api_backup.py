"""Backup and restore: on both databases, across them, and what is refused."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from click.testing import CliRunner
from coursewright.cli import cli
from coursewright.errors import CoursewrightError
from coursewright.run.references import reference_of
from coursewright.settings import Settings
from coursewright.store import open_store
from coursewright_api.backup import form, loading
from coursewright_api.backup.form import BackupDamaged, BackupFailed, RestoreRefused
from coursewright_api.backup.making import make
from coursewright_api.backup.restoring import restore
from coursewright_api.database import SQLITE_NAME, Database
from coursewright_api.database.columns import now
from coursewright_api.database.migrate import known_migrations
from coursewright_api.database.tables import TABLES, Asset, AuditEvent, Job, JobEvent, JobStep, PipelineVersion, User
from coursewright_api.settings import server_settings
from piccolo.apps.migrations.tables import Migration

pytestmark = pytest.mark.anyio

LASTING = "c" * 64


def settings(folder: Path, url: str = "", **more: Any) -> Settings:
    return Settings(data_dir=folder, server={"database_url": url}, **more)


async def filled(found: Settings) -> None:
    """Rows with every kind of value, artifacts that are named in every way, and files."""
    store = open_store(found)
    portrait, preview, bundle, output = (
        store.put_bytes(text.encode() * 1000, name=text, media_type="text/plain")
        for text in ("portrait", "preview", "bundle", "output")
    )
    store.put_bytes(b"nobody names this", name="litter", media_type="text/plain")
    recording = store.put_bytes(b"yes", name="recording", media_type="text/plain")
    store.write_record(LASTING, msgspec.json.encode({"lasting": True, "recording": recording}))
    database = Database(found, server_settings(found))
    await database.open()
    try:
        await _rows(portrait, reference_of(preview), bundle, output)
    finally:
        await database.close()
    (found.data_dir / "jwt.key").write_bytes(b"k" * 48)
    for name in ("history/tts.espeak.json", "inputs/Ä b/n%20.md", "results/run/film.mp4"):
        path = found.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (found.data_dir / "inputs" / "link").symlink_to("/etc/passwd")


async def _rows(portrait: Any, preview: str, bundle: Any, output: Any) -> None:
    at = now()
    texts: dict[str, Any] = {
        "full_name": 'Ada "the first"\n\\ Ω 🎬',
        "password_hash": "",
        "created_at": at,
        "updated_at": at,
    }
    person = User(email="ada@example.org", username="ada", username_key="ada", **texts)
    await person.save()
    empty: dict[str, Any] = {"description": "", "note": "", "files": "{}"}
    version = PipelineVersion(
        name="course", title="Course", text="name: course", bundle=reference_of(bundle), bundle_digest=bundle.digest,
        author=None, created_at=at.replace(microsecond=0), **empty,
    )  # fmt: skip
    await version.save()
    words: dict[str, Any] = dict.fromkeys(
        ("title", "description", "inputs", "parameters", "providers", "part", "message", "error"), ""
    )
    outputs = msgspec.json.encode({"film": [output]}).decode()
    job = Job(
        owner=person.id, pipeline_version=version.id, pipeline="course", request_digest="d" * 64, outputs=outputs,
        progress=0.25, created_at=at, updated_at=at, **words,
    )  # fmt: skip
    await job.save()
    step = JobStep(job=job.id, step="voice", item="", provider="", message="", error="", notices="", task_run=uuid4())
    await step.save()
    for number in range(3):
        await JobEvent(job=job.id, owner=person.id, at=at, type="state", data=str(number)).save()
    await JobEvent.delete().where(JobEvent.id == 3)
    asset = Asset(
        owner=person.id, type="portrait", state="ready", reason="", name="me", description="", file_name="me.txt",
        digest=portrait.digest, media_type="text/plain", size_bytes=2**40, preview=preview, notes="", output="",
        created_at=at, updated_at=at,
    )  # fmt: skip
    await asset.save()
    await AuditEvent(at=at, action="setup", actor=person.id, actor_name="ada", subject="", address="", detail="").save()


async def everything(found: Settings) -> dict[str, list[Any]]:
    """All rows that there are, as the service reads them."""
    database = Database(found, server_settings(found))
    await database.open()
    try:
        return {
            table._meta.tablename: sorted(await table.select(), key=lambda row: str(next(iter(row.values()))))
            for table in TABLES
        }
    finally:
        await database.close()


@pytest.fixture(params=["sqlite to sqlite", "sqlite to postgres", "postgres to sqlite", "postgres to postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Settings, Settings]:
    """An installation, and an empty place to restore it to."""
    kinds = request.param.split(" to ")
    make_url: Callable[[], str] | None = None
    if "postgres" in kinds:
        make_url = request.getfixturevalue("new_postgres")
    urls = [make_url() if kind == "postgres" and make_url else "" for kind in kinds]
    return settings(tmp_path / "old", urls[0]), settings(tmp_path / "new", urls[1])


async def test_everything_comes_back_on_either_database(both: tuple[Settings, Settings], tmp_path: Path) -> None:
    old, new = both
    await filled(old)
    before = await everything(old)

    made = await make(old, tmp_path / "backups")
    assert made.path.parent == tmp_path / "backups"
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in made.path.parent.iterdir()] == [made.path.name]
    assert (made.manifest.artifacts, made.manifest.missing, made.manifest.records) == (5, 0, 1)
    await restore(new, made.path)

    after = await everything(new)
    assert after == before
    there, here = open_store(new), open_store(old)
    named = {digest for digest, _, _ in here.digests()}
    assert {digest for digest, _, _ in there.digests()} == named - {_digest(here, b"nobody names this")}
    assert there.read_record(LASTING) == here.read_record(LASTING)
    for name in ("jwt.key", "history/tts.espeak.json", "inputs/Ä b/n%20.md", "results/run/film.mp4"):
        assert (new.data_dir / name).read_bytes() == (old.data_dir / name).read_bytes()
    assert not (new.data_dir / "inputs" / "link").is_symlink()
    assert (new.data_dir / "jwt.key").stat().st_mode & 0o777 == 0o600
    assert not list(new.data_dir.rglob(".coursewright-*"))

    database = Database(new, server_settings(new))
    await database.open()
    try:  # a number that was given out once is never given out again
        job, owner = after["job"][0]["id"], after["users"][0]["id"]
        event = JobEvent(job=job, owner=owner, at=now(), type="state", data="")
        await event.save()
        assert event.id == 4
        assert await Migration.get_migrations_which_ran(app_name="coursewright") == made.manifest.migrations
    finally:
        await database.close()


def _digest(store: Any, data: bytes) -> str:
    digest: str = store.put_bytes(data, name="x", media_type="text/plain").digest
    return digest


@pytest.fixture
def empty_postgres(new_postgres: Callable[[], str]) -> str:
    return new_postgres()


@pytest.fixture
async def made(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """A small backup of SQLite."""
    old = tmp_path / "old"
    old.mkdir()
    shutil.copyfile(migrated_sqlite, old / SQLITE_NAME)
    await filled(settings(old))
    return (await make(settings(old), tmp_path / "course.tar")).path


async def test_a_backup_is_of_one_moment_while_others_write(tmp_path: Path, ready_url: str, monkeypatch: Any) -> None:
    found = settings(tmp_path / "data", ready_url)
    await filled(found)
    from coursewright_api.backup import making

    real = making._Writing._table
    database = Database(found, server_settings(found))
    await database.open()

    async def meanwhile(self: Any, snapshot: Any, name: str, artifacts: Any) -> Any:
        if name == "job":
            await JobEvent.delete(force=True)
            await User.update({User.full_name: "changed"}, force=True)
        return await real(self, snapshot, name, artifacts)

    monkeypatch.setattr(making._Writing, "_table", meanwhile)
    try:
        made = await make(found, tmp_path / "b.tar")
        assert await JobEvent.count() == 0
    finally:
        await database.close()
    assert {table.name: table.rows for table in made.manifest.tables}["job_event"] == 2
    await restore(settings(tmp_path / "new"), made.path)
    assert (await everything(settings(tmp_path / "new")))["users"][0]["full_name"].startswith("Ada")


async def test_a_database_that_goes_away_is_told(tmp_path: Path, empty_postgres: str, monkeypatch: Any) -> None:
    from coursewright_api.backup import making

    found = settings(tmp_path / "data", empty_postgres)
    await everything(found)

    async def gone(self: Any, snapshot: Any, name: str, artifacts: Any) -> None:
        other = await asyncpg.connect(empty_postgres)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        await snapshot.columns(name)

    monkeypatch.setattr(making._Writing, "_table", gone)
    with pytest.raises(BackupFailed, match="the database failed during the backup"):
        await make(found, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


async def test_prefects_database_is_copied_while_it_is_written(tmp_path: Path, made: Path) -> None:
    old = settings(tmp_path / "old")
    path = old.data_dir / "prefect" / "prefect-3.db"
    path.parent.mkdir()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE run (id)")
    writer.execute("INSERT INTO run VALUES (1)")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO run VALUES (2)")
    again = await make(old, made, force=True)
    writer.close()

    await restore(settings(tmp_path / "new"), again.path)
    copy = sqlite3.connect(tmp_path / "new" / "prefect" / "prefect-3.db")
    assert copy.execute("SELECT id FROM run").fetchall() == [(1,)]
    copy.close()


async def test_what_is_there_is_not_lost_unless_asked(
    made: Path, tmp_path: Path, both: tuple[Settings, Settings]
) -> None:
    _, new = both
    await filled(new)
    before = await everything(new)
    (new.data_dir / "jwt.key").write_bytes(b"another key, 48 bytes long".ljust(48))
    with pytest.raises(RestoreRefused, match="would replace what is there: rows of 'users'") as told:
        await restore(new, made)
    assert "--force" in told.value.remedy
    assert await everything(new) == before
    assert (new.data_dir / "jwt.key").read_bytes().startswith(b"another")

    await restore(new, made, force=True)
    assert await everything(new) == await everything(settings(tmp_path / "old"))
    assert (new.data_dir / "jwt.key").read_bytes() == b"k" * 48


async def test_a_service_that_was_only_started_is_no_loss(made: Path, tmp_path: Path) -> None:
    new = settings(tmp_path / "new")
    await everything(new)
    await restore(new, made)
    await everything(new)


@pytest.mark.parametrize("place", [0, 540, 0.2, 0.5, 0.9, -2000])
async def test_a_changed_byte_is_found_before_anything_is_touched(made: Path, tmp_path: Path, place: float) -> None:
    data = bytearray(made.read_bytes())
    ends = data.rstrip(b"\0")
    at = int(place * len(ends)) if isinstance(place, float) else place % len(ends)
    data[at] ^= 0x55
    made.write_bytes(data)
    with pytest.raises((BackupDamaged, RestoreRefused)):
        await restore(settings(tmp_path / "new"), made)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.97])
async def test_an_unfinished_file_is_no_backup(made: Path, tmp_path: Path, share: float) -> None:
    size = len(made.read_bytes().rstrip(b"\0"))
    os.truncate(made, int(size * share))
    with pytest.raises(BackupDamaged, match="is no whole backup"):
        await restore(settings(tmp_path / "new"), made)
    assert not (tmp_path / "new").exists()


def with_member(made: Path, name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE) -> None:
    """The same file with another member in front of its manifest."""
    with tarfile.open(made) as tar:
        members = [(each, tar.extractfile(each).read()) for each in tar]  # type: ignore[union-attr]  # all are files
    extra = tarfile.TarInfo(name)
    extra.size, extra.type, extra.linkname = len(content), kind, "/etc/passwd"
    members.insert(-1, (extra, content))
    with tarfile.open(made, "w") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("data/../../etc/cron", tarfile.REGTYPE),
        ("data/inputs/%2e%2e/%2e%2e/x", tarfile.REGTYPE),
        ("/etc/passwd", tarfile.REGTYPE),
        ("data/store/blobs/x", tarfile.REGTYPE),
        ("data/inputs/link", tarfile.SYMTYPE),
        ("data/inputs/more", tarfile.REGTYPE),
        (f"artifacts/{'a' * 64}", tarfile.REGTYPE),
    ],
)
async def test_what_no_backup_holds_is_refused(made: Path, tmp_path: Path, name: str, kind: bytes) -> None:
    with_member(made, name, b"" if kind == tarfile.SYMTYPE else b"x", kind)
    with pytest.raises(BackupDamaged):
        await restore(settings(tmp_path / "new"), made)
    assert not (tmp_path / "new").exists()


async def test_a_backup_of_a_newer_version_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = known_migrations()
    monkeypatch.setattr(loading, "known_migrations", lambda: known[:1])
    with pytest.raises(RestoreRefused, match=f"made by a newer Coursewright .*{known[-1]}"):
        await restore(settings(tmp_path / "new"), made)
    monkeypatch.undo()

    monkeypatch.setattr("coursewright_api.backup.reading.FORMAT", form.FORMAT - 1)
    with pytest.raises(RestoreRefused, match="made by a newer Coursewright"):
        await restore(settings(tmp_path / "new"), made)
    assert not (tmp_path / "new").exists()


async def test_a_backup_of_an_older_version_is_brought_up_to_date(tmp_path: Path, database_url: str) -> None:
    """The database as the first migration left it."""
    from coursewright_api.database.migrate import run_migrations

    old = settings(tmp_path / "old", database_url)
    first, *_ = known_migrations()
    database = Database(old, server_settings(old))
    await database.connect()
    try:
        await run_migrations(until=first)
        await User(email="a@b.c", username="a", username_key="a", full_name="", password_hash="", created_at=now(), updated_at=now()).save()  # noqa: E501  # fmt: skip
    finally:
        await database.close()
    made = await make(old, tmp_path)
    assert made.manifest.migrations == [first]

    new = settings(tmp_path / "new")
    await restore(new, made.path)
    found = await everything(new)
    assert [row["email"] for row in found["users"]] == ["a@b.c"]
    assert found["job"] == []


async def test_an_unfinished_write_leaves_nothing(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from coursewright_api.backup import making

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making._Writing, "_prefect", full)
    with pytest.raises(BackupFailed, match=r"the disk with the folder .* is full"):
        await make(settings(tmp_path / "old"), tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []
    monkeypatch.undo()
    killed = tmp_path / "backups" / ".coursewright-killed"
    killed.mkdir()
    (killed / "backup").write_bytes(b"half of one")
    again = await make(settings(tmp_path / "old"), tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == [again.path]
    with pytest.raises(BackupFailed, match=r"course\.tar exists"):
        await make(settings(tmp_path / "old"), made)


async def test_a_missing_artifact_is_counted_and_the_rest_saved(tmp_path: Path, made: Path) -> None:
    old = settings(tmp_path / "old")
    store = open_store(old)
    digest = _digest(store, b"output" * 1000)
    store.delete(digest)
    again = await make(old, tmp_path / "again.tar")
    assert (again.manifest.artifacts, again.manifest.missing) == (4, 1)
    await restore(settings(tmp_path / "new"), again.path)


async def test_without_files_there_is_the_database_alone(tmp_path: Path, made: Path) -> None:
    again = await make(settings(tmp_path / "old"), tmp_path / "again.tar", with_files=False)
    with tarfile.open(again.path) as tar:
        tops = {name.split("/")[0] for name in tar.getnames()}
    assert "artifacts" not in tops
    assert "records" not in tops
    await restore(settings(tmp_path / "new"), again.path)
    assert not (tmp_path / "new" / "store").exists()


async def test_a_restore_waits_until_nobody_uses_the_folder(made: Path, tmp_path: Path, both: Any) -> None:
    _, new = both
    found = Database(new, server_settings(new))
    await found.open()
    await User.count()
    with pytest.raises(RestoreRefused, match=r"in use|other connections use the database"):
        await restore(new, made)
    await found.close()
    await restore(new, made)

    lease = (new.data_dir / "prefect" / "lease").open("a")
    import fcntl

    fcntl.flock(lease, fcntl.LOCK_SH)
    with pytest.raises(RestoreRefused, match="in use"):
        await restore(new, made, force=True)
    lease.close()


async def test_a_row_that_the_database_refuses_changes_nothing(made: Path, tmp_path: Path, empty_postgres: str) -> None:
    old = settings(tmp_path / "old")
    connection = sqlite3.connect(old.data_dir / SQLITE_NAME)
    connection.execute("UPDATE job SET title = 'nul' || char(0)")
    connection.commit()
    connection.close()
    again = await make(old, tmp_path / "again.tar")
    new = settings(tmp_path / "new", empty_postgres)
    with pytest.raises(RestoreRefused, match="PostgreSQL does not take a row of 'job'"):
        await restore(new, again.path)
    connection = await asyncpg.connect(new.server["database_url"])
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


def test_the_commands_of_the_page_work_in_their_order(tmp_path: Path, migrated_sqlite: Path) -> None:
    page = (
        (Path(__file__).parents[2] / "docs" / "operating.md").read_text("utf-8").partition("## Backup and restore")[2]
    )
    block = page.split("```")[1].removeprefix("text\n")
    (tmp_path / "data").mkdir()
    shutil.copyfile(migrated_sqlite, tmp_path / "data" / SQLITE_NAME)
    for line in block.splitlines():
        words = line.replace("/srv/backups", str(tmp_path)).split()
        assert words.pop(0) == "coursewright"
        done = CliRunner().invoke(cli, words, env={"COURSEWRIGHT_DATA_DIR": str(tmp_path / "data")})
        assert done.exit_code == 0, done.output


def test_the_commands_say_what_they_did(tmp_path: Path, migrated_sqlite: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    shutil.copyfile(migrated_sqlite, old / SQLITE_NAME)
    run = CliRunner()
    made = run.invoke(cli, ["backup", str(tmp_path / "b.tar")], env={"COURSEWRIGHT_DATA_DIR": str(old)})
    assert made.output.splitlines()[0].startswith(f"wrote {tmp_path / 'b.tar'}   ")
    assert made.output.splitlines()[1:] == [
        "  database  0 rows in 13 tables, from SQLite",
        "  store     0 artifacts, 0 bytes, 0 records",
    ]
    restored = run.invoke(
        cli, ["restore", str(tmp_path / "b.tar")], env={"COURSEWRIGHT_DATA_DIR": str(tmp_path / "new")}
    )
    assert restored.output.startswith("restored what Coursewright ")
    nothing = run.invoke(cli, ["backup", str(tmp_path)], env={"COURSEWRIGHT_DATA_DIR": str(tmp_path / "none")})
    assert isinstance(nothing.exception, CoursewrightError)
    assert "there is no database" in str(nothing.exception)


async def test_memory_stays_flat(tmp_path: Path, made: Path) -> None:
    """Sixty megabytes of rows and files pass through a few."""
    import tracemalloc

    old = settings(tmp_path / "old")
    connection = sqlite3.connect(old.data_dir / SQLITE_NAME)
    (job, owner, at) = connection.execute("SELECT job, owner, at FROM job_event").fetchone()
    insert = "INSERT INTO job_event (job, owner, at, type, data) VALUES (?, ?, ?, 'state', ?)"
    connection.executemany(insert, ((job, owner, at, "x" * 10_000) for _ in range(3000)))
    connection.commit()
    connection.close()
    (old.data_dir / "inputs" / "large").write_bytes(bytes(30_000_000))
    tracemalloc.start()
    began = time.monotonic()
    try:
        again = await make(old, tmp_path / "again.tar")
        await restore(settings(tmp_path / "new"), again.path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert again.size_bytes > 60_000_000
    assert peak_bytes < 25_000_000
    assert time.monotonic() - began < 30
