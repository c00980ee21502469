"""What is somebody else's is not there: on every route that the OpenAPI document has, whoever asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType, JobState
from coursewright_api.database.tables import Asset, Job
from litestar.routes import WebSocketRoute

PIPELINES = Path(__file__).parents[2] / "pipelines"
NOBODYS = {"capability", "name", "number", "digest", "token", "upload_id", "user_id", "task_id"}
"""Parameters of paths that name what belongs to nobody, is a secret itself, or is for admins.

A `task_id` is looked up in Prefect, which does not run here; `upload_id` needs a signature.
"""
pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)  # each route's queries have tests on both


def minimal(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The least that fits a schema: what is required, by examples where there are some."""
    if "$ref" in schema:
        return minimal(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "oneOf" in schema:
        return minimal(document, schema["oneOf"][0])
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {name: minimal(document, fields[name]) for name in schema.get("required", [])}
        case "array":
            return [minimal(document, schema["items"])]
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return False
    return str(uuid4()) if schema.get("format") == "uuid" else "text"


def ids_in(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, bool]:
    """The fields of a body that hold ids, and whether they hold many."""
    if "$ref" in schema:
        return ids_in(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    found = {}
    for name, field in schema.get("properties", {}).items():
        for each in (field, *field.get("oneOf", [])):
            if each.get("format") == "uuid" or each.get("items", {}).get("format") == "uuid":
                found[name] = each.get("type") == "array"
    return found


class Belongings:
    """One of everything that Bob can own: its id by the names that routes have for it."""

    def __init__(self, api: Any, bob: Any) -> None:
        self._api = api
        self._bob = bob
        self.ids: dict[str, str] = {}

    async def make(self) -> dict[str, str]:
        job = await self._made("/api/jobs", {"pipeline": "text_to_speech", "inputs": {"text": "Hello."}})
        await Job.update({Job.state: JobState.completed, Job.ended_at: now()}).where(Job.id == UUID(job))
        await self._asset(AssetType.result, "film.mp4", "video/mp4", job=UUID(job))
        voice = await self._asset(AssetType.voice_sample, "me.wav", "audio/wav")
        self.ids = {
            "job_id": job,
            "asset_id": voice,
            "consent_id": await self._made(f"/api/assets/{voice}/consents", {"person": "Bob", "purpose": "courses"}),
            "link_id": await self._made("/api/share", {"job_id": job}),
            "key_id": await self._made("/api/auth/api-keys", {"name": "key", "scopes": ["read"]}),
            "session_id": (await self._bob.ask("GET", "/api/auth/sessions")).json()[0]["id"],
        }
        return self.ids

    async def there(self) -> list[Any]:
        """All of it, as Bob sees it."""
        job, voice = self.ids["job_id"], self.ids["asset_id"]
        paths = [f"/api/jobs/{job}", f"/api/assets/{voice}", "/api/assets", "/api/consents", "/api/share", "/api/jobs"]
        answers = [await self._bob.ask("GET", path) for path in (*paths, "/api/auth/sessions", "/api/auth/api-keys")]
        for answer in answers:
            assert answer.status_code == 200, answer.text
        return [re.sub(r'"(signature|url|expires_at|used_at|download)":[^,]*', "", each.text) for each in answers]

    async def _made(self, path: str, body: dict[str, Any]) -> str:
        answer = await self._bob.ask("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return str(made.get("info", made)["id"])

    async def _asset(self, type: AssetType, name: str, media_type: str, **more: Any) -> str:
        artifact = self._api.service.store.put_bytes(name.encode(), name=name, media_type=media_type)
        values: dict[str, Any] = {
            **{"type": type, "state": AssetState.ready, "name": name, "file_name": name, "digest": artifact.digest},
            **{"media_type": media_type, "size_bytes": 7, "created_at": now(), "updated_at": now(), **more},
        }
        row = Asset(id=uuid4(), owner=UUID(self._bob.id), **values)
        await row.save()
        return str(row.id)


@pytest.mark.parametrize("role", ["author", "admin"])
@on_sqlite
async def test_every_id_of_another_is_unknown_on_every_route(start: Any, role: str) -> None:
    """In paths a 404; in bodies a 404, or a 422 that says that there is no such thing; in filters nothing."""
    api = await start(pipelines_dir=str(PIPELINES))
    await api.service.pipelines.refresh()
    bob = await api.author()
    belongings = Belongings(api, bob)
    ids = await belongings.make()
    before = await belongings.there()
    other = await (api.admin("carol") if role == "admin" else api.author("carol"))
    document = (await api.client.get("/api/openapi.json")).json()
    asked: set[str] = set()

    for path, methods in document["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        unknown = set(names) - ids.keys() - NOBODYS
        assert not unknown, f"{path}: whose are these? Say so here"
        place = path
        for name in names:
            place = place.replace(f"{{{name}}}", ids.get(name, "x"))
        for method, route in methods.items():
            content = route.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            options = {"json": minimal(document, schema)} if schema else {}
            if ids.keys() & set(names):
                answer = await other.ask(method.upper(), place, **options)
                assert answer.status_code == 404, (method, path, options, answer.text)
                asked.add(path)
            for field, many in (ids_in(document, schema) if schema else {}).items():
                for mine in ids.values():
                    body = {**options["json"], field: [mine] if many else mine}
                    answer = await other.ask(method.upper(), place, json=body)
                    unseen = answer.status_code == 404 or "there is no such" in answer.text
                    assert unseen, (method, path, body, answer.text)
                    asked.add(path)
            for each in route.get("parameters", []):
                if each["in"] == "query" and "uuid" in str(each["schema"]):
                    for mine in ids.values():
                        answer = await other.ask(method.upper(), place, params={each["name"]: mine})
                        unseen = answer.status_code == 403 or answer.json()["items"] == []
                        assert unseen, (path, each["name"], answer.text)

    assert {"/api/jobs/{job_id}/events", "/api/generate/video", "/api/jobs/bulk", "/api/share"} <= asked
    assert await belongings.there() == before


@on_sqlite
async def test_no_socket_is_without_a_test(api: Any) -> None:
    """The OpenAPI document has no WebSockets; test_api_streams.py asks this one."""
    routes = api.client._transport.app.routes
    assert [each.path_format for each in routes if isinstance(each, WebSocketRoute)] == ["/ws/jobs/{job_id}"]


@on_sqlite
async def test_inputs_of_jobs_name_no_file_of_another(start: Any) -> None:
    """Neither by the id of an asset nor by what the engine itself calls an artifact or a path."""
    api = await start(pipelines_dir=str(PIPELINES))
    await api.service.pipelines.refresh()
    bob, carol = await api.author(), await api.author("carol")
    belongings = await Belongings(api, bob).make()
    asset = await Asset.select().where(Asset.id == UUID(belongings["asset_id"])).first()
    assert asset is not None
    digest = asset["digest"]
    for said in (belongings["asset_id"], digest, f"sha256:{digest}", f"artifact:{digest}", "/etc/passwd", "me.wav"):
        body = {"pipeline": "video_generation", "inputs": {"audio": said}}
        for path in ("/api/jobs", "/api/jobs/estimate"):
            answer = await carol.ask("POST", path, json=body)
            assert answer.status_code == 422, (said, answer.text)
            assert [each["pointer"] for each in answer.json()["errors"]] == ["/inputs/audio"]
        table = f"audio\n{said}\n"
        headers = {**carol.headers, "Content-Type": "text/csv"}
        answer = await api.client.post("/api/jobs/batch?pipeline=video_generation", content=table, headers=headers)
        assert [each["pointer"] for each in answer.json()["errors"]] == ["/rows/1/audio"]
    assert (await carol.ask("GET", "/api/jobs")).json()["items"] == []
