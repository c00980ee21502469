"""API keys, and the roles and scopes that limit everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.tables import ApiKey

pytestmark = pytest.mark.anyio

KEYS = "/api/auth/api-keys"


async def make(person: Any, name: str = "batch", scopes: tuple[str, ...] = ("read", "write"), **more: Any) -> Any:
    return await person.ask("POST", KEYS, json={"name": name, "scopes": list(scopes), **more})


async def use(api: Any, key: str, method: str = "GET", path: str = "/api/auth/profile", **options: Any) -> int:
    answer = await api.client.request(method, path, headers={"Authorization": f"Bearer {key}"}, **options)
    status: int = answer.status_code
    return status


async def test_a_key_is_shown_once_works_and_is_revoked(api: Any) -> None:
    bob = await api.author()
    made = (await make(bob)).json()
    key = made["key"]
    assert key.startswith("cwk_")
    assert await use(api, key) == 200
    listed = (await bob.ask("GET", KEYS)).json()
    assert [(each["name"], each["scopes"], bool(each["used_at"])) for each in listed] == [
        ("batch", ["read", "write"], True)
    ]
    assert key not in str(listed)
    row = await ApiKey.select().first()
    assert row is not None
    assert key not in str(row)

    assert (await bob.ask("DELETE", f"{KEYS}/{made['info']['id']}")).status_code == 204
    assert await use(api, key) == 401
    assert (await bob.ask("DELETE", f"{KEYS}/{made['info']['id']}")).status_code == 404


async def test_names_are_unique_among_keys_that_work(api: Any) -> None:
    bob = await api.author()
    first = (await make(bob)).json()
    assert (await make(bob)).status_code == 409
    await bob.ask("DELETE", f"{KEYS}/{first['info']['id']}")
    assert (await make(bob)).status_code == 201


async def test_scopes_limit_what_a_key_may_do(api: Any) -> None:
    bob = await api.author()
    reads = (await make(bob, "reads", ("read",))).json()["key"]
    writes = (await make(bob, "writes", ("write",))).json()["key"]
    change: dict[str, Any] = {"json": {"full_name": "Bob"}}
    assert await use(api, reads) == 200
    assert await use(api, reads, "PUT", **change) == 403
    assert await use(api, writes) == 403
    assert await use(api, writes, "PUT", **change) == 200


async def test_a_key_cannot_make_keys_or_lock_its_owner_out(api: Any) -> None:
    bob = await api.author()
    made = (await make(bob)).json()
    key = made["key"]
    password = {"current_password": "correct horse battery", "new_password": "another good phrase"}
    for method, path, body in [
        ("POST", KEYS, {"name": "more", "scopes": ["read"]}),
        ("DELETE", f"{KEYS}/{made['info']['id']}", None),
        ("PUT", "/api/auth/change-password", password),
        ("POST", "/api/auth/logout-everywhere", None),
        ("DELETE", f"/api/auth/sessions/{uuid4()}", None),
        ("PUT", "/api/auth/profile", {"email": "x@example.org", "password": "correct horse battery"}),
    ]:
        assert await use(api, key, method, path, json=body) == 403, path


async def test_an_admins_key_needs_the_scope_admin(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    plain = (await make(ada, "plain")).json()["key"]
    admin = (await make(ada, "admin", ("read", "admin"))).json()["key"]
    assert await use(api, plain, "GET", "/api/admin/users") == 403
    assert await use(api, admin, "GET", "/api/admin/users") == 200
    assert (await make(bob, "admin", ("admin",))).status_code == 403


async def test_a_key_expires_and_stops_with_its_owner(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    short = (await make(bob, "short", expires_in_s=60)).json()["key"]
    long = (await make(bob, "long")).json()["key"]
    assert await use(api, short) == 200
    await ApiKey.update({ApiKey.expires_at: now() - timedelta(seconds=1)}).where(ApiKey.name == "short")
    assert await use(api, short) == 401

    await ada.ask("POST", f"/api/admin/users/{bob.id}/disable")
    assert await use(api, long) == 401


async def test_keys_of_others_are_not_there(api: Any) -> None:
    bob, carol = await api.author("bob"), await api.author("carol")
    made = (await make(bob)).json()
    assert (await carol.ask("GET", KEYS)).json() == []
    assert (await carol.ask("DELETE", f"{KEYS}/{made['info']['id']}")).status_code == 404
    assert await use(api, made["key"]) == 200


@pytest.mark.parametrize("key", ["cwk_", "cwk_guess", "cwk_" + "a" * 5000])
async def test_keys_that_were_never_made_are_refused(api: Any, key: str) -> None:
    assert await use(api, key) == 401


async def test_a_wrong_request_for_a_key_names_its_fields(api: Any) -> None:
    bob = await api.author()
    for body, pointer in [
        ({"name": "", "scopes": ["read"]}, "/name"),
        ({"name": "a\x00b", "scopes": ["read"]}, "/name"),
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "scopes": ["read", "all"]}, "/scopes/1"),
        ({"name": "x", "scopes": ["read"], "expires_in_s": 1}, "/expires_in_s"),
    ]:
        answer = await bob.ask("POST", KEYS, json=body)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
