"""Jobs on the service as one command starts it: stopped while they run, and begun in Prefect's pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from coursewright.run.deployments import POOL
from coursewright.run.orchestration import Orchestration
from coursewright.run.server import stop
from coursewright.settings import Settings

from api.tests.conftest import Served

PIPELINE = """
name: spoken
inputs: {notes: {type: document, required: false}, text: {type: text, default: Hello.}}
steps:
  document: {uses: document, with: {file: "${inputs.notes}"}, when: "${inputs.notes}"}
  script: {uses: llm.outline, with: {data: {notes: "${document.markdown}"}, returns: script}, when: "${inputs.notes}"}
  slides: {uses: slides.typst, for_each: "${script.scenes}", with: {scene: "${item}"}, when: "${inputs.notes}"}
  voice: {uses: tts.espeak, with: {text: "${inputs.text}"}, needs: [slides]}
outputs: {sound: "${voice.audio}"}
"""
TOLD = """
name: told
inputs: {notes: {type: document}}
steps:
  text: {uses: document, with: {file: "${inputs.notes}"}}
  script: {uses: llm.outline, with: {data: {notes: "${text.markdown}"}, returns: script}}
  voice: {uses: tts.espeak, for_each: "${script.scenes}", with: {text: "${item.narration}"}}
  slides: {uses: slides.typst, for_each: "${script.scenes}", with: {scene: "${item}"}}
outputs: {sounds: "${voice.audio}"}
"""
NOTES = "# Tides\n" + "".join(
    f"\n## {name}\n" + "".join(f"The {name} pulls at the water for the {n}th time, as always. " for n in range(4, 12))
    for name in ("Moon", "Sun", "Earth")
)
LONG = "# Long\n" + "".join(
    f"## Part {n}\nThe {n}th part is told in words of its own, as each is.\n" for n in range(80)
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ada, the first admin of a service for all these tests: starting one takes as long as any of them."""
    folder = tmp_path_factory.mktemp("jobs_run")
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    (pipelines / "spoken.yaml").write_text(PIPELINE)
    (pipelines / "told.yaml").write_text(TOLD)
    served = Served(folder / "data", COURSEWRIGHT_SERVER_PIPELINES_DIR=str(pipelines))
    ada = {"email": "ada@example.org", "password": "correct horse battery"}
    with contextlib.closing(served), httpx.Client(base_url=served.url, timeout=30) as client:
        token = served.wait_for(r"/setup#token=(\S+)")
        assert client.post("/api/auth/setup", json={**ada, "token": token, "username": "ada"}).status_code == 204
        client.headers["Authorization"] = f"Bearer {client.post('/api/auth/login', json=ada).json()['access_token']}"
        client.prefect = served.wait_for(r"Prefect   (\S+)")  # type: ignore[attr-defined]  # for the tests
        yield client
    stop(Settings(data_dir=folder / "data"))


def until(client: Any, job: str, wanted: Callable[[str, dict[str, Any]], bool]) -> dict[str, Any]:
    """The first event for which that holds."""
    with client.stream("GET", f"/api/jobs/{job}/events", timeout=60) as stream:
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: ") and wanted(kind, data := json.loads(line[6:])):
                return dict(data)
    pytest.fail("the stream ended before")


def test_a_running_job_stops_within_seconds_and_goes_on_where_it_was(client: Any) -> None:
    file = {"file": ("long.md", LONG.encode(), "text/markdown")}
    notes = client.post("/api/assets", data={"type": "document"}, files=file).json()["id"]
    job = client.post("/api/jobs", json={"pipeline": "spoken", "inputs": {"notes": notes}}).json()["id"]
    until(client, job, lambda kind, data: kind == "step" and data["step"] == "slides" and data["status"] == "done")

    began = time.monotonic()
    assert client.post(f"/api/jobs/{job}/cancel").json()["cancelling"]
    assert until(client, job, lambda kind, _: kind == "end")["status"] == "cancelled"
    assert time.monotonic() - began < 10, "it takes two to four seconds on an idle machine"

    assert client.post(f"/api/jobs/{job}/retry", json={}).json()["attempt"] == 2
    until(client, job, lambda kind, data: kind == "step" and data["status"] == "reused")
    client.post(f"/api/jobs/{job}/cancel")
    until(client, job, lambda kind, _: kind == "end")


def test_a_script_is_reviewed_edited_and_only_what_is_out_of_date_is_made(client: Any) -> None:
    file = {"file": ("tides.md", NOTES.encode(), "text/markdown")}
    notes = client.post("/api/assets", data={"type": "document"}, files=file).json()["id"]
    heard_beforehand(client, notes)
    wanted = {"pipeline": "told", "inputs": {"notes": notes}, "until": "script"}
    job = client.post("/api/jobs", json=wanted).json()["id"]
    until(client, job, lambda kind, _: kind == "end")
    assert client.get(f"/api/jobs/{job}").json()["script"] == {
        "step": "script",
        "edited": False,
        "awaits_review": True,
    }

    answer = client.get(f"/api/jobs/{job}/script")
    script, tag = answer.json(), answer.headers["ETag"]
    ids = [scene["id"] for scene in script["scenes"]]
    assert (len(ids), script["to_make"], script["edited"]) == (3, 6, False)
    assert {tuple(scene["to_make"]) for scene in script["scenes"]} == {("voice", "slides")}
    assert {each["step"]: each["tasks"] for each in script["estimate"]["steps"]} == {
        "text": 0,
        "script": 0,
        "voice": 3,
        "slides": 3,
    }

    moon, sun, _ = edited = [edit_of(scene) for scene in script["scenes"]]
    new = {"id": "wind", "title": "Wind", "narration": "The wind makes waves, not tides."}
    script = save(client, job, tag, [sun, {**moon, "narration": "The moon pulls most."}, new])
    assert [(scene["id"], scene["change"]) for scene in script["scenes"]] == [
        (sun["id"], ""),
        (moon["id"], "edited"),
        ("wind", "new"),
    ]
    assert (script["removed"], script["edited"]) == ([edited[2]["title"]], True)
    assert client.post(f"/api/jobs/{job}/retry", json={}).status_code == 202
    assert until(client, job, lambda kind, _: kind == "end")["status"] == "completed"

    answer = client.get(f"/api/jobs/{job}/script")
    script, tag = answer.json(), answer.headers["ETag"]
    assert (script["to_make"], script["edited"], script["removed"]) == (0, False, [])
    assert script["estimate"]["seconds"] == 0.0
    scenes = [edit_of(scene) for scene in script["scenes"]]
    script = save(client, job, tag, [{**scenes[0], "narration": "So does the sun, a little."}, *scenes[1:]])
    assert [scene["to_make"] for scene in script["scenes"]] == [["voice", "slides"], [], []]
    client.post(f"/api/jobs/{job}/retry", json={})
    until(client, job, lambda kind, _: kind == "end")
    steps = client.get(f"/api/jobs/{job}").json()["steps"]
    assert {(each["step"], each["item"]) for each in steps if each["status"] == "done"} == {
        ("script", ""),
        ("voice", sun["id"]),
        ("slides", sun["id"]),
    }


def heard_beforehand(client: Any, notes: str) -> None:
    """A sentence is spoken without a script, and leaves no trace."""
    sample = {"title": "Tides", "narration": "The sea rises."}
    kept = ("/api/jobs", "/api/assets?type=result")
    before = [client.get(path).json() for path in kept]
    wanted = {"pipeline": "told", "inputs": {"notes": notes}, "until": "voice", "preview": {"sample": sample}}
    job = client.post("/api/jobs", json=wanted).json()["id"]
    assert until(client, job, lambda kind, _: kind == "end")["status"] == "completed"
    steps = client.get(f"/api/jobs/{job}").json()["steps"]
    assert [(each["step"], each["item"], each["status"]) for each in steps] == [
        ("script", "", "done"),
        ("voice", "sample", "done"),
    ]
    files = client.get(f"/api/jobs/{job}/results").json()["files"]
    sound = next(each for each in files if each["output"] == "voice" and each["media_type"].startswith("audio/"))
    assert sound["id"] is None
    assert client.get(sound["link"]["url"]).content.startswith(b"RIFF")
    assert [client.get(path).json() for path in kept] == before


def edit_of(scene: dict[str, Any]) -> dict[str, Any]:
    return {name: scene[name] for name in ("id", "title", "bullets", "narration", "notes")}


def save(client: Any, job: str, tag: str, scenes: list[dict[str, Any]]) -> dict[str, Any]:
    """The script after that edit, which is refused under an old tag."""
    body = {"title": "Tides", "scenes": scenes}
    path = f"/api/jobs/{job}/script"
    answer = client.put(path, json=body, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    again = client.put(path, json=body, headers={"If-Match": tag})
    assert (again.status_code, again.json()["code"]) == (409, "script_changed")
    twice = client.put(path, json={**body, "scenes": [scenes[0], scenes[0]]}, headers={"If-Match": tag})
    assert [each["pointer"] for each in twice.json()["errors"]] == ["/scenes/1/id"]
    return dict(answer.json())


def test_a_run_from_prefects_pages_is_a_job_of_the_first_admin(client: Any) -> None:
    async def submit() -> None:
        async with Orchestration(client.prefect) as prefect:
            deployment = await prefect._client.read_deployment_by_name("spoken/course")
            await prefect._client.create_flow_run_from_deployment(deployment.id, parameters={"text": "From Prefect."})

    def jobs() -> set[str]:
        return {each["id"] for each in client.get("/api/jobs").json()["items"]}

    before = jobs()
    soon(lambda: asyncio.run(submit()))
    deadline = time.monotonic() + 60
    while not (found := jobs() - before):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (job,) = found
    assert until(client, job, lambda kind, _: kind == "end")["status"] == "completed"
    assert [each["output"] for each in client.get(f"/api/jobs/{job}/results").json()["files"]] == ["sound"]


def test_a_work_pool_that_is_missing_is_made_with_the_next_deployment(client: Any) -> None:
    async def ask(what: str) -> Any:
        async with Orchestration(client.prefect) as prefect:
            return await getattr(prefect._client, what)(POOL)

    soon(lambda: asyncio.run(ask("read_work_pool")))
    asyncio.run(ask("delete_work_pool"))
    text = PIPELINE.replace("Hello.", "Good morning.")
    answer = client.put("/api/pipelines/spoken", json={"text": text, "base_version": 1})
    assert answer.status_code == 200, answer.text
    soon(lambda: asyncio.run(ask("read_work_pool")))


def soon(ask: Callable[[], Any]) -> Any:
    """What it gives once it does not fail any more."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
