"""A script is read, changed and rewritten, before the course is made and after; just what is out of date is made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from coursewright.testing.standins.chat import ChatServer, chat_server
from playwright.sync_api import Page, expect

from web.tests.conftest import ROOT, Site, Visits, log_in, served
from web.tests.seed import PASSWORD

EMAIL = "flo@example.org"
NOTES = ROOT / "examples" / "notes.md"


@pytest.fixture(scope="module")
def model() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture(scope="module")
def live(data_folder: Path, model: ChatServer) -> Iterator[Site]:
    """A service that makes courses, and that knows a model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEWRIGHT_SERVICE_LLM_OPENAI__URL", model.url)
        with served(data_folder) as site:
            site.server.wait_for(r"  Prefect   (\S+)")
            yield site


@pytest.fixture
def api(live: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, timeout=30) as client:
        client.post("/api/auth/register", json={"email": EMAIL, "username": "flo", "password": PASSWORD})
        login = client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).json()
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        yield client


def made(api: httpx.Client, job: str) -> set[str]:
    steps = api.get(f"/api/jobs/{job}").json()["steps"]
    return {f"{each['step']}[{each['item']}]" for each in steps if each["status"] == "done"}


def lesson(api: httpx.Client) -> str:
    """A job that is to end with its script."""
    file = {"file": ("tides.md", NOTES.read_bytes(), "text/markdown")}
    notes = api.post("/api/assets", data={"type": "document"}, files=file).json()["id"]
    wanted = {"pipeline": "audio_lesson", "inputs": {"notes": notes}, "until": "script", "title": "Tides"}
    return str(api.post("/api/jobs", json=wanted).json()["id"])


def build(page: Page, button: str) -> None:
    """From the script to the finished course, and back."""
    page.get_by_role("button", name=button).click()
    page.get_by_role("link", name="Open the result").click()
    page.get_by_role("link", name="Edit the script").click()
    page.get_by_text("The course is made of this very script.").wait_for()


def test_a_script_is_reviewed_edited_and_rewritten_and_only_that_is_made_anew(
    live: Site, api: httpx.Client, visits: Visits, model: ChatServer
) -> None:
    visits.meant.append("409 (Conflict)")
    job = lesson(api)
    page = visits.open()
    page.set_default_timeout(60_000)
    log_in(page, live.url, EMAIL)
    page.goto(f"{live.url}/jobs/{job}")
    page.get_by_role("link", name="Read the script").click()
    scenes = page.get_by_role("list", name="Scenes").locator("> li")
    saved = page.get_by_text("All is saved.")

    # Before anything is made: changed, moved by keyboard, taken out and put back, and one more
    scenes.first.wait_for()
    before = scenes.count()
    said = scenes.first.get_by_label("What is said")
    said.fill("The sea comes and goes.")
    expect(scenes.first).to_contain_text("Edited")
    said.press("Alt+ArrowDown")
    expect(scenes.nth(1).get_by_label("What is said")).to_have_value("The sea comes and goes.")
    expect(scenes.nth(1).get_by_label("What is said")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(scenes.first.get_by_label("What is said")).to_have_value("The sea comes and goes.")
    scenes.nth(1).get_by_role("button", name="Take out:").click()
    expect(scenes).to_have_count(before - 1)
    page.get_by_role("button", name="Undo", exact=True).first.click()
    expect(scenes).to_have_count(before)
    scenes.last.get_by_role("button", name="Add one after").click()
    expect(scenes.last.get_by_label("Title of scene")).to_be_focused()
    page.keyboard.type("Wind")
    page.get_by_text(f"scene {before + 1} is not complete").wait_for()
    scenes.last.get_by_label("What is said").fill("The wind makes waves.")
    saved.wait_for()
    build(page, "Make the course")
    new = api.get(f"/api/jobs/{job}/script").json()["scenes"][-1]["id"]
    assert f"voice[{new}]" in made(api, job)

    # Afterwards a model writes one scene anew, and just that one is made
    model.replies.append(
        json.dumps(
            {
                "title": "Wind",
                "bullets": ["Waves"],
                "narration": "Waves come with the wind, and the tides come with the Moon.",
            }
        )
    )
    card = scenes.last
    card.get_by_role("button", name="Rewrite").click()
    card.get_by_label("What shall be different?").fill("shorter")
    card.get_by_role("button", name="Write a proposal").click()
    card.get_by_text("Waves come with the wind, and the tides come with the Moon.").wait_for()
    card.get_by_role("button", name="Take it").click()
    expect(card.get_by_label("What is said")).to_have_value(
        "Waves come with the wind, and the tides come with the Moon."
    )
    page.get_by_text("1 scene to rebuild").wait_for()
    assert "shorter" in model.chats[-1]["messages"][0]["content"]
    saved.wait_for()

    # Another window does not lose what this one has saved
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Title of the course").fill("High water")
    other.get_by_text("All is saved.").wait_for()
    page.get_by_label("Title of the course").fill("Low water")
    page.get_by_role("button", name="Keep mine").click()
    saved.wait_for()
    other.close()

    build(page, "Rebuild")
    assert {each for each in made(api, job) if each.startswith("voice")} == {f"voice[{new}]"}
    assert set(titles(api)) <= {"Tides", "Good morning"}, "a rewriting is no job (the other is of another module)"
    page.context.close()  # before the service stops, which its stream would complain of


def titles(api: httpx.Client) -> list[Any]:
    return [each["title"] for each in api.get("/api/jobs").json()["items"]]


def test_a_topic_alone_is_written_by_a_model_that_its_author_chooses(
    live: Site, api: httpx.Client, visits: Visits, model: ChatServer
) -> None:
    page = visits.open(size="phone")
    log_in(page, live.url, EMAIL)
    page.goto(f"{live.url}/create/audio_lesson")
    writer = page.get_by_role("region", name="Write the script")
    refusal = writer.get_by_role("alert")
    expect(writer).to_contain_text("llm.outline")
    page.get_by_role("button", name="From a topic").click()
    expect(refusal).to_contain_text("llm.outline is no model")
    page.get_by_role("textbox", name="Topic").fill("Why the sea rises")

    # Not even the review begins what must fail
    steps = page.get_by_role("navigation", name="Steps")
    steps.get_by_role("button", name="Review").click()
    expect(refusal).to_contain_text("Why the sea rises")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(writer.get_by_role("button", name="Choose another")).to_be_focused()
    steps.get_by_role("button", name="Script").click()

    # Somebody else can, and stays chosen
    writer.get_by_role("button", name="Choose another").click()
    dialog = page.get_by_role("dialog", name="Who does it?")
    dialog.get_by_role("radio", name="llm.openai").check()
    dialog.get_by_role("button", name="Choose", exact=True).click()
    expect(writer).to_contain_text("llm.openai")
    expect(refusal).to_be_hidden()
    page.reload()
    expect(writer).to_contain_text("llm.openai")
    page.get_by_role("button", name="Write the script").click()
    expect(page.get_by_role("list", name="Scenes")).to_contain_text("The sea rises and falls twice a day")
    assert "Why the sea rises" in json.dumps(model.chats[-1])
    steps.get_by_role("button", name="Review").click()
    expect(page.get_by_text("llm.openai").first).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    assert api.get(f"/api/jobs/{page.url.rpartition('/')[2]}").json()["providers"] == {"script": "llm.openai"}
