"""What admins do, and that nobody else does."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.tables import Asset

pytestmark = pytest.mark.anyio

USERS = "/api/admin/users"


async def test_only_admins_may(api: Any) -> None:
    bob = await api.author()
    for method, path in [
        ("GET", USERS),
        ("GET", f"{USERS}/{bob.id}"),
        ("POST", f"{USERS}/{bob.id}/disable"),
        ("POST", f"{USERS}/{bob.id}/enable"),
        ("POST", f"{USERS}/{bob.id}/reset"),
        ("PUT", f"{USERS}/{bob.id}/role"),
        ("GET", "/api/admin/audit"),
        ("GET", "/api/admin/storage"),
    ]:
        body = {"role": "admin"} if path.endswith("role") else None
        assert (await bob.ask(method, path, json=body)).status_code == 403, path
        assert (await api.client.request(method, path, json=body)).status_code == 401, path


async def test_the_list_has_pages_and_filters(api: Any) -> None:
    ada = await api.admin()
    for name in ("bob", "carol", "dave"):
        await api.author(name)
    seen, cursor = [], ""
    while True:
        page = (await ada.ask("GET", USERS, params={"limit": 2, "cursor": cursor})).json()
        seen += [each["username"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["ada", "bob", "carol", "dave"]

    async def names(**params: Any) -> list[str]:
        return [each["username"] for each in (await ada.ask("GET", USERS, params=params)).json()["items"]]

    assert await names(text="AR") == ["carol"]
    assert await names(text="@example") == seen
    assert await names(text="\\%") == seen  # no pattern of the database's
    assert await names(text="\x00zzz") == []
    assert await names(role="admin") == ["ada"]
    assert await names(state="disabled") == []


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": "x"}, {"cursor": "%%"}, {"cursor": "WzFd"}, {"role": "x"}])
async def test_wrong_parameters_are_named(api: Any, params: dict[str, Any]) -> None:
    ada = await api.admin()
    answer = await ada.ask("GET", USERS, params=params)
    assert answer.status_code == 422, answer.text
    assert [error["parameter"] for error in answer.json()["errors"]] == [f"query:{next(iter(params))}"]


async def test_accounts_that_are_not_there(api: Any) -> None:
    ada = await api.admin()
    for method, path in [("GET", ""), ("POST", "/disable"), ("POST", "/enable"), ("POST", "/reset")]:
        assert (await ada.ask(method, f"{USERS}/{uuid4()}{path}")).status_code == 404
    assert (await ada.ask("PUT", f"{USERS}/{uuid4()}/role", json={"role": "author"})).status_code == 404


async def test_the_last_admin_stays(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    for method, path, body in [("POST", "disable", None), ("PUT", "role", {"role": "author"})]:
        answer = await ada.ask(method, f"{USERS}/{ada.id}/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert (await ada.ask("GET", USERS)).status_code == 200  # nothing was half done

    await ada.ask("PUT", f"{USERS}/{bob.id}/role", json={"role": "admin"})
    assert (await ada.ask("PUT", f"{USERS}/{ada.id}/role", json={"role": "author"})).status_code == 200


async def test_a_closed_account_can_be_opened_again(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    assert (await ada.ask("POST", f"{USERS}/{bob.id}/disable")).json()["state"] == "disabled"
    assert (await ada.ask("POST", f"{USERS}/{bob.id}/enable")).json()["state"] == "active"
    assert (await bob.ask("GET", "/api/auth/profile")).status_code == 401  # its sessions stay ended
    await api.login(bob.email)


async def test_a_reset_link_works_once_and_ends_all_sessions(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    old = (await ada.ask("POST", f"{USERS}/{bob.id}/reset")).json()
    made = (await ada.ask("POST", f"{USERS}/{bob.id}/reset")).json()
    assert made["link"] == f"http://127.0.0.1:8400/password#token={made['token']}"
    await api.login(bob.email)  # the present password works until then

    body = {"token": made["token"], "new_password": "an even better phrase"}
    assert (await api.post("/api/auth/password", {**body, "token": old["token"]})).status_code == 403
    weak = await api.post("/api/auth/password", {**body, "new_password": "weak"})
    assert weak.status_code == 422  # and the link still works
    assert (await api.post("/api/auth/password", body)).status_code == 204
    assert (await api.post("/api/auth/password", body)).status_code == 403
    assert (await bob.ask("GET", "/api/auth/profile")).status_code == 401
    await api.login(bob.email, "an even better phrase")


async def test_an_invited_person_chooses_the_password(start: Any) -> None:
    api = await start(registration="closed")
    ada = await api.admin()
    invitation = {"email": "Bob@example.org", "username": "bob", "role": "designer"}
    made = (await ada.ask("POST", USERS, json=invitation)).json()
    assert (made["account"]["invited"], made["account"]["role"]) == (True, "designer")
    for password in ("", "correct horse battery"):
        answer = await api.post("/api/auth/login", {"email": "bob@example.org", "password": password})
        assert answer.status_code == 401

    body = {"token": made["token"], "new_password": "correct horse battery"}
    assert (await api.post("/api/auth/password", body)).status_code == 204
    await api.login("bob@example.org")
    again = await ada.ask("POST", USERS, json=invitation)
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (409, "/email")


async def test_the_audit_log_tells_who_did_what(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    await ada.ask("PUT", f"{USERS}/{bob.id}/role", json={"role": "designer"})
    await ada.ask("POST", f"{USERS}/{bob.id}/disable")
    await api.post("/api/auth/login", {"email": "who\x00@x", "password": "guess-guess-guess"})

    log = (await ada.ask("GET", "/api/admin/audit")).json()["items"]
    assert [each["action"] for each in log] == [
        "login_failed",
        "user_disabled",
        "role_changed",
        "logged_in",
        "registered",
        "logged_in",
        "setup",
    ]
    assert log[2]["detail"] == {"before": "author", "after": "designer"}
    assert (log[2]["actor"], log[2]["subject"], log[2]["address"]) == ("ada", "bob", "127.0.0.1")
    assert "guess" not in str(log)

    one = (await ada.ask("GET", "/api/admin/audit", params={"action": "role_changed"})).json()
    assert [each["id"] for each in one["items"]] == [log[2]["id"]]
    first = (await ada.ask("GET", "/api/admin/audit", params={"limit": 3})).json()
    rest = (await ada.ask("GET", "/api/admin/audit", params={"cursor": first["next_cursor"]})).json()
    assert first["items"] + rest["items"] == log
    by_bob = (await ada.ask("GET", "/api/admin/audit", params={"actor": bob.id})).json()["items"]
    assert {each["actor"] for each in by_bob} == {"bob"}


async def test_what_files_take_is_told_of_those_who_have_most(start: Any) -> None:
    api = await start(quota_bytes=5000)
    ada, bob, eve = await api.admin(), await api.author(), await api.author("eve")
    for person, size in ((bob, 100), (eve, 1000), (eve, 70)):
        moments: dict[str, Any] = {"created_at": now(), "updated_at": now()}
        await Asset(id=uuid4(), owner=UUID(person.id), size_bytes=size, **moments).save()
    answer = (await ada.ask("GET", "/api/admin/storage")).json()
    assert (answer["files"], answer["size_bytes"], answer["quota_bytes"]) == (3, 1170, 5000)
    assert [(each["username"], each["files"], each["size_bytes"]) for each in answer["people"]] == [
        ("eve", 2, 1070),
        ("bob", 1, 100),
    ]
