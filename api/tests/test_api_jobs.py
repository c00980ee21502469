"""Jobs before anybody runs them: what is checked, listed, isolated, and asked for again. Prefect is not needed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.states import JobState
from coursewright_api.database.tables import Job, JobStep
from coursewright_api.jobs.events import LOCK, of_job, write
from coursewright_api.pipelines.usual import Usual

PIPELINE = """
name: spoken
title: Spoken words
inputs:
  text: {type: text}
  minutes: {type: integer, required: false, minimum: 1, maximum: 60}
  slow: {type: boolean, default: false}
  notes: {type: document, required: false}
  picture: {type: image, required: false}
steps:
  voice: {uses: tts.espeak, with: {text: "${inputs.text}"}}
outputs: {sound: "${voice.audio}"}
"""
TOLD = """
name: told
inputs: {topic: {type: text}}
steps:
  script: {uses: llm.outline, with: {data: {topic: "${inputs.topic}"}, returns: script}}
  voice: {uses: tts.espeak, for_each: "${script.scenes}", with: {text: "${item.narration}"}}
outputs: {sounds: "${voice.audio}"}
"""
pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(start: Any, tmp_path: Path) -> Any:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "spoken.yaml").write_text(PIPELINE)
    (tmp_path / "pipelines" / "told.yaml").write_text(TOLD)
    api = await start(pipelines_dir=str(tmp_path / "pipelines"))
    await api.service.pipelines.refresh()
    return api


async def make(person: Any, **more: Any) -> dict[str, Any]:
    body = {"pipeline": "spoken", "inputs": {"text": "Hello."}, **more}
    answer = await person.ask("POST", "/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def end(job: str, state: JobState = JobState.failed) -> None:
    await Job.update({Job.state: state, Job.ended_at: now()}).where(Job.id == UUID(job))


async def test_all_that_is_wrong_is_told_at_once(service: Any) -> None:
    bob = await service.author()
    inputs = {"minutes": 99, "txt": "x", "notes": str(uuid4()), "slow": "perhaps"}
    answer = await bob.ask("POST", "/api/jobs", json={"pipeline": "spoken", "inputs": inputs})
    assert answer.status_code == 422
    told = {each["pointer"] for each in answer.json()["errors"]}
    assert told == {f"/inputs/{name}" for name in ("minutes", "txt", "notes", "slow", "text")}
    body = {"pipeline": "spoken", "inputs": {"text": "x"}, "providers": {"tts": "nobody"}}
    answer = await bob.ask("POST", "/api/jobs", json=body)
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/providers"]
    assert (await bob.ask("POST", "/api/jobs", json={"pipeline": "none"})).status_code == 404
    assert (await bob.ask("POST", "/api/jobs", json={**body, "providers": {}, "until": "film"})).status_code == 422
    assert (await bob.ask("GET", "/api/jobs")).json()["items"] == []


async def test_a_job_is_called_after_what_it_is_about(service: Any) -> None:
    bob = await service.author()
    assert (await make(bob))["title"] == "Hello."
    long = await make(bob, inputs={"text": "A  long story. " * 20 + "\nAnd more."})
    assert long["title"].endswith("story. A long st…")
    assert (await make(bob, title="Mine"))["title"] == "Mine"


async def test_a_job_says_how_long_it_will_take(service: Any) -> None:
    bob = await service.author()
    told = "A sentence that takes its time. " * 50
    body = {"pipeline": "spoken", "inputs": {"text": told}}
    estimate = (await bob.ask("POST", "/api/jobs/estimate", json=body)).json()
    job = await make(bob, inputs={"text": told})
    assert estimate["seconds"] > 0
    assert job["expected_s"] == pytest.approx(estimate["seconds"])

    began = now()
    ended: dict[Any, Any] = {
        Job.state: JobState.completed,
        Job.started_at: began,
        Job.ended_at: began + timedelta(seconds=20),
    }
    await Job.update(ended).where(Job.id == UUID(job["id"]))
    service.service.pipelines.usual = Usual()  # what it knows may be a minute old
    assert (await make(bob, inputs={"text": told}))["expected_s"] == 20.0


async def test_a_key_makes_one_job_and_belongs_to_one_request(service: Any) -> None:
    bob, carol = await service.author(), await service.author("carol")

    async def ask(person: Any, text: str) -> Any:
        body = {"pipeline": "spoken", "inputs": {"text": text}}
        headers = {**person.headers, "Idempotency-Key": "k"}
        return await person.api.client.post("/api/jobs", json=body, headers=headers)

    first, again, other, hers = await ask(bob, "a"), await ask(bob, "a"), await ask(bob, "b"), await ask(carol, "a")
    assert first.json()["id"] == again.json()["id"] != hers.json()["id"]
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_nobody_sees_or_touches_the_jobs_of_others(service: Any) -> None:
    bob, carol = await service.author(), await service.author("carol")
    job = (await make(bob))["id"]
    requests: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PUT", "", {"title": "mine"}),
        ("PATCH", "", {"title": "mine"}),
        ("DELETE", "", None),
        ("POST", "/cancel", {}),
        ("POST", "/retry", {}),
        ("GET", "/steps", None),
        ("POST", "/steps", {"step": "voice"}),
        ("GET", "/progress", None),
        ("GET", "/results", None),
        ("GET", "/logs", None),
        ("GET", "/events", None),
    ]
    for method, path, body in requests:
        answer = await carol.ask(method, f"/api/jobs/{job}{path}", json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    bulk = await carol.ask("POST", "/api/jobs/bulk", json={"action": "cancel", "ids": [job]})
    assert [each["code"] for each in bulk.json()["items"]] == ["not_found"]
    assert (await carol.ask("GET", "/api/jobs")).json()["items"] == []
    assert not (await bob.ask("GET", f"/api/jobs/{job}")).json()["cancelling"]


async def test_lists_have_filters_orders_and_pages(service: Any) -> None:
    bob = await service.author()
    titles = ["Éclair", "alpha", "Beta", "gamma"]
    ids = [(await make(bob, title=title, priority="high" if title == "Beta" else "low"))["id"] for title in titles]
    await end(ids[0], JobState.completed)

    async def found(**query: Any) -> list[str]:
        items: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await bob.ask("GET", "/api/jobs", params={**query, "limit": 2, "cursor": cursor})).json()
            items += [each["title"] for each in page["items"]]
            cursor = page["next_cursor"]
        return items

    assert await found() == titles[::-1]
    assert await found(order="asc") == titles
    assert await found(status="active") == ["gamma", "Beta", "alpha"]
    assert await found(status="completed") == ["Éclair"]
    assert await found(priority="high") == ["Beta"]
    assert await found(text="ALPH") == ["alpha"]
    assert await found(pipeline="other") == []
    assert sorted(await found(sort="title")) == sorted(titles)
    assert await found(since="2100-01-01T00:00:00Z") == []
    assert (await bob.ask("GET", "/api/jobs", params={"since": "2100-01-01T00:00:00"})).status_code == 422


async def test_a_job_that_is_going_on_is_neither_repeated_nor_deleted(service: Any) -> None:
    bob = await service.author()
    job = (await make(bob))["id"]
    for method, path in (("POST", "/retry"), ("DELETE", "")):
        answer = await bob.ask(method, f"/api/jobs/{job}{path}", **({"json": {}} if path else {}))
        assert (answer.status_code, answer.json()["code"]) == (409, "job_active")
    assert (await bob.ask("POST", f"/api/jobs/{job}/cancel")).json()["cancelling"]

    await end(job)
    await JobStep.update({JobStep.state: "failed"}).where(JobStep.job == UUID(job))
    wrong = await bob.ask("POST", f"/api/jobs/{job}/retry", json={"from_step": "film"})
    assert wrong.status_code == 422
    again = (await bob.ask("POST", f"/api/jobs/{job}/steps", json={"step": "voice"})).json()
    assert (again["status"], again["attempt"], again["cancelling"]) == ("pending", 2, False)
    assert [each["status"] for each in again["steps"]] == ["waiting"]
    await end(job)
    assert (await bob.ask("DELETE", f"/api/jobs/{job}")).status_code == 204
    assert (await bob.ask("GET", f"/api/jobs/{job}")).status_code == 404


async def test_a_retry_may_choose_other_providers_which_the_job_keeps(service: Any) -> None:
    bob = await service.author()
    job = (await make(bob))["id"]
    retry = f"/api/jobs/{job}/retry"
    await end(job)
    for wrong in ({"voice": "nobody"}, {"film": "espeak"}):
        answer = await bob.ask("POST", retry, json={"providers": wrong})
        assert [each["pointer"] for each in answer.json()["errors"]] == ["/providers"]
    body = {"from_step": "voice", "providers": {"voice": "espeak"}}
    assert (await bob.ask("POST", retry, json=body)).json()["providers"] == {"voice": "espeak"}
    await end(job)
    again = (await bob.ask("POST", retry, json={"providers": {"tts": "tts.espeak"}})).json()
    assert again["providers"] == {"voice": "espeak", "tts": "tts.espeak"}


async def test_a_job_that_ends_with_its_script_waits_for_its_author_and_then_goes_on(service: Any) -> None:
    bob = await service.author()
    nodes = (await bob.ask("GET", "/api/pipelines/told")).json()["graph"]["nodes"]
    assert [(each["gives"], each["inputs"]) for each in nodes] == [("script", ["topic"]), ("speech", [])]
    job = await make(bob, pipeline="told", inputs={"topic": "Tides"}, until="script")
    assert (job["purpose"], [each["step"] for each in job["steps"]]) == ("review", ["script"])

    async def retried(state: JobState, **body: Any) -> tuple[str, list[str]]:
        await end(job["id"], state)
        answer = (await bob.ask("POST", f"/api/jobs/{job['id']}/retry", json=body)).json()
        return answer["purpose"], [each["step"] for each in answer["steps"]]

    assert await retried(JobState.failed) == ("review", ["script"])
    assert await retried(JobState.completed, from_step="script") == ("review", ["script"])
    await end(job["id"], JobState.completed)
    waiting = (await bob.ask("GET", "/api/jobs", params={"status": "review"})).json()["items"]
    assert [each["id"] for each in waiting] == [job["id"]]
    assert await retried(JobState.completed) == ("course", ["script", "voice"])


async def test_a_preview_is_begun_first_and_neither_listed_nor_counted_nor_kept(service: Any) -> None:
    bob = await service.author()
    preview = {"sample": {"title": "Tides", "narration": "The sea rises."}}
    job = await make(bob, pipeline="told", inputs={"topic": "Tides"}, until="voice", preview=preview)
    assert (job["purpose"], job["priority"]) == ("preview", "urgent")
    assert (await bob.ask("GET", "/api/jobs")).json()["items"] == []
    assert (await bob.ask("GET", "/api/stats")).json()["jobs"] == 0
    await end(job["id"])
    again = await bob.ask("POST", f"/api/jobs/{job['id']}/retry", json={})
    assert (again.status_code, again.json()["code"]) == (409, "is_preview")
    await service.service.jobs.drop_previews(now())
    assert (await bob.ask("GET", f"/api/jobs/{job['id']}")).status_code == 404


async def test_a_table_makes_all_jobs_or_none(service: Any) -> None:
    bob = await service.author()
    headers = {**bob.headers, "Content-Type": "text/csv"}

    async def send(table: str) -> Any:
        return await bob.api.client.post("/api/jobs/batch?pipeline=spoken", content=table, headers=headers)

    bad = await send("text,minutes,title\nHello,5,One\n,70,Two\n")
    assert {each["pointer"] for each in bad.json()["errors"]} == {"/rows/2/minutes", "/rows/2/text"}
    assert (await bob.ask("GET", "/api/jobs")).json()["items"] == []
    good = (await send("text;minutes;slow;title\nHello;5;yes;One\nBye;;;Two\n")).json()
    assert len(good["jobs"]) == 2
    listed = (await bob.ask("GET", "/api/jobs", params={"batch": good["batch"]})).json()["items"]
    assert {each["title"] for each in listed} == {"One", "Two"}
    for table in ("", "text\n", "text,text\na,b\n", "text\na,b\n", "\0"):
        assert (await send(table)).status_code == 422


async def test_events_are_replayed_from_where_a_client_was(service: Any) -> None:
    bob = await service.author()
    job = (await make(bob))["id"]
    await end(job)
    database = service.service.database
    async with database.exclusive(LOCK):
        row = (await Job.select().where(Job.id == UUID(job)))[0]
        await write(database, [of_job(row), of_job(row, "end")])

    path = f"/api/jobs/{job}/events"
    whole = await bob.ask("GET", path)
    assert whole.headers["content-type"].startswith("text/event-stream")
    assert [line for line in whole.text.splitlines() if line.startswith("event")][-1] == "event: end"
    last = int(whole.text.split("id: ")[-1].split()[0])
    rest = await bob.ask("GET", path, params={"last_event_id": str(last - 2)})
    told = [json.loads(line[6:])["status"] for line in rest.text.splitlines() if line.startswith("data: ")]
    assert told == ["failed", "failed"]
    assert (await bob.ask("GET", path, params={"last_event_id": str(last)})).status_code == 204


async def test_single_services_tell_of_their_own_fields(service: Any) -> None:
    bob = await service.author()
    answer = await bob.ask("POST", "/api/generate/text-to-speech", json={"text": "x"})
    assert answer.status_code == 404, "that pipeline is not offered here"
    answer = await bob.ask(
        "POST", "/api/generate/video", json={"portrait_asset_id": "x", "audio_asset_id": str(uuid4())}
    )
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/portrait_asset_id"]


async def test_what_needs_prefect_says_that_it_is_not_there(service: Any) -> None:
    bob = await service.author()
    for path in ("ping", "status", f"task/{uuid4()}"):
        answer = await bob.ask("GET", f"/api/worker/{path}")
        assert (answer.status_code, answer.json()["code"]) == (503, "prefect_unavailable")
