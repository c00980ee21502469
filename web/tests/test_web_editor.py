"""The editor of pipelines: what fits is offered, what is wrong is marked, and nobody is written over."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from web.tests.conftest import Known, Site, Visits
from web.tests.seed import EMAIL, PASSWORD
from web.tests.test_web_pipelines import TEXT


@pytest.fixture
def api(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url) as client:
        login = client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).json()
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        yield client


def text_of(page: Page) -> Locator:
    """Where one writes, with the cursor at its end."""
    text = page.get_by_role("textbox", name="Text of the pipeline")
    text.click()
    page.keyboard.press("Control+End")
    return text


def test_what_fits_is_offered_and_what_is_wrong_is_marked_and_put_right(site: Site, known: Known) -> None:
    page = known()
    page.goto(f"{site.url}/pipelines/-/new")
    page.get_by_text("Nothing is wrong.").wait_for()
    assert page.locator(".graph g").count() == 1
    page.get_by_label("What to say").wait_for()
    expect(page.locator(".cm-reference", has_text="${speech.audio}")).to_be_visible()
    text = text_of(page)
    page.keyboard.type("  words: ${spech.text}\n")
    problem = page.get_by_role("button", name="CW303")
    expect(problem).to_contain_text("16:10")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    page.keyboard.press("Control+Home")
    problem.click()
    expect(text).to_be_focused()
    page.keyboard.type("!")  # the cursor stands there
    expect(text).to_contain_text("words: !${spech")
    page.keyboard.press("Backspace")
    page.get_by_role("button", name="Write “speech”").click()
    page.get_by_text("Nothing is wrong.").wait_for()
    text_of(page)
    page.keyboard.type("more: ${sp")
    offers = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(offers.first).to_contain_text("speech")
    assert all(each.startswith("speech") for each in offers.all_inner_texts())
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(text).to_be_focused()  # the first Escape has closed the list
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(text).not_to_be_focused()


def test_a_version_is_saved_when_its_lines_were_seen_and_nobody_is_written_over(
    site: Site, known: Known, visits: Visits, api: httpx.Client
) -> None:
    visits.meant.append("status of 409")
    first = TEXT.format(name="shared", title="Shared")
    api.post("/api/pipelines", json={"text": first}).raise_for_status()
    page = known(size="phone")
    page.goto(f"{site.url}/pipelines/shared/edit")
    page.get_by_text("Saved as version 1.").wait_for()
    text_of(page)
    page.keyboard.type("  words: ${speech.text}")
    page.get_by_text("Not saved yet.").wait_for()
    page.reload()
    page.get_by_text("Your draft is back").wait_for()
    theirs = {"text": first.replace("Shared", "Theirs"), "base_version": 1}
    api.put("/api/pipelines/shared", json=theirs).raise_for_status()
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="What is new")
    expect(dialog.locator("[data-kind=added]")).to_contain_text(["  words: ${speech.text}"])
    page.keyboard.type("the words, too")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert").first).to_contain_text("ada has saved version 2 meanwhile.")
    expect(dialog.locator("[data-kind=removed]").first).to_contain_text("title: Theirs")
    dialog.get_by_role("button", name="Save as a new version").click()
    page.get_by_role("status").get_by_text("Saved as version 3.").first.wait_for()
    found = api.get("/api/pipelines/shared").json()
    assert (found["version"], found["title"], found["note"]) == (3, "Shared", "the words, too")
    page.reload()
    page.get_by_text("Saved as version 3.").wait_for()
    expect(page.get_by_text("Your draft is back")).to_be_hidden()


def test_a_try_runs_the_text_as_it_is_and_prompts_are_written_beside_it(
    site: Site, known: Known, api: httpx.Client
) -> None:
    text = TEXT.format(name="tried", title="Tried")
    api.post("/api/pipelines", json={"text": text}).raise_for_status()
    page = known()
    page.goto(f"{site.url}/pipelines/tried/edit")
    page.get_by_text("Nothing is wrong.").wait_for()
    text_of(page)
    page.keyboard.type("  answer: ${ask.text}")
    for key in ("ArrowUp", "ArrowUp", "Home"):
        page.keyboard.press(key)
    page.keyboard.type("  ask: {uses: llm.outline, with: {prompt: prompts/ask.md}}\n")
    page.keyboard.press("Shift+Tab")
    page.get_by_role("button", name="Begin this file").click()
    page.keyboard.type("Say something.")
    page.get_by_text("Nothing is wrong.").wait_for()
    page.get_by_role("button", name="Fill in examples").click()
    page.get_by_role("button", name="Try it").click()
    job = page.get_by_role("link", name="Look at the try").get_attribute("href")
    assert job is not None
    tried = api.get("/api/pipelines/tried/versions/2").json()
    assert (tried["current"], tried["files"]) == (False, {"prompts/ask.md": "Say something."})
    made = api.get(f"/api{job}").json()
    assert (made["title"], made["pipeline_version"]) == ("Try of Tried", tried["version_id"])
    assert made["inputs"]["text"].startswith("The sea")
    assert api.get("/api/pipelines/tried").json()["version"] == 1
