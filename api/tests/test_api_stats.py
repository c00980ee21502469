"""A person's usage: counted from their own rows, fast with many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType, JobState
from coursewright_api.database.tables import Asset, Job, PipelineVersion

pytestmark = pytest.mark.anyio


async def jobs(person: Any, pipeline: str, *states: JobState, days_ago: int = 0) -> None:
    version = PipelineVersion(id=uuid4(), name=uuid4().hex, created_at=now())
    await version.save()
    when = now() - timedelta(days=days_ago)
    rows = [
        Job(
            id=uuid4(),
            owner=UUID(person.id),
            pipeline_version=version.id,
            pipeline=pipeline,
            state=state,
            created_at=when,
            updated_at=when,
        )
        for state in states
    ]
    await Job.insert(*rows)


async def file(person: Any, kind: AssetType, size_bytes: int, **more: Any) -> None:
    moments: dict[str, Any] = {"created_at": now(), "updated_at": now(), **more}
    await Asset(
        id=uuid4(), owner=UUID(person.id), type=kind, state=AssetState.ready, size_bytes=size_bytes, **moments
    ).save()


async def test_usage_is_counted(start: Any) -> None:
    api = await start(quota_bytes=5000)
    bob, eve = await api.author(), await api.author("eve")
    await jobs(bob, "course", JobState.completed, JobState.failed)
    await jobs(bob, "course", JobState.completed, days_ago=29)
    await jobs(bob, "audio", JobState.running, days_ago=31)
    await jobs(eve, "course", JobState.completed)
    await file(bob, AssetType.portrait, 100)
    await file(bob, AssetType.result, 1000, media_type="video/mp4", duration_s=61.5)
    await file(bob, AssetType.result, 2000, media_type="audio/mp4", duration_s=5.0)
    await file(bob, AssetType.document, 50, deleted_at=now())
    await file(eve, AssetType.result, 9, media_type="video/mp4", duration_s=9.0)

    told = (await bob.ask("GET", "/api/stats")).json()

    assert told["jobs"] == 4
    assert told["jobs_by_state"] == {"pending": 0, "running": 1, "completed": 2, "failed": 1, "cancelled": 0}
    assert told["pipelines"] == [
        {"pipeline": "course", "jobs": 3},
        {"pipeline": "audio", "jobs": 1},
    ]
    assert len(told["days"]) == 30
    assert told["days"][-1] == {"day": now().date().isoformat(), "jobs": 2, "completed": 1, "failed": 1}
    assert told["days"][0]["jobs"] == 1
    assert sum(each["jobs"] for each in told["days"]) == 3
    assert (told["film_s"], told["sound_s"]) == (61.5, 5.0)
    assert told["stored"] == [
        {"type": "portrait", "files": 1, "size_bytes": 100},
        {"type": "result", "files": 2, "size_bytes": 3000},
    ]
    assert (told["stored_bytes"], told["quota_bytes"], told["money"]) == (3100, 5000, None)


async def test_a_new_account_has_used_nothing(start: Any) -> None:
    api = await start(quota_bytes=0)
    bob = await api.author()

    told = (await bob.ask("GET", "/api/stats")).json()

    assert (told["jobs"], told["pipelines"], told["stored"], told["film_s"], told["quota_bytes"]) == (
        *(0, [], []),
        *(None, None),
    )
    assert (await api.client.get("/api/stats")).status_code == 401
