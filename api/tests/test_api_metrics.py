"""`/metrics`: what it counts, and who may read it."""

from __future__ import annotations

from typing import Any

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.tables import Job, PipelineVersion
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.anyio

TOKEN = "a token for the metrics"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def apps() -> dict[Any, Any]:
    """A new application for each test: what one has counted stays with it."""
    return {}


async def refused(api: Any, headers: Any = None) -> tuple[int, str]:
    """The problem with which a request is refused."""
    answer = await api.client.get("/metrics", headers=headers)
    return answer.status_code, answer.json()["code"]


async def figures(api: Any, **options: Any) -> dict[tuple[str, ...], float]:
    """Value by name and labels."""
    answer = await api.client.get("/metrics", **options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_requests_are_counted_by_route_never_by_path(api: Any) -> None:
    person = await api.author()
    secret = "d0c70r5"
    for path in (f"/{secret}", f"/api/jobs/{secret}", f"/api/nothing/{secret}?q={secret}"):
        await person.ask("GET", path)
    await api.client.request(secret.upper(), "/api/auth/login")
    for _ in range(3):
        await person.ask("GET", "/api/auth/profile")
    found = await figures(api)

    assert found["coursewright_http_requests_total", "method=POST", "route=/api/auth/register", "status=202"] == 1
    profile = ("method=GET", "route=/api/auth/profile")
    assert found["coursewright_http_requests_total", *profile, "status=200"] == 4
    assert found["coursewright_http_request_duration_seconds_count", *profile] == 4
    assert found["coursewright_http_requests_total", "method=GET", "route=none", "status=404"] >= 2
    text = repr(list(found)).lower()
    assert secret not in text
    assert "bob" not in text


async def test_jobs_by_state_and_how_long_they_wait(api: Any) -> None:
    person = await api.author()
    version = PipelineVersion(
        name="course", title="", description="", text="", files="", bundle="", bundle_digest="", note="", author=None,
        created_at=now(),
    )  # fmt: skip
    await version.save()
    words: dict[str, Any] = dict.fromkeys(("title", "description", "inputs", "parameters", "providers", "part"), "")
    words |= dict.fromkeys(("message", "error", "outputs", "request_digest"), "")
    for state in ("completed", "completed", "failed"):
        job = Job(owner=person.id, pipeline_version=version.id, pipeline="course", state=state, **words)
        job.created_at = job.updated_at = now()
        await job.save()
    found = await figures(api)
    assert found["coursewright_jobs", "state=completed"] == 2
    assert found["coursewright_jobs", "state=failed"] == 1
    assert found["coursewright_jobs", "state=pending"] == 0
    assert found["coursewright_jobs_oldest_pending_seconds",] == 0
    assert found["coursewright_event_streams",] == 0
    assert found["coursewright_database_up",] == 1
    if api.service.database.name == "PostgreSQL":
        assert found["coursewright_database_connections", "state=idle"] >= 1
        assert found["coursewright_database_connections", "state=used"] >= 0
    assert found["process_resident_memory_bytes",] > 0


async def test_without_a_database_the_rest_is_told(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("coursewright_api.metrics.Job.select", gone)
    assert (await figures(api))["coursewright_database_up",] == 0


async def test_with_a_token_it_alone_decides(start: Any) -> None:
    api = await start(secrets={"METRICS_TOKEN": TOKEN}, public_url="https://courses.example.org")
    assert await figures(api, headers=BEARER)
    admin = await api.admin()
    for headers in ({}, admin.headers, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}x"}):
        assert await refused(api, headers) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("server", "headers"),
    [
        ({"public_url": "https://courses.example.org"}, {}),
        ({"trusted_proxies": ["10.0.0.1"]}, {}),
        ({}, {"X-Forwarded-For": "127.0.0.1"}),
    ],
)
async def test_without_a_token_nobody_comes_through_a_proxy(start: Any, server: Any, headers: Any) -> None:
    api = await start(**server)
    assert await refused(api, headers) == (403, "forbidden")


async def test_without_a_token_no_other_machine_may_read(api: Any) -> None:
    api.client._transport.client = ("203.0.113.7", 123)
    assert await refused(api) == (403, "forbidden")
