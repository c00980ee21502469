"""Opening accounts, logging in and changing them: on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from coursewright_api.auth.passwords import Passwords

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


def fields(answer: Any) -> dict[str, set[str]]:
    """The codes of the errors by field."""
    found: dict[str, set[str]] = {}
    for error in answer.json()["errors"]:
        found.setdefault(error.get("pointer") or error.get("parameter", ""), set()).add(error.get("code", "invalid"))
    return found


async def test_the_first_admin_comes_by_the_link_and_only_once(api: Any) -> None:
    assert (await api.client.get("/api/auth/rules")).json()["setup_needed"] is True
    link = await api.service.links.setup()
    assert link.url == f"http://127.0.0.1:8400/setup#token={link.token}"
    body = {"token": link.token, "email": "Ada@Example.org", "username": "Ada", "password": PASSWORD}

    wrong = await api.post("/api/auth/setup", {**body, "token": "guessed"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "link_invalid")
    assert (await api.post("/api/auth/setup", body)).status_code == 204
    assert (await api.post("/api/auth/setup", body)).status_code == 403

    ada = await api.login("ada@example.org")
    assert (await ada.ask("GET", "/api/auth/profile")).json()["role"] == "admin"
    assert await api.service.links.setup() is None
    assert (await api.client.get("/api/auth/rules")).json()["setup_needed"] is False


async def test_a_second_link_of_another_process_makes_no_second_admin(api: Any) -> None:
    first, second = await api.service.links.setup(), await api.service.links.setup()
    body = {"email": "ada@example.org", "username": "ada", "password": PASSWORD}
    assert (await api.post("/api/auth/setup", {**body, "token": first.token})).status_code == 204

    late = {"email": "eve@example.org", "username": "eve", "password": PASSWORD, "token": second.token}
    assert (await api.post("/api/auth/setup", late)).status_code == 403


async def test_every_rule_that_is_broken_is_told_with_its_field(api: Any) -> None:
    answer = await api.post(
        "/api/auth/register", {"email": "no address", "username": "-x", "password": "aaaa", "admin": True}
    )
    assert fields(answer) == {"/admin": {"unknown"}}  # what cannot be understood comes first

    answer = await api.post("/api/auth/register", {"email": "no address", "username": "-x", "password": "aaaa"})
    assert answer.status_code == 422
    assert fields(answer) == {
        "/email": {"email"},
        "/username": {"username"},
        "/password": {"too_short", "too_uniform"},
    }


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "too_short"),
        ("x1" * 150, "too_long"),
        ("aaaaaaaaaaaa", "too_uniform"),
        ("password1234", "common"),
        ("0123456789", "common"),
        ("grace.hopper1", "personal"),
    ],
)
async def test_weak_passwords_are_refused_with_the_reason(api: Any, password: str, code: str) -> None:
    answer = await api.post(
        "/api/auth/register", {"email": "grace.hopper@example.org", "username": "grace", "password": password}
    )
    assert answer.status_code == 422
    assert code in fields(answer)["/password"]


async def test_registering_does_not_tell_who_has_an_account(api: Any) -> None:
    await api.author("bob")
    new = await api.post("/api/auth/register", {"email": "new@b.org", "username": "new", "password": PASSWORD})
    known = await api.post(
        "/api/auth/register", {"email": "BOB@example.org", "username": "bob2", "password": "another good phrase"}
    )
    assert (new.status_code, new.json()) == (known.status_code, known.json())

    await api.login("bob@example.org")  # with the old password, which still is the only one


async def test_a_user_name_that_is_taken_is_told(api: Any) -> None:
    await api.author("bob")
    answer = await api.post("/api/auth/register", {"email": "x@b.org", "username": "BOB", "password": PASSWORD})
    assert (answer.status_code, fields(answer)) == (409, {"/username": {"invalid"}})


async def test_registration_can_be_closed(start: Any) -> None:
    api = await start(registration="closed")
    answer = await api.post("/api/auth/register", {"email": "x@b.org", "username": "xxx", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")


async def test_terms_must_be_accepted_where_there_are_some(start: Any) -> None:
    api = await start(terms_url="https://example.org/terms")
    person = {"email": "x@b.org", "username": "xxx", "password": PASSWORD}
    assert (await api.client.get("/api/auth/rules")).json()["terms_url"] == "https://example.org/terms"
    answer = await api.post("/api/auth/register", person)
    assert answer.status_code == 422
    assert "/accept_terms" in fields(answer)
    assert (await api.post("/api/auth/register", {**person, "accept_terms": True})).status_code == 202
    events = (await (await api.admin()).ask("GET", "/api/admin/audit?action=registered")).json()["items"]
    assert [each["detail"] for each in events] == [{"terms": "https://example.org/terms"}]


async def test_login_answers_alike_and_works_alike_for_unknown_wrong_and_closed(api: Any) -> None:
    ada = await api.admin()
    bob = await api.author("bob")
    closed = await api.author("closed")
    await ada.ask("POST", f"/api/admin/users/{closed.id}/disable")
    answers = []
    for email, password in [
        ("nobody@example.org", PASSWORD),
        (bob.email, "wrong password"),
        (closed.email, PASSWORD),
        ("no address\x00", PASSWORD),
    ]:
        before = api.passwords.checked
        answer = await api.post("/api/auth/login", {"email": email, "password": password})
        answers.append((answer.status_code, answer.json(), api.passwords.checked - before))
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)  # one hash each: the time tells nothing


@pytest.mark.parametrize("hasher", [PasswordHasher(), PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)])
def test_nobodys_password_is_checked_at_the_same_cost(hasher: PasswordHasher) -> None:
    nobody = Passwords(hasher).nobody
    assert extract_parameters(nobody) == extract_parameters(hasher.hash("x"))
    with pytest.raises(VerifyMismatchError):  # and not refused unread
        hasher.verify(nobody, "x")


async def test_the_profile_is_shown_and_changed(api: Any) -> None:
    bob = await api.author("bob")
    answer = await bob.ask("PUT", "/api/auth/profile", json={"full_name": " Bob B. ", "username": "Bobby"})
    assert answer.status_code == 200
    assert (answer.json()["full_name"], answer.json()["username"]) == ("Bob B.", "Bobby")
    assert (await bob.ask("GET", "/api/auth/profile")).json() == answer.json()
    assert "password_hash" not in answer.json()

    await api.author("carol")
    taken = await bob.ask("PUT", "/api/auth/profile", json={"username": "CAROL"})
    assert (taken.status_code, fields(taken)) == (409, {"/username": {"invalid"}})


async def test_another_address_needs_the_password(api: Any) -> None:
    bob = await api.author("bob")
    refused = await bob.ask("PUT", "/api/auth/profile", json={"email": "b@example.org"})
    assert (refused.status_code, fields(refused)) == (422, {"/password": {"wrong_password"}})

    changed = await bob.ask("PUT", "/api/auth/profile", json={"email": "B@example.org", "password": PASSWORD})
    assert changed.json()["email"] == "b@example.org"
    await api.login("b@example.org")


async def test_another_password_ends_all_other_sessions(api: Any) -> None:
    bob, elsewhere = await api.author("bob"), await api.login("bob@example.org")
    body = {"current_password": PASSWORD, "new_password": "an even better phrase"}
    wrong = await bob.ask("PUT", "/api/auth/change-password", json={**body, "current_password": "wrong"})
    assert (wrong.status_code, fields(wrong)) == (422, {"/current_password": {"wrong_password"}})

    assert (await bob.ask("PUT", "/api/auth/change-password", json=body)).status_code == 204
    assert (await bob.ask("GET", "/api/auth/profile")).status_code == 200
    assert (await elsewhere.ask("GET", "/api/auth/profile")).status_code == 401
    refreshed = await api.post("/api/auth/refresh", {"refresh_token": elsewhere.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    assert (await api.post("/api/auth/login", {"email": bob.email, "password": PASSWORD})).status_code == 401
    await api.login(bob.email, "an even better phrase")


async def test_hashes_are_argon2id_and_follow_new_parameters(api: Any) -> None:
    from argon2 import PasswordHasher
    from coursewright_api.database.tables import User

    bob = await api.author("bob")
    row = await User.select(User.password_hash).first()
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")

    api.passwords._hasher = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    await api.login(bob.email)
    row = await User.select(User.password_hash).first()
    assert row is not None
    assert "m=16,t=2,p=1" in row["password_hash"]
