"""The stand-in for chat servers, seen without any of our own clients."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest
from coursewright.testing.standins.chat import ChatServer, chat_server
from coursewright.testing.standins.instances import instance

LEAF = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "kind": {"enum": ["a", "b"]},
        "count": {"type": "integer", "minimum": 3, "maximum": 3},
        "share": {"type": "number", "minimum": 0, "maximum": 0.5},
        "sure": {"type": "boolean"},
        "short": {"type": "string", "maxLength": 3},
        "long": {"type": "string", "minLength": 400},
        "fixed": {"const": 7},
        "nothing": {"type": ["null", "string"]},
    },
    "required": ["id", "kind", "count", "share", "sure", "short", "long", "fixed", "nothing"],
    "additionalProperties": False,
}
COURSE = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 200},
        "scenes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "bullets": {"type": "array", "items": {"type": "string"}},
                    "narration": {"type": "string", "description": "What is said."},
                },
                "required": ["id", "bullets", "narration"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["title", "scenes"],
    "additionalProperties": False,
}
MESSAGES = [{"role": "user", "content": "Hello"}]


def ask(server: ChatServer, path: str = "chat/completions", **body: Any) -> httpx.Response:
    given = {"model": server.switches.models[0], "messages": MESSAGES, **body}
    return httpx.post(f"{server.url}/{path}", json=given, trust_env=False)


def content(response: httpx.Response) -> str:
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


@pytest.mark.parametrize(
    "schema",
    [
        LEAF,
        {"type": "array", "items": LEAF, "minItems": 5},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
        {"type": "string"},
        COURSE,
    ],
)
def test_an_instance_satisfies_its_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(instance(schema), schema)


def test_ids_in_lists_differ() -> None:
    scenes = instance(COURSE)["scenes"]

    assert len({scene["id"] for scene in scenes}) == len(scenes)


@pytest.mark.parametrize("keyword", ["$ref", "pattern", "anyOf", "format"])
def test_a_schema_that_not_every_engine_knows_is_refused(keyword: str) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string", keyword: "#"}}}
    with chat_server() as server:
        response = ask(server, response_format=form)

    assert response.status_code == 400
    assert keyword in response.json()["error"]["message"]


def test_the_nested_form_constrains_and_the_flat_one_is_ignored() -> None:
    with chat_server("llama.cpp") as server:
        nested = ask(
            server,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": LEAF, "strict": True}},
        )
        flat = ask(server, response_format={"type": "json_schema", "schema": LEAF})

    jsonschema.validate(json.loads(content(nested)), LEAF)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(content(flat)), LEAF)


def test_another_format_is_refused_except_by_ollama() -> None:
    with chat_server("llama.cpp") as strict, chat_server("ollama") as lenient:
        assert ask(strict, response_format={"type": "grammar"}).status_code == 400
        assert ask(lenient, response_format={"type": "grammar"}).status_code == 200


@pytest.mark.parametrize(("personality", "status"), [("llama.cpp", 200), ("ollama", 404), ("vllm", 404)])
def test_an_unknown_model(personality: Any, status: int) -> None:
    with chat_server(personality) as server:
        assert ask(server, model="nobody").status_code == status


@pytest.mark.parametrize(
    ("personality", "listing", "chat"), [("llama.cpp", 200, 401), ("ollama", 200, 200), ("vllm", 401, 401)]
)
def test_a_missing_key(personality: Any, listing: int, chat: int) -> None:
    with chat_server(personality, key="secret") as server:
        assert httpx.get(f"{server.url}/models", trust_env=False).status_code == listing
        assert ask(server).status_code == chat


@pytest.mark.parametrize(
    ("personality", "body"),
    [
        ("llama.cpp", {"error": {"code": 418, "message": "Something went wrong", "type": "server_error"}}),
        ("ollama", {"error": {"message": "Something went wrong", "type": "server_error", "param": None, "code": None}}),
        ("vllm", {"error": {"message": "Something went wrong", "type": "server_error", "param": None, "code": 418}}),
    ],
)
def test_the_three_error_bodies(personality: Any, body: Any) -> None:
    with chat_server(personality, refuse=1, status=418) as server:
        assert ask(server).json() == body
        assert ask(server).status_code == 200


def test_health_while_a_model_loads() -> None:
    with chat_server(starting_s=3600) as server:
        health = server.url.replace("/v1", "/health")
        assert httpx.get(health, trust_env=False).json()["error"]["message"] == "Loading model"
        server.switch(starting_s=0)
        assert httpx.get(health, trust_env=False).json() == {"status": "ok"}


def test_a_stream_is_what_was_said_whatever_way_it_is_cut() -> None:
    with chat_server(split_bytes=1) as server:
        response = ask(server, stream=True)

    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas).startswith("Grüße vom Modell")
    assert response.text.endswith("data: [DONE]\n\n")
    assert any(json.loads(line)["choices"] == [] for line in lines)
    assert "\n:" in response.text


def test_a_switch_that_there_is_not() -> None:
    with chat_server() as server, pytest.raises(TypeError, match="no switch"):
        server.switch(colour="red")
