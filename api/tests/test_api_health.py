"""Health: each part says how it is, and gives nothing away."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from coursewright.errors import CoursewrightError

pytestmark = pytest.mark.anyio


async def parts(api: Any) -> tuple[int, dict[str, tuple[str, str]]]:
    answer = await api.client.get("/health/ready")
    return answer.status_code, {part["name"]: (part["state"], part["message"]) for part in answer.json()["parts"]}


async def test_each_part_says_how_it_is(api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, found = await parts(api)
    assert (status, found["database"], found["store"]) == (503, ("ready", ""), ("ready", ""))
    assert found["prefect"] == ("starting", "has no address yet")
    assert (await api.client.get("/health")).json().keys() == {"state", "parts"}

    monkeypatch.setattr("coursewright_api.health.answers", lambda url: True)
    api.service.prefect_url = lambda: "http://prefect.internal/api"
    assert (await parts(api))[0] == 200

    def failed() -> str:
        raise CoursewrightError("no room on /secret/disk")

    api.service.prefect_url = failed
    assert (await parts(api))[1]["prefect"] == ("unavailable", "did not start; the service's output says why")


async def test_a_part_that_hangs_keeps_nobody_waiting(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursewright_api.health.PATIENCE_S", 0.1)
    monkeypatch.setattr("coursewright_api.health.answers", lambda url: time.sleep(1))
    api.service.prefect_url = lambda: "http://prefect.internal/api"
    began = time.monotonic()
    _, found = await parts(api)
    assert found["prefect"] == ("unavailable", "does not answer within 0.1 s")
    assert time.monotonic() - began < 0.9


async def test_a_database_that_is_gone_is_told_without_its_address(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> None:
        raise ConnectionRefusedError("db.internal:5432")

    monkeypatch.setattr(api.service.database, "ping", gone)
    status, found = await parts(api)
    assert (status, found["database"]) == (503, ("unavailable", "cannot be used (ConnectionRefusedError)"))
    assert (await api.client.get("/health/live")).status_code == 200
