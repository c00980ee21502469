"""Pipelines: the operator's folder, versions, and what people see of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from coursewright.plan import Plan
from coursewright.run.bundles import load
from coursewright_api.database.tables import PipelineOrigin
from httpx import Response

pytestmark = pytest.mark.anyio

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
    assert (await pipelines.version(row["id"]))[1] is plan
    bundle = load(row["bundle"], offered.service.store)
    assert (bundle.text, bundle.files) == (ASK, {"prompts/ask.md": PROMPT})
    assert bundle.plan(await pipelines.compiler.catalog()) == plan


async def test_nobody_looks_without_logging_in(api: Any) -> None:
    for path in ("", "/speak", "/speak/versions", "/speak/versions/1"):
        assert problem(await api.client.get(f"/api/pipelines{path}")) == (401, "unauthorized")
