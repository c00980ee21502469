"""A full database: what a team has after some years, written straight into the tables.

All jobs, files, consents and links are one person's, which is the worst that a list can meet.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from coursewright_api.database import SQLITE_NAME
from coursewright_api.database.states import AssetState, AssetType, JobState, Priority, StepState
from coursewright_api.database.tables import (
    ApiKey,
    Asset,
    AuditEvent,
    Consent,
    Job,
    JobEvent,
    JobStep,
    PipelineVersion,
    Session,
    ShareLink,
    User,
)
from piccolo.columns import BigSerial
from piccolo.table import Table

JOBS, STEPS_EACH = 10_000, 20
USERS, AUDIT_EVENTS, PIPELINES, VERSIONS = 10_000, 100_000, 300, 2_000
ASSETS, CONSENTS, LINKS = 10_000, 5_000, 10_000
SESSIONS, KEYS = 300, 50
BATCH = uuid.UUID(int=7)
NOW = datetime.now(UTC).replace(microsecond=0)
PIPELINE = """\
name: NAME
title: Speech NUMBER
inputs:
  text: {type: text}
steps:
  speech:
    uses: tts
    with: {text: "${inputs.text}"}
outputs:
  audio: ${speech.audio}
"""


class Full(NamedTuple):
    """Names of what is in it."""

    owner: UUID
    job: UUID
    asset: UUID


def fill(url: str, folder: Path, seed: int = 1) -> Full:
    """Fill the database of a service that has its first admin and nothing else."""
    return asyncio.run(_fill_postgres(url, seed)) if url else _fill_sqlite(folder / SQLITE_NAME, seed)


def _fill_sqlite(path: Path, seed: int) -> Full:
    connection = sqlite3.connect(path, timeout=30)
    connection.execute("PRAGMA cache_size = -200000")  # its indexes are of random ids
    owner = UUID(str(connection.execute('SELECT "id" FROM "users"').fetchone()[0]))
    made = _Made(owner, seed)
    with connection:
        for table, rows in made.tables():
            names = _columns(table)
            marks = ", ".join("?" * len(names))
            insert = f'INSERT INTO "{table._meta.tablename}" ({", ".join(map(_quoted, names))}) VALUES ({marks})'
            connection.executemany(insert, rows)
    connection.execute("ANALYZE")  # as PostgreSQL's autovacuum does by itself
    connection.close()
    return made.full


async def _fill_postgres(url: str, seed: int) -> Full:
    connection = await asyncpg.connect(url)
    made = _Made((await connection.fetchrow('SELECT "id" FROM "users"'))[0], seed)
    for table, rows in made.tables():
        await connection.copy_records_to_table(table._meta.tablename, records=rows, columns=_columns(table))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return made.full


def _quoted(name: str) -> str:
    return f'"{name}"'


def _columns(table: type[Table]) -> list[str]:
    return [column._meta.name for column in table._meta.columns if not isinstance(column, BigSerial)]


class _Rows:
    """Makes rows of a table in the order of its columns; what is not given has the table's default."""

    def __init__(self, table: type[Table]) -> None:
        self._names = {name: at for at, name in enumerate(_columns(table))}
        columns = [table._meta.get_column_by_name(name) for name in self._names]
        values = [column.get_default_value() if column._meta.name != "id" else None for column in columns]
        self._row = [getattr(value, "value", value) for value in values]

    def __call__(self, **values: Any) -> tuple[Any, ...]:
        row = self._row.copy()
        for name, value in values.items():
            row[self._names[name]] = value
        return tuple(row)


_ROWS: dict[type[Table], _Rows] = {}


def _row(table: type[Table], **values: Any) -> tuple[Any, ...]:
    if table not in _ROWS:
        _ROWS[table] = _Rows(table)
    return _ROWS[table](**values)


class _Made:
    def __init__(self, owner: UUID, seed: int) -> None:
        self._owner = owner
        self._random = random.Random(seed)
        self._versions = self._ids(PIPELINES)
        self._jobs = self._ids(JOBS)
        self._assets = self._ids(ASSETS)
        self.full = Full(owner, self._jobs[JOBS // 2], self._assets[ASSETS // 2])

    def _ids(self, count: int) -> list[UUID]:
        return [UUID(int=self._random.getrandbits(128), version=4) for _ in range(count)]

    def tables(self) -> Iterator[tuple[type[Table], Sequence[tuple[Any, ...]]]]:
        yield User, [self._user(number) for number in range(USERS)]
        yield Session, [self._session(number) for number in range(SESSIONS)]
        yield ApiKey, [self._key(number) for number in range(KEYS)]
        yield AuditEvent, [self._audit_event(number) for number in range(AUDIT_EVENTS)]
        yield PipelineVersion, [*self._pipelines(), *self._old_versions()]
        yield Job, [self._job(number) for number in range(JOBS)]
        yield JobStep, [self._step(job, number) for job in self._jobs for number in range(STEPS_EACH)]
        yield JobEvent, [each for job in self._jobs for each in self._events(job)]
        yield Asset, [self._asset(number) for number in range(ASSETS)]
        yield Consent, [self._consent(number) for number in range(CONSENTS)]
        yield ShareLink, [self._link(number) for number in range(LINKS)]

    @staticmethod
    def _moment(number: int) -> datetime:
        """Some minutes apart; the highest number is the newest."""
        return NOW - timedelta(minutes=2 * (JOBS - number % JOBS))

    def _uuid(self) -> UUID:
        return self._ids(1)[0]

    def _user(self, number: int) -> tuple[Any, ...]:
        name = f"person{number:05}"
        return _row(
            User,
            id=self._uuid(),
            email=f"{name}@example.org",
            username=name,
            username_key=name,
            role="designer" if number % 50 == 0 else "author",
            created_at=self._moment(number),
            updated_at=self._moment(number),
        )

    def _session(self, number: int) -> tuple[Any, ...]:
        return _row(
            Session,
            id=self._uuid(),
            user=self._owner,
            created_at=self._moment(number),
            used_at=self._moment(number),
            expires_at=NOW + timedelta(days=30),
        )

    def _key(self, number: int) -> tuple[Any, ...]:
        return _row(
            ApiKey,
            id=self._uuid(),
            user=self._owner,
            name=f"key {number}",
            hint="cwk_abcd",
            digest=f"{number:064x}",
            scopes="read write",
            created_at=self._moment(number),
        )

    def _audit_event(self, number: int) -> tuple[Any, ...]:
        return _row(
            AuditEvent,
            at=self._moment(number),
            action="logged_in" if number % 500 else "role_changed",
            actor=self._owner if number % 100 == 0 else None,
            actor_name="somebody",
            subject="something",
            address="192.0.2.1",
        )

    def _version(self, id: UUID, name: str, number: int, text: str, current: bool) -> tuple[Any, ...]:
        return _row(
            PipelineVersion,
            id=id,
            name=name,
            number=number,
            current=current,
            title=f"Speech {name}",
            text=text,
            files="{}",
            bundle_digest=f"{id.int:064x}",
            author=self._owner,
            created_at=self._moment(number),
        )

    def _pipelines(self) -> Iterator[tuple[Any, ...]]:
        for number, id in enumerate(self._versions):
            name = f"speech_{number:03}"
            text = PIPELINE.replace("NAME", name).replace("NUMBER", str(number))
            yield self._version(id, name, VERSIONS + 1, text, True)

    def _old_versions(self) -> Iterator[tuple[Any, ...]]:
        for number in range(1, VERSIONS + 1):
            yield self._version(self._uuid(), "speech_000", number, PIPELINE.replace("NAME", "speech_000"), False)

    def _job(self, number: int) -> tuple[Any, ...]:
        began = self._moment(number)
        state = self._state(number)
        ended = None if not state.over else began + timedelta(seconds=60 + number % 60)
        which = 0 if number % 2 else number % PIPELINES  # half of all jobs run one pipeline
        return _row(
            Job,
            id=self._jobs[number],
            owner=self._owner,
            pipeline_version=self._versions[which],
            pipeline=f"speech_{which:03}",
            title=f"Lesson {self._random.randrange(10**6)}",
            description="What the lesson is about, in a sentence or two." if number % 1000 else "the needle",
            priority=(Priority.normal if number % 500 else Priority.urgent).value,
            inputs=json.dumps({"text": "A sentence. " * 40}),
            parameters=json.dumps({"text": "A sentence. " * 40}),
            providers="{}",
            part="{}",
            batch=BATCH if 4000 <= number < 4500 else None,
            state=state.value,
            flow_run=self._uuid(),
            progress=1.0,
            outputs="{}",
            created_at=began,
            updated_at=began,
            started_at=began,
            ended_at=ended,
        )

    @staticmethod
    def _state(number: int) -> JobState:
        return {0: JobState.failed, 1: JobState.cancelled}.get(number % 200, JobState.completed)

    def _step(self, job: UUID, number: int) -> tuple[Any, ...]:
        return _row(
            JobStep,
            job=job,
            step=f"step_{number // 4}",
            item=f"scene-{number % 4}",
            position=number // 4,
            state=StepState.done.value,
            provider="tts.espeak",
            progress=1.0,
            task_run=self._uuid(),
            started_at=NOW,
            ended_at=NOW,
        )

    def _events(self, job: UUID) -> Iterator[tuple[Any, ...]]:
        for number in range(STEPS_EACH + 2):
            kind = "step" if number < STEPS_EACH else "job" if number == STEPS_EACH else "end"
            data = {"job": str(job), "status": "done", "progress": 1.0}
            data |= {"step": f"step_{number // 4}", "item": f"scene-{number % 4}", "message": "Made."}
            yield _row(JobEvent, job=job, owner=self._owner, at=NOW, type=kind, data=json.dumps(data))

    def _asset(self, number: int) -> tuple[Any, ...]:
        types, states = list(AssetType), (AssetState.ready, AssetState.failed)
        return _row(
            Asset,
            id=self._assets[number],
            owner=self._owner,
            type=(types[number % 4] if number % 1000 else AssetType.slide_theme).value,
            state=states[number % 300 == 0].value,
            name=f"file {self._random.randrange(10**6)}",
            description="" if number % 1000 else "the needle",
            file_name="file.txt",
            digest=f"{number:064x}",
            media_type="text/plain",
            size_bytes=self._random.randrange(10**6),
            job=self._jobs[number] if number % 4 == 0 else None,
            created_at=self._moment(number),
            updated_at=self._moment(number),
        )

    def _consent(self, number: int) -> tuple[Any, ...]:
        return _row(
            Consent,
            id=self._uuid(),
            owner=self._owner,
            asset=self._assets[number],
            person=f"Person {number}",
            purpose="lessons",
            statement="I agree.",
            given_at=self._moment(number),
            created_at=self._moment(number),
        )

    def _link(self, number: int) -> tuple[Any, ...]:
        return _row(
            ShareLink,
            id=self._uuid(),
            owner=self._owner,
            job=self._jobs[number],
            title=f"Link {number}",
            created_at=self._moment(number),
            expires_at=NOW + timedelta(days=30),
        )
