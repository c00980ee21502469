"""Every error is a problem of RFC 9457; the documentation of the API is complete."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
import pytest
from coursewright import errors as engine
from coursewright_api import problems
from coursewright_api.app import create_app
from coursewright_api.database.tables import User
from coursewright_api.fields import errors_of
from httpx import ASGITransport, AsyncClient
from litestar import get

pytestmark = pytest.mark.anyio


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    names: list[str]


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner
    count: int


FAMILY: list[tuple[Exception, int, str]] = [
    (engine.CompileFailed([]), 422, "pipeline_invalid"),
    (engine.InputError("wrong", field="inputs.notes"), 422, "input_invalid"),
    (engine.BadInput("wrong", field="voice"), 422, "input_invalid"),
    (engine.StoreError("gone"), 503, "store_unavailable"),
    (engine.ArtifactDamaged("gone", digest="0"), 500, "artifact_damaged"),
    (engine.RunFailed("failed", []), 500, "run_failed"),
    (engine.RunCancelled("cancelled"), 409, "cancelled"),
    (engine.Cancelled("cancelled"), 409, "cancelled"),
    (engine.Unsuited("no Finnish"), 422, "provider_unsuited"),
    (engine.Unavailable("gone"), 503, "provider_unavailable"),
    (engine.Busy("busy", retry_after_s=2.5), 503, "provider_busy"),
    (engine.QuotaExceeded("used up"), 503, "provider_quota"),
    (engine.AuthFailed("refused"), 503, "provider_unauthorized"),
    (engine.TimedOut("late"), 504, "provider_timeout"),
    (engine.ProviderBug("bug"), 502, "provider_failed"),
    (engine.CoursewrightError("other"), 500, "failed"),
    (sqlite3.OperationalError("database is locked"), 503, "database_unavailable"),
    (ConnectionRefusedError(), 503, "database_unavailable"),
    (RuntimeError("secret of the inside"), 500, "internal"),
]


@pytest.fixture
def ready_url() -> str:
    """SQLite alone: no query here differs between databases."""
    return ""


@pytest.mark.parametrize(("error", "status", "code"), FAMILY, ids=lambda value: type(value).__name__)
async def test_errors_become_problems(api: Any, error: Exception, status: int, code: str) -> None:
    @get("/fails", opt={"public": True})
    async def fails() -> None:
        raise error

    app = create_app(api.service)
    app.register(fails)
    transport = ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]  # two spellings of the ASGI types
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8400") as client:
        answer = await client.get("/fails")

    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:coursewright:problem:{code}"
    assert "secret" not in answer.text
    assert body.get("instance", "").startswith("urn:uuid:") == (status >= 500)
    if isinstance(error, engine.Busy):
        assert answer.headers["retry-after"] == "3"
    if isinstance(error, engine.InputError):
        assert body["errors"] == [{"pointer": "/inputs/notes", "message": "wrong"}]


def test_the_whole_family_has_a_place() -> None:
    family = {kind for kind in vars(engine).values() if isinstance(kind, type)}
    family = {kind for kind in family if issubclass(kind, engine.CoursewrightError)}
    assert family - {engine.ProviderBug} == problems._ENGINE.keys()


async def test_what_litestar_refuses_is_a_problem_too(api: Any) -> None:
    post = api.client.post
    for answer, status, code in [
        (await api.client.get("/nothing"), 404, "not_found"),
        (await api.client.get("/api/nothing"), 404, "not_found"),
        (await api.client.delete("/api/auth/login"), 405, "method_not_allowed"),
        (await post("/api/auth/login", content=b"{"), 400, "malformed"),
        (await post("/api/auth/login", content=b'"\xff"'), 400, "malformed"),
        (await post("/api/auth/login", content=b'{"email": "\\ud800"}'), 400, "malformed"),
        (await post("/api/auth/login", content=b"[" * 5_000 + b"]" * 5_000), 400, "malformed"),
        (await post("/api/auth/login"), 422, "invalid"),
        (await post("/api/auth/login", json=[]), 422, "invalid"),
        (await post("/api/auth/login", content=b'{"email": "' + b"a" * 2_000_000 + b'"}'), 413, "too_large"),
    ]:
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert "POST" in (await api.client.delete("/api/auth/login")).headers["allow"]


def test_all_fields_at_fault_are_found_at_once() -> None:
    value = {"inner": {"names": ["a", 2]}, "count": "x", "a/b": 1}
    assert [(error.pointer, error.message) for error in errors_of(value, Outer)] == [
        ("/a~1b", "is not a field of this request"),
        ("/count", "expected `int`, got `str`"),
        ("/inner/names/1", "expected `str`, got `int`"),
    ]
    assert [error.message for error in errors_of([], Outer)] == ["expected an object"]


async def test_a_database_that_is_gone_is_a_503_with_retry_after(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(User, "exists", gone)
    answer = await api.client.get("/api/auth/rules")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_openapi_document_describes_every_route(api: Any) -> None:
    answer = await api.client.get("/api/openapi.json")
    assert answer.status_code == 200
    document = answer.json()
    assert document["info"]["title"] == "Coursewright"
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            where = f"{method} {path}"
            assert route["summary"], where
            assert route["tags"], where
            public = route.get("security") == [{}]
            assert public or {"401", "403"} <= route["responses"].keys(), where
            if "requestBody" in route:
                assert {"400", "422"} <= route["responses"].keys(), where
            for status, response in route["responses"].items():
                if status.startswith(("4", "5")) and not path.startswith("/health"):
                    assert "application/problem+json" in response["content"], (where, status)
    login = document["components"]["schemas"]["Login"]
    assert login["properties"]["email"]["examples"] == ["ada@example.org"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "cookie", "metrics"}


class _Mapped(msgspec.Struct, forbid_unknown_fields=True):
    values: dict[str, int | str]


def test_each_entry_of_a_mapping_is_named() -> None:
    value = {"values": {"a": 1, "b/c": [], "d": {}, "e": "x"}}
    assert [error.pointer for error in errors_of(value, _Mapped)] == ["/values/b~1c", "/values/d"]
    assert [error.pointer for error in errors_of({"values": {"a": None}}, _Mapped)] == ["/values/a"]
