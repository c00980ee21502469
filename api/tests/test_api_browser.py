"""Browsers: cookies, CSRF, other sites' pages, headers."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
def ready_url() -> str:
    """SQLite alone: no database is asked here in any way of its own."""
    return ""


PASSWORD = "correct horse battery"


async def browser(api: Any, **more: Any) -> Any:
    """Log in with cookies, which the client then keeps. The answer of the login."""
    await api.author()
    return await api.post(
        "/api/auth/login", {"email": "bob@example.org", "password": PASSWORD, "cookies": True, **more}
    )


def cookies_of(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for header in answer.headers.get_list("set-cookie"):
        found.update(SimpleCookie(header))
    return found


async def test_tokens_are_in_cookies_that_scripts_cannot_read_and_nowhere_else(api: Any) -> None:
    answer = await browser(api)
    cookies = cookies_of(answer)
    assert answer.json()["access_token"] is None
    assert answer.json()["refresh_token"] is None
    for name in ("coursewright_access", "coursewright_refresh"):
        assert cookies[name]["httponly"]
        assert cookies[name]["samesite"].lower() == "lax"
        assert not cookies[name]["secure"]
        assert not cookies[name]["max-age"]  # forgotten when the browser closes
    assert cookies["coursewright_refresh"]["path"] == "/api/auth"
    assert not cookies["coursewright_csrf"]["httponly"]
    assert cookies["coursewright_csrf"].value == answer.json()["csrf_token"]


async def test_remember_keeps_them_and_https_makes_them_secure(start: Any) -> None:
    api = await start(public_url="https://courses.example.org")
    answer = await browser(api, remember=True)
    for cookie in cookies_of(answer).values():
        assert cookie["secure"]
        assert int(cookie["max-age"]) > 2_500_000
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_cookie_changes_nothing_without_its_csrf_token(api: Any) -> None:
    token = (await browser(api)).json()["csrf_token"]
    change = {"full_name": "Bob"}
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}):
        answer = await api.client.put("/api/auth/profile", json=change, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")

    answer = await api.client.put("/api/auth/profile", json=change, headers={"X-CSRF-Token": token})
    assert answer.status_code == 200
    assert (await api.client.get("/api/auth/profile")).status_code == 200


async def test_the_csrf_token_of_another_session_is_no_good(api: Any) -> None:
    other = (await browser(api)).json()["csrf_token"]
    await api.post("/api/auth/login", {"email": "bob@example.org", "password": PASSWORD, "cookies": True})
    answer = await api.client.put("/api/auth/profile", json={}, headers={"X-CSRF-Token": other})
    assert answer.status_code == 403


async def test_programs_with_a_bearer_token_need_none_even_beside_a_cookie(api: Any) -> None:
    await browser(api)
    bob = await api.login("bob@example.org")
    answer = await bob.ask("PUT", "/api/auth/profile", json={"full_name": "Bob"})
    assert answer.status_code == 200


async def test_a_browser_refreshes_and_logs_out_by_its_cookies(api: Any) -> None:
    token = (await browser(api)).json()["csrf_token"]
    assert (await api.post("/api/auth/refresh")).status_code == 403
    answer = await api.post("/api/auth/refresh", headers={"X-CSRF-Token": token})
    assert answer.status_code == 200
    assert answer.json()["access_token"] is None
    assert (await api.client.get("/api/auth/profile")).status_code == 200

    assert (await api.post("/api/auth/logout")).status_code == 403
    out = await api.post("/api/auth/logout", headers={"X-CSRF-Token": token})
    assert out.status_code == 204
    assert {cookie["max-age"] for cookie in cookies_of(out).values()} == {"0"}
    assert (await api.client.get("/api/auth/profile")).status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
async def test_pages_of_other_sites_can_do_nothing_not_even_log_in(api: Any, origin: str) -> None:
    await browser(api)
    body = {"email": "bob@example.org", "password": PASSWORD, "cookies": True}
    answer = await api.post("/api/auth/login", body, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    own = await api.post("/api/auth/login", body, headers={"Origin": "http://127.0.0.1:8400"})
    assert own.status_code == 200


async def test_sites_that_the_operator_allows_may_call(start: Any) -> None:
    api = await start(allowed_origins="https://lms.example.org, https://b.example.org")
    origin = {"Origin": "https://lms.example.org"}
    preflight = await api.client.options("/api/auth/login", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert preflight.headers["access-control-allow-origin"] == "https://lms.example.org"
    await api.author()
    answer = await api.post("/api/auth/login", {"email": "bob@example.org", "password": PASSWORD}, headers=origin)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://lms.example.org"


@pytest.mark.parametrize("path", ["/api/auth/profile", "/nothing", "/health/live", "/api/openapi.json"])
async def test_every_answer_has_the_headers_that_protect_it(api: Any, path: str) -> None:
    headers = (await api.client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "strict-transport-security" not in headers
    assert "server" not in headers
