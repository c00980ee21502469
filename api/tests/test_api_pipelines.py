"""Pipelines: the operator's folder, versions, and what people see of them."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.compile import check_pipeline
from coursewright.errors import InputError
from coursewright.plan import Plan
from coursewright.run.bundles import Bundle, keep, load
from coursewright.run.history import history_of
from coursewright.run.references import reference_of
from coursewright.settings import Price
from coursewright_api.database.columns import now
from coursewright_api.database.states import PipelineOrigin
from coursewright_api.database.tables import Asset, Job
from coursewright_api.pipelines.library import Pipelines
from coursewright_api.pipelines.structs import Amount
from coursewright_api.pipelines.usual import Usual
from coursewright_api.problems import ApiError
from httpx import Response

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)
"""For what no database has a part in."""

SPEAK = """\
name: {name}
title: {title}
inputs:
  text: {{type: text, title: What to say}}
steps:
  speech:
    uses: tts.espeak
    with: {{text: "${{inputs.text}}"}}
outputs: {{audio: "${{speech.audio}}"}}
"""
ASK = """\
name: ask
inputs: {topic: {type: text, default: tides}}
steps:
  answer:
    uses: llm.outline
    with: {prompt: prompts/ask.md, data: {topic: "${inputs.topic}"}, returns: text}
outputs: {answer: "${answer.text}"}
"""
PROMPT = "Tell me about {{ topic }}.\n"


def speak(name: str = "speak", title: str = "Speak") -> str:
    return SPEAK.format(name=name, title=title)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pipelines"
    (made / "prompts").mkdir(parents=True)
    (made / "speak.yaml").write_text(speak())
    (made / "ask.yml").write_text(ASK)
    (made / "prompts" / "ask.md").write_text(PROMPT)
    (made / "README.md").write_text("no pipeline")
    return made


@pytest.fixture
async def offered(start: Any, folder: Path) -> Any:
    """The service with two pipelines from the folder."""
    return await start(pipelines_dir=str(folder))


def problem(answer: Response) -> tuple[int, str]:
    """The status and code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def listed(person: Any, **options: Any) -> dict[str, Any]:
    answer = await person.ask("GET", "/api/pipelines", params=options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_is_in_the_folder_is_offered_with_its_form_and_its_steps(offered: Any) -> None:
    bob = await offered.author()
    page = await listed(bob)
    assert [item["name"] for item in page["items"]] == ["ask", "speak"]
    found = page["items"][1]
    assert (found["title"], found["version"], found["origin"], found["fault"]) == ("Speak", 1, "file", "")
    assert (found["steps"], found["capabilities"], found["outputs"], found["sends"]) == (1, ["tts"], ["audio"], [])
    assert found["inputs"]["properties"]["text"]["title"] == "What to say"
    assert found["inputs"]["required"] == ["text"]

    shown = (await bob.ask("GET", "/api/pipelines/ask")).json()
    assert shown["text"] == ASK
    assert shown["files"] == {"prompts/ask.md": PROMPT}
    assert shown["graph"]["nodes"][0]["providers"] == ["llm.outline"]
    assert problem(await bob.ask("GET", "/api/pipelines/nobody")) == (404, "not_found")


async def test_the_folder_is_offered_before_it_was_looked_through(api: Any, folder: Path) -> None:
    service = api.service
    server = msgspec.structs.replace(service.server, pipelines_dir=str(folder))
    just_begun = Pipelines(service.database, service.store, service.settings, server)
    assert (await just_begun.get("speak"))["number"] == 1


async def test_a_changed_file_becomes_another_version_and_an_unchanged_one_does_not(offered: Any, folder: Path) -> None:
    bob = await offered.author()
    await listed(bob)
    os.utime(folder / "speak.yaml")
    (folder / "speak.yaml").write_text(speak(title="Speak up"))
    (folder / "prompts" / "ask.md").write_text("Explain {{ topic }}.\n")
    items = (await listed(bob))["items"]
    assert [(item["name"], item["version"]) for item in items] == [("ask", 2), ("speak", 2)]
    os.utime(folder / "speak.yaml", (1, 1))
    items = (await listed(bob))["items"]
    assert [(item["title"], item["version"]) for item in items] == [("ask", 2), ("Speak up", 2)]

    versions = (await bob.ask("GET", "/api/pipelines/speak/versions")).json()["items"]
    assert [(each["version"], each["current"]) for each in versions] == [(2, True), (1, False)]
    first = (await bob.ask("GET", "/api/pipelines/speak/versions/1")).json()
    assert (first["title"], first["current"]) == ("Speak", False)
    assert problem(await bob.ask("GET", "/api/pipelines/speak/versions/3")) == (404, "not_found")
    page = (await bob.ask("GET", "/api/pipelines/speak/versions?limit=1")).json()
    page = (await bob.ask("GET", f"/api/pipelines/speak/versions?cursor={page['next_cursor']}")).json()
    assert [each["version"] for each in page["items"]] == [1]


@on_sqlite
async def test_a_broken_file_is_not_taken_and_designers_are_told(offered: Any, folder: Path) -> None:
    bob, ada = await offered.author(), await offered.admin()
    await listed(bob)
    (folder / "speak.yaml").write_text(speak().replace("tts.espeak", "tts.espeek"))
    (folder / "twin.yaml").write_text(ASK)
    page = await listed(ada)
    assert [(item["name"], item["version"]) for item in page["items"]] == [("ask", 1), ("speak", 1)]
    speak_problem, twin_problem = page["problems"]
    assert speak_problem["file"] == "speak.yaml"
    assert speak_problem["errors"][0]["message"].startswith("7:11: no provider is called 'tts.espeek'")
    assert twin_problem == {
        "file": "twin.yaml",
        "message": "ask.yml has the name 'ask' already; give this one another",
        "errors": [],
    }
    assert (await listed(bob))["problems"] == []


async def test_the_list_comes_in_pages_and_is_searched_by_name_and_title(offered: Any, folder: Path) -> None:
    for name in ("alpha", "beta"):
        (folder / f"{name}.yaml").write_text(speak(name, f"Read {name.upper()} aloud"))
    bob = await offered.author()
    first = await listed(bob, limit=3)
    assert [item["name"] for item in first["items"]] == ["alpha", "ask", "beta"]
    second = await listed(bob, limit=3, cursor=first["next_cursor"])
    assert ([item["name"] for item in second["items"]], second["next_cursor"]) == (["speak"], None)
    assert [item["name"] for item in (await listed(bob, text="bEtA"))["items"]] == ["beta"]
    assert [item["name"] for item in (await listed(bob, text="aloud"))["items"]] == ["alpha", "beta"]
    assert problem(await bob.ask("GET", "/api/pipelines?cursor=x")) == (422, "invalid")


async def test_jobs_get_the_row_and_the_plan_and_the_store_has_the_bundle(offered: Any) -> None:
    pipelines = offered.service.pipelines
    row, plan = await pipelines.current("ask")
    assert isinstance(plan, Plan)
    assert (row["number"], row["origin"]) == (1, PipelineOrigin.file.value)
    assert await pipelines.plan_of(await pipelines.version(row["id"])) is plan
    bundle = load(row["bundle"], offered.service.store)
    assert (bundle.text, bundle.files) == (ASK, {"prompts/ask.md": PROMPT})
    assert bundle.plan(await pipelines.compiler.catalog()) == plan


@on_sqlite
async def test_nobody_looks_without_logging_in(api: Any) -> None:
    for path in ("", "/speak", "/speak/versions", "/speak/versions/1"):
        assert problem(await api.client.get(f"/api/pipelines{path}")) == (401, "unauthorized")


async def designer(api: Any, admin: Any, name: str = "dora") -> Any:
    """Somebody who may change pipelines."""
    person = await api.author(name)
    answer = await admin.ask("PUT", f"/api/admin/users/{person.id}/role", json={"role": "designer"})
    assert answer.status_code == 200
    return person


async def make(person: Any, text: str, files: dict[str, str] | None = None) -> dict[str, Any]:
    answer = await person.ask("POST", "/api/pipelines", json={"text": text, "files": files or {}})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@on_sqlite
async def test_anybody_may_check_a_text_and_gets_what_the_command_prints(api: Any) -> None:
    bob = await api.author()
    answer = await bob.ask("POST", "/api/pipelines/check", json={"text": ASK, "files": {"prompts/ask.md": PROMPT}})
    assert answer.status_code == 200
    good = answer.json()
    assert (good["ok"], good["problems"], good["name"]) == (True, [], "ask")
    assert good["graph"]["nodes"][0]["step"] == "answer"

    answer = await bob.ask("POST", "/api/pipelines/check", json={"text": ASK})
    bad = answer.json()
    assert bad["ok"] is False
    (found,) = bad["problems"]
    assert (found["code"], found["line"], found["column"]) == ("CW502", 6, 20)
    assert (found["hint"], found["severity"]) == ("create it, or correct the path", "error")
    catalog = await api.service.pipelines.compiler.catalog()
    printed = check_pipeline(ASK, name="pipeline.yaml", catalog=catalog, read=lambda _: None).problems
    assert msgspec.json.encode(printed) == msgspec.json.encode(bad["problems"])


async def test_designers_make_change_restore_and_delete_and_the_audit_log_tells(api: Any) -> None:
    ada = await api.admin()
    dora, bob = await designer(api, ada), await api.author("bob")
    announced: list[tuple[str, int]] = []

    async def note(row: dict[str, Any]) -> None:
        announced.append((row["name"], row["number"]))

    api.service.pipelines.on_current = note
    made = await make(dora, speak(), {"unused.md": "x"})
    assert (made["name"], made["version"], made["origin"], made["files"]) == ("speak", 1, "edited", {})
    answer = await dora.ask("POST", "/api/pipelines", json={"text": speak()})
    assert problem(answer) == (409, "name_taken")

    path = "/api/pipelines/speak"
    change = {"text": speak(title="Louder"), "base_version": 1, "note": "louder"}
    answer = await dora.ask("PUT", path, json=change)
    assert (answer.status_code, answer.json()["version"], answer.headers["etag"]) == (200, 2, '"2"')
    assert problem(await dora.ask("PUT", path, json=change)) == (409, "changed_meanwhile")
    answer = await api.client.put(path, json={"text": speak()}, headers={**dora.headers, "If-Match": '"1"'})
    assert problem(answer) == (409, "changed_meanwhile")
    assert problem(await dora.ask("PUT", path, json={"text": speak()})) == (422, "invalid")
    answer = await api.client.put(path, json={"text": speak()}, headers={**dora.headers, "If-Match": "x"})
    assert problem(answer) == (422, "invalid")
    renamed = {"text": speak("other"), "base_version": 2}
    assert problem(await dora.ask("PUT", path, json=renamed)) == (422, "pipeline_renamed")
    same = {"text": speak(title="Louder"), "base_version": 2}
    assert (await dora.ask("PUT", path, json=same)).json()["version"] == 2

    answer = await dora.ask("POST", f"{path}/restore", json={"version": 1})
    assert (answer.json()["version"], answer.json()["title"]) == (1, "Speak")
    assert (await dora.ask("DELETE", path)).status_code == 204
    for method, where, body in (
        ("GET", path, None),
        ("PUT", path, change),
        ("DELETE", path, None),
        ("GET", f"{path}/export", None),
    ):
        assert problem(await dora.ask(method, where, json=body)) == (404, "not_found")
    assert (await listed(bob))["items"] == []
    assert len((await bob.ask("GET", f"{path}/versions")).json()["items"]) == 2
    assert (await dora.ask("POST", f"{path}/restore", json={"version": 2})).json()["current"]
    assert problem(await dora.ask("POST", f"{path}/restore", json={"version": 3})) == (404, "not_found")

    assert announced == [("speak", 1), ("speak", 2), ("speak", 1), ("speak", 2)]
    versions = (await bob.ask("GET", f"{path}/versions")).json()["items"]
    assert [(each["author"], each["note"]) for each in versions] == [("dora", "louder"), ("dora", "")]
    log = (await ada.ask("GET", "/api/admin/audit")).json()["items"]
    told = [(each["action"], each["subject"]) for each in log if each["action"].startswith("pipeline")]
    assert [action for action, _ in told] == [
        "pipeline_restored",
        "pipeline_deleted",
        "pipeline_restored",
        "pipeline_changed",
        "pipeline_created",
    ]
    assert {subject for _, subject in told} == {"speak"}


@on_sqlite
async def test_a_try_is_a_version_for_the_jobs_that_name_it(offered: Any) -> None:
    ada = await offered.admin()
    await listed(ada)
    tried = await ada.ask("POST", "/api/pipelines/try", json={"text": speak(title="Louder")})
    assert (tried.status_code, tried.json()["version"], tried.json()["current"]) == (201, 2, False)
    again = await ada.ask("POST", "/api/pipelines/try", json={"text": speak(title="Louder")})
    assert again.json()["version"] == 2
    assert (await ada.ask("GET", "/api/pipelines/speak")).json()["version"] == 1
    job = {"pipeline": "speak", "version": 2, "inputs": {"text": "Good morning."}}
    assert (await ada.ask("POST", "/api/jobs", json=job)).json()["pipeline_version"] == tried.json()["version_id"]
    saved = {"text": speak(title="Louder"), "base_version": 1}
    assert (await ada.ask("PUT", "/api/pipelines/speak", json=saved)).json()["current"]
    new = await ada.ask("POST", "/api/pipelines/try", json={"text": speak("new")})
    assert (new.json()["name"], new.json()["version"]) == ("new", 1)
    assert problem(await ada.ask("GET", "/api/pipelines/new")) == (404, "not_found")
    answer = await ada.ask("POST", "/api/pipelines/try", json={"text": "steps: {}"})
    assert problem(answer) == (422, "pipeline_invalid")


@on_sqlite
async def test_authors_change_nothing(offered: Any) -> None:
    bob = await offered.author()
    await listed(bob)
    asks = (
        ("POST", "", {"text": speak("mine")}),
        ("POST", "/try", {"text": speak("mine")}),
        ("PUT", "/speak", {"text": speak(title="Mine"), "base_version": 1}),
        ("POST", "/speak/restore", {"version": 1}),
        ("DELETE", "/speak", None),
    )
    for method, path, body in asks:
        assert problem(await bob.ask(method, f"/api/pipelines{path}", json=body)) == (403, "role_missing")
    answer = await bob.ask("POST", "/api/pipelines/import", files={"file": ("a.yaml", speak("mine").encode())})
    assert problem(answer) == (403, "role_missing")


async def test_an_edited_pipeline_stays_until_its_file_changes_and_a_deleted_one_away(
    offered: Any, folder: Path
) -> None:
    ada = await offered.admin()
    await listed(ada)
    edited = {"text": speak(title="Edited"), "base_version": 1}
    assert (await ada.ask("PUT", "/api/pipelines/speak", json=edited)).status_code == 200
    assert (await ada.ask("DELETE", "/api/pipelines/ask")).status_code == 204
    (folder / "README.md").write_text("another time")
    assert [(each["name"], each["title"]) for each in (await listed(ada))["items"]] == [("speak", "Edited")]
    (folder / "speak.yaml").write_text(speak(title="From the file"))
    (found,) = (await listed(ada))["items"]
    assert (found["title"], found["version"], found["origin"]) == ("From the file", 3, "file")


async def test_a_pipeline_goes_out_as_a_zip_and_comes_back(offered: Any) -> None:
    ada = await offered.admin()
    await listed(ada)
    answer = await ada.ask("GET", "/api/pipelines/ask/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="ask.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            "ask.yaml": ASK,
            "prompts/ask.md": PROMPT,
        }
    sent = {"file": ("ask.zip", answer.content, "application/zip")}
    assert problem(await ada.ask("POST", "/api/pipelines/import", files=sent)) == (409, "name_taken")
    assert (await ada.ask("DELETE", "/api/pipelines/ask")).status_code == 204
    answer = await ada.ask("POST", "/api/pipelines/import", files=sent)
    assert (answer.status_code, answer.json()["version"], answer.json()["note"]) == (201, 2, "imported")
    louder = {"file": ("speak.yaml", speak(title="Louder").encode())}
    answer = await ada.ask("POST", "/api/pipelines/import?replace=true", files=louder)
    assert (answer.status_code, answer.json()["version"], answer.json()["title"]) == (201, 2, "Louder")


@on_sqlite
async def test_a_provider_can_be_chosen_for_a_job_and_a_wrong_one_is_named(offered: Any) -> None:
    pipelines = offered.service.pipelines
    _, plan = await pipelines.current("speak", {"speech": "zyphra"})
    assert plan.steps[0].providers == ("tts.zyphra",)
    _, plan = await pipelines.current("speak")
    assert plan.steps[0].providers == ("tts.espeak",)
    with pytest.raises(ApiError, match=r"no provider is called 'tts\.nobody'"):
        await pipelines.current("speak", {"speech": "nobody"})
    with pytest.raises(ApiError, match="no such pipeline"):
        await pipelines.current("nobody")


async def test_of_two_who_change_at_once_one_is_told(api: Any) -> None:
    ada = await api.admin()
    await make(ada, speak())
    change = [{"text": speak(title=f"By {name}"), "base_version": 1} for name in ("one", "two")]
    answers = await asyncio.gather(*(ada.ask("PUT", "/api/pipelines/speak", json=body) for body in change))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len((await ada.ask("GET", "/api/pipelines/speak/versions")).json()["items"]) == 2


COURSE = """\
name: course
inputs:
  notes: {type: document}
  minutes: {type: integer, required: false, minimum: 1, maximum: 60}
  language: {type: language, default: en}
steps:
  text: {uses: document, with: {file: "${inputs.notes}"}}
  script:
    uses: llm.openai
    with:
      data: {notes: "${text.markdown}", minutes: "${inputs.minutes}", language: "${inputs.language}"}
      returns: script
  voice:
    uses: tts.espeak
    for_each: ${script.scenes}
    with: {text: "${item.narration}", language: "${inputs.language}"}
  extra: {uses: tts.espeak, when: "${inputs.minutes}", with: {text: Hello.}}
outputs: {audio: "${voice.audio}"}
"""


async def asset(api: Any, person: Any, media_type: str = "text/markdown") -> str:
    """Notes of that person's."""
    kept = api.service.store.put_bytes(b"# Tides\n\nThe moon.\n", name="notes", media_type=media_type)
    row = Asset(id=uuid4(), owner=UUID(person.id), type="document", state="ready", name="Notes", file_name=kept.name)
    row.digest, row.media_type, row.size_bytes = kept.digest, kept.media_type, kept.size_bytes
    row.created_at = row.updated_at = now()
    await row.save()
    return str(row.id)


@on_sqlite
async def test_an_estimate_says_what_is_known_what_is_not_and_what_is_sent(api: Any) -> None:
    ada = await api.admin()
    await make(ada, COURSE)
    inputs = {"notes": await asset(api, ada), "minutes": 3}
    answer = await ada.ask("POST", "/api/pipelines/course/estimate", json={"inputs": inputs})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    steps = {each["step"]: each for each in found["steps"]}
    assert steps["script"]["seconds"] is None
    assert steps["script"]["reason"].startswith("llm.openai was not timed here yet")
    assert (steps["voice"]["tasks"], steps["voice"]["tasks_guessed"], steps["voice"]["reason"]) == (6, True, "")
    assert 0.5 < steps["voice"]["seconds"] < 2
    assert steps["voice"]["cost"] == {"money": 0.0, "currency": "USD"}
    assert (found["seconds"], found["usual_s"]) == (None, None)
    assert found["known_s"] == pytest.approx(sum(each["seconds"] or 0 for each in found["steps"]))
    assert [(each["provider"], each["steps"], each["fallback"]) for each in found["sends"]] == [
        ("llm.openai", ["script"], False)
    ]

    inputs = {"notes": await asset(api, ada)}  # all of a text is told
    found = (await ada.ask("POST", "/api/pipelines/course/estimate", json={"inputs": inputs})).json()
    assert 0.5 < {each["step"]: each for each in found["steps"]}["voice"]["seconds"] < 2

    inputs = {"notes": await asset(api, ada, "application/pdf")}  # nobody knows how much text it has
    found = (await ada.ask("POST", "/api/pipelines/course/estimate", json={"inputs": inputs})).json()
    steps = {each["step"]: each for each in found["steps"]}
    assert (steps["voice"]["seconds"], steps["voice"]["reason"]) == (
        None,
        "it depends on how long what comes before it becomes",
    )
    assert (steps["extra"]["tasks"], steps["extra"]["seconds"]) == (0, 0.0)

    body = {"inputs": {}, "providers": {"llm": "outline"}}
    found = (await ada.ask("POST", "/api/pipelines/course/estimate", json=body)).json()
    assert found["steps"][0]["reason"] == "the input 'notes' is not given"


@on_sqlite
async def test_an_estimate_says_what_nobody_who_is_asked_can_do(api: Any) -> None:
    ada = await api.admin()
    text = """name: about
inputs: {topic: {type: text}}
steps:
  script:
    uses: llm
    provider: outline
    with: {data: {topic: "${inputs.topic}"}, returns: script}
outputs: {script: "${script}"}
"""
    await make(ada, text)
    body = {"inputs": {"topic": "Tides"}}
    (step,) = (await ada.ask("POST", "/api/pipelines/about/estimate", json=body)).json()["steps"]
    assert (step["provider"], step["refused"], step["seconds"]) == ("llm.outline", True, None)
    assert "cannot write about “Tides” by itself" in step["reason"]
    assert step["remedy"].startswith("give notes")

    # Somebody who comes after it can
    await make(ada, text.replace("name: about", "name: both").replace("outline", "[outline, openai]"))
    (step,) = (await ada.ask("POST", "/api/pipelines/both/estimate", json=body)).json()["steps"]
    assert (step["provider"], step["refused"]) == ("llm.openai", False)


async def test_an_estimate_counts_what_was_measured_and_what_it_costs(api: Any) -> None:
    ada = await api.admin()
    await make(ada, COURSE)
    pipelines = api.service.pipelines
    pipelines._settings = msgspec.structs.replace(
        pipelines._settings, prices={"llm.openai": Price(per_unit=0.25, currency="EUR")}
    )
    history_of(pipelines._settings).note_request("llm.openai", 2.0, 30.0)
    row, plan = await pipelines.current("course")
    notes = Artifact(digest="0" * 64, media_type="application/pdf", size_bytes=10, name="notes.pdf")
    found = await pipelines.estimate(plan, {"notes": notes, "minutes": 4})
    script = next(each for each in found.steps if each.step == "script")
    assert (script.seconds, script.cost) == (60.0, Amount(money=1.0, currency="EUR"))
    assert found.costs == [Amount(money=1.0, currency="EUR")]
    moment = now()
    for seconds in (10, 20, 90):
        job = Job(id=uuid4(), owner=UUID(ada.id), pipeline_version=row["id"], pipeline="course", created_at=moment)
        job.state, job.started_at, job.ended_at = "completed", moment, moment + timedelta(seconds=seconds)
        job.updated_at = moment
        await job.save()
    pipelines.usual = Usual()  # it remembers for a minute that there was none
    assert (await pipelines.estimate(plan, {}, version_id=row["id"])).usual_s == 20.0


async def test_an_estimate_refuses_inputs_that_do_not_fit_and_files_of_others(api: Any) -> None:
    ada = await api.admin()
    await make(ada, COURSE)
    bob = await api.author()
    theirs = await asset(api, ada)
    for inputs, pointer in (
        ({"minutes": 61}, "/inputs/minutes"),
        ({"minutes": "5"}, "/inputs/minutes"),
        ({"minutes": True}, "/inputs/minutes"),
        ({"language": "../x"}, "/inputs/language"),
        ({"nots": "x"}, "/inputs/nots"),
        ({"notes": "http://169.254.169.254/"}, "/inputs/notes"),
        ({"notes": theirs}, "/inputs/notes"),
        ({"notes": {"digest": "0" * 64}}, "/inputs/notes"),
    ):
        answer = await bob.ask("POST", "/api/pipelines/course/estimate", json={"inputs": inputs})
        assert problem(answer) == (422, "invalid"), inputs
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    body = {"providers": {"voice": "nobody"}}
    assert problem(await bob.ask("POST", "/api/pipelines/course/estimate", json=body)) == (422, "pipeline_invalid")
    assert problem(await bob.ask("POST", "/api/pipelines/nothing/estimate", json={})) == (404, "not_found")


async def test_what_was_deployed_from_elsewhere_is_noted_once_and_not_offered(offered: Any) -> None:
    pipelines, store = offered.service.pipelines, offered.service.store
    row, _ = await pipelines.current("ask")
    assert (await pipelines.of_bundle(row["bundle"]))["id"] == row["id"]
    same = reference_of(keep(Bundle(name="elsewhere/ask.yaml", text=ASK, files={"prompts/ask.md": PROMPT}), store))
    assert (await pipelines.of_bundle(same))["id"] == row["id"]
    other = reference_of(keep(Bundle(name="elsewhere/speak.yaml", text=speak(title="Deployed")), store))
    found = await pipelines.of_bundle(other)
    assert (found["name"], found["number"], found["current"], found["origin"]) == ("speak", 2, False, "prefect")
    assert (await pipelines.of_bundle(other))["id"] == found["id"]
    assert (await pipelines.current("speak"))[0]["number"] == 1
    with pytest.raises(InputError):
        await pipelines.of_bundle(f"artifact:{'0' * 64}:1:text/plain:x")
    with pytest.raises(ApiError):
        await pipelines.of_bundle("nonsense")


@on_sqlite
async def test_a_folder_that_is_not_there_offers_nothing_and_one_that_comes_is_taken(
    start: Any, tmp_path: Path
) -> None:
    api = await start(pipelines_dir=str(tmp_path / "later"))
    bob = await api.author()
    assert await listed(bob) == {"items": [], "next_cursor": None, "problems": []}
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "speak.yaml").write_text(speak())
    assert [each["name"] for each in (await listed(bob))["items"]] == ["speak"]


@on_sqlite
async def test_a_pipeline_whose_provider_is_gone_is_shown_with_its_fault(offered: Any, monkeypatch: Any) -> None:
    bob = await offered.author()
    await listed(bob)
    pipelines = offered.service.pipelines
    catalog = await pipelines.compiler.catalog()
    kept = {key: offer for key, offer in catalog.offers.items() if key != "tts.espeak"}
    monkeypatch.setattr(pipelines.compiler, "_catalog", msgspec.structs.replace(catalog, offers=kept))
    pipelines.compiler._plans.clear()
    ask, gone = (await listed(bob))["items"]
    assert (ask["fault"], gone["name"], gone["inputs"]) == ("", "speak", {})
    assert "no provider is called 'tts.espeak'" in gone["fault"]
    assert (await bob.ask("GET", "/api/pipelines/speak")).json()["text"] == speak()
    answer = await bob.ask("POST", "/api/pipelines/speak/estimate", json={})
    assert problem(answer) == (422, "pipeline_invalid")


@on_sqlite
async def test_the_schema_knows_what_is_installed(api: Any) -> None:
    bob = await api.author()
    schema = (await bob.ask("GET", "/api/pipelines/schema.json")).json()
    assert set(schema["required"]) == {"steps"}
    assert "tts.espeak" in msgspec.json.encode(schema).decode()
    assert (await api.client.get("/api/pipelines/schema.json")).status_code == 401
