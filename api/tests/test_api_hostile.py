"""Odd values in every field of every route: refused or taken, never a fault of the service."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from coursewright_api.auth import throttle
from coursewright_api.auth.throttle import Allowance

pytestmark = pytest.mark.anyio

ODD: list[Any] = [
    "",
    "\x00",
    "a\x00b@example.org",
    "\u202eevil",
    "' OR 1=1; --",
    "{0.__class__}",
    "%\\_",
    "x" * 300,
    "😀" * 40,
    -(2**63) - 1,
    1.5,
    None,
    [],
    {"a": {}},
]


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(throttle).items():
        if isinstance(value, Allowance):
            monkeypatch.setattr(throttle, name, Allowance(name=value.name, tries=10**6, window_s=900))


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for each in (schema, *schema.get("oneOf", []), *schema.get("anyOf", [])):
        if "$ref" in each:
            found: dict[str, Any] = document["components"]["schemas"][each["$ref"].rpartition("/")[2]]
            return found
    return schema


@pytest.mark.usefixtures("no_limits")
async def test_no_value_of_any_field_is_a_fault(api: Any) -> None:
    ada, bob = await api.admin(), await api.author()
    document = (await api.client.get("/api/openapi.json")).json()
    good = {
        "email": "x@example.org",
        "username": "somebody",
        "password": "correct horse battery",
        "new_password": "correct horse battery",
        "current_password": "correct horse battery",
        "token": "t",
        "name": "n",
        "scopes": ["read"],
        "role": "author",
    }
    asked = 0
    for path, methods in document["paths"].items():
        place = re.sub(r"\{\w+\}", bob.id, path)
        for method, route in methods.items():
            if path == "/api/events":  # it does not end
                continue
            names = [each["name"] for each in route.get("parameters", []) if each["in"] == "query"]
            requests: list[dict[str, Any]] = [{"params": {name: str(odd)}} for name in names for odd in ODD]
            body = route.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None and "logout" not in path:
                fields = resolved(document, body["schema"]).get("properties", {})
                base = {name: value for name, value in good.items() if name in fields}
                requests += [{"content": json.dumps({**base, name: odd})} for name in fields for odd in ODD]
            for request in requests:
                answer = await ada.ask(method.upper(), place, **request)
                asked += 1
                fault = answer.status_code >= 500 and answer.json().get("code") != "prefect_unavailable"  # none runs
                assert not fault, (method, path, request, answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json"
    assert asked > 300
