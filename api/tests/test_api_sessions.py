"""Sessions and tokens, and what somebody might try with them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from coursewright_api.auth.keys import read_keys
from coursewright_api.database.columns import now
from coursewright_api.database.tables import AuditEvent, Session

pytestmark = pytest.mark.anyio

PROFILE = "/api/auth/profile"


async def ask(api: Any, token: str) -> tuple[int, str]:
    answer = await api.client.get(PROFILE, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200 or answer.headers["www-authenticate"].startswith("Bearer")
    return answer.status_code, answer.json().get("code", "")


def forged(api: Any, token: str, *, key: bytes | None = None, algorithm: str = "HS256", **changes: Any) -> str:
    """A good token with changes (None removes a claim), signed with our own key unless another is given."""
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    key = read_keys(api.service.settings).derived("access") if key is None else key
    signed_by: Any = None if algorithm == "none" else key
    return jwt.encode(claims, signed_by, algorithm=algorithm)


async def test_a_good_token_is_good(api: Any) -> None:
    bob = await api.author()
    assert await ask(api, forged(api, bob.tokens["access_token"])) == (200, "")
    assert bob.tokens["token_type"] == "Bearer"
    assert 0 < bob.tokens["expires_in_s"] <= 600


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_forged_tokens_are_refused(api: Any) -> None:
    bob = await api.author()
    good = bob.tokens["access_token"]
    past = int((now() - timedelta(seconds=5)).timestamp())
    keys = read_keys(api.service.settings)
    header, payload, signature = good.split(".")
    attempts = {
        "no algorithm": forged(api, good, algorithm="none"),
        "another algorithm": forged(api, good, algorithm="HS512"),
        "another key": forged(api, good, key=b"k" * 32),
        "a key of zeros": forged(api, good, key=b"\0"),
        "another audience": forged(api, good, aud="somebody-else"),
        "several audiences, none ours": forged(api, good, aud=["a", "b"]),
        "no audience": forged(api, good, aud=None),
        "another issuer": forged(api, good, iss="somebody-else"),
        "no expiry": forged(api, good, exp=None),
        "no id": forged(api, good, jti=None),
        "no session": forged(api, good, sid=None),
        "a session that is no id": forged(api, good, sid="1 OR 1=1"),
        "an unknown session": forged(api, good, sid=str(uuid4())),
        "another's name on this session": forged(api, good, sub=str(uuid4())),
        "from the future": forged(api, good, iat=past + 3600),
        "a refresh token": bob.tokens["refresh_token"],
        "a refresh token that says access": forged(
            api, bob.tokens["refresh_token"], key=keys.derived("refresh"), aud="coursewright:access"
        ),
        "a cut signature": f"{header}.{payload}.{signature[:-4]}",
        "no signature": f"{header}.{payload}.",
        "nonsense": "abc",
        "much": "a" * 5000,
    }
    for what, token in attempts.items():
        status, code = await ask(api, token)
        assert (status, code in {"token_invalid", "session_ended"}) == (401, True), what
    assert await ask(api, forged(api, good, exp=past)) == (401, "token_expired")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer  ", "Token x"])
async def test_a_broken_header_never_falls_back_to_the_cookie(api: Any, header: str) -> None:
    await api.author()
    await api.post(
        "/api/auth/login", {"email": "bob@example.org", "password": "correct horse battery", "cookies": True}
    )
    assert (await api.client.get(PROFILE)).status_code == 200  # the cookie is good
    answer = await api.client.get(PROFILE, headers={"Authorization": header})
    assert answer.status_code == 401


async def test_nobody_is_asked_to_log_in(api: Any) -> None:
    answer = await api.client.get(PROFILE)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_a_refresh_token_works_once_and_a_second_use_ends_the_session(api: Any) -> None:
    bob = await api.author()
    first = bob.tokens["refresh_token"]
    second = (await api.post("/api/auth/refresh", {"refresh_token": first})).json()
    assert await ask(api, second["access_token"]) == (200, "")

    replayed = await api.post("/api/auth/refresh", {"refresh_token": first})
    assert (replayed.status_code, replayed.json()["code"]) == (401, "session_ended")
    assert await ask(api, second["access_token"]) == (401, "session_ended")
    assert (await api.post("/api/auth/refresh", {"refresh_token": second["refresh_token"]})).status_code == 401
    assert await AuditEvent.exists().where(AuditEvent.action == "token_reused")


async def test_of_many_that_refresh_at_once_one_wins(api: Any) -> None:
    bob = await api.author()
    body = {"refresh_token": bob.tokens["refresh_token"]}
    answers = await asyncio.gather(*(api.post("/api/auth/refresh", body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401, 401]


async def test_a_refresh_token_that_was_never_given_ends_nothing(api: Any) -> None:
    bob = await api.author()
    for token in ("x.y.z", "", bob.tokens["access_token"]):
        assert (await api.post("/api/auth/refresh", {"refresh_token": token})).status_code == 401
    assert await ask(api, bob.tokens["access_token"]) == (200, "")


async def test_logout_ends_access_at_once(api: Any) -> None:
    bob = await api.author()
    assert (await bob.ask("POST", "/api/auth/logout")).status_code == 204
    assert await ask(api, bob.tokens["access_token"]) == (401, "session_ended")
    assert (await api.post("/api/auth/refresh", {"refresh_token": bob.tokens["refresh_token"]})).status_code == 401


async def test_logout_works_with_the_refresh_token_alone(api: Any) -> None:
    bob = await api.author()
    answer = await api.post("/api/auth/logout", {"refresh_token": bob.tokens["refresh_token"]})
    assert answer.status_code == 204
    assert await ask(api, bob.tokens["access_token"]) == (401, "session_ended")
    assert (await api.post("/api/auth/logout")).status_code == 401


async def test_logout_everywhere_ends_all_sessions_of_one_person(api: Any) -> None:
    bob, again, carol = await api.author("bob"), await api.login("bob@example.org"), await api.author("carol")
    assert (await bob.ask("POST", "/api/auth/logout-everywhere")).status_code == 204
    assert await ask(api, bob.tokens["access_token"]) == (401, "session_ended")
    assert await ask(api, again.tokens["access_token"]) == (401, "session_ended")
    assert await ask(api, carol.tokens["access_token"]) == (200, "")


async def test_sessions_are_listed_and_ended_one_by_one_and_others_are_not_there(api: Any) -> None:
    bob, again, carol = await api.author("bob"), await api.login("bob@example.org"), await api.author("carol")
    listed = (await bob.ask("GET", "/api/auth/sessions")).json()
    assert [each["current"] for each in listed] == [False, True]
    other = listed[0]["id"]

    for stranger in (carol,):
        assert (await stranger.ask("DELETE", f"/api/auth/sessions/{other}")).status_code == 404
    assert (await bob.ask("DELETE", f"/api/auth/sessions/{uuid4()}")).status_code == 404
    assert (await bob.ask("DELETE", "/api/auth/sessions/1")).status_code == 404
    assert await ask(api, again.tokens["access_token"]) == (200, "")
    assert (await bob.ask("DELETE", f"/api/auth/sessions/{other}")).status_code == 204
    assert await ask(api, again.tokens["access_token"]) == (401, "session_ended")


async def test_a_session_ends_by_itself_and_remember_makes_it_longer(start: Any) -> None:
    api = await start(session_s=60, remember_s=6000)
    bob = await api.author()
    long = await api.login(bob.email, remember=True)
    assert datetime.fromisoformat(long.tokens["session_expires_at"]) > now() + timedelta(seconds=5000)

    await Session.update({Session.expires_at: now() - timedelta(seconds=1)}).where(Session.remembered.eq(False))
    assert await ask(api, bob.tokens["access_token"]) == (401, "session_ended")
    assert (await api.post("/api/auth/refresh", {"refresh_token": bob.tokens["refresh_token"]})).status_code == 401
    assert await ask(api, long.tokens["access_token"]) == (200, "")


async def test_an_access_token_never_outlives_its_session(start: Any) -> None:
    api = await start(session_s=60, access_token_s=600)
    bob = await api.author()
    assert bob.tokens["expires_in_s"] <= 60


async def test_a_closed_account_is_out_at_once(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    await ada.ask("POST", f"/api/admin/users/{bob.id}/disable")
    assert await ask(api, bob.tokens["access_token"]) == (401, "session_ended")
    assert (await api.post("/api/auth/refresh", {"refresh_token": bob.tokens["refresh_token"]})).status_code == 401


async def test_a_role_counts_from_the_next_request_on(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    assert (await bob.ask("GET", "/api/admin/users")).status_code == 403
    await ada.ask("PUT", f"/api/admin/users/{bob.id}/role", json={"role": "admin"})
    assert (await bob.ask("GET", "/api/admin/users")).status_code == 200


async def test_the_key_file_is_private_and_lasts(api: Any) -> None:
    path = api.service.settings.data_dir / "jwt.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_keys(api.service.settings).derived("access") == read_keys(api.service.settings).derived("access")
    path.chmod(0o644)
    read_keys(api.service.settings)
    assert path.stat().st_mode & 0o777 == 0o600
