"""The gallery of pipelines, and the page of one: versions compared and restored, files taken."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import FilePayload, expect

from web.tests.conftest import Known, Site, Visits, log_in
from web.tests.seed import EMAIL, PASSWORD
from web.tests.spite import SPITEFUL

TEXT = """\
name: {name}
title: {title}
inputs:
  text: {{type: text, title: What to say}}
steps:
  speech:
    uses: tts.espeak
    with: {{text: "${{inputs.text}}"}}
outputs:
  audio: ${{speech.audio}}
"""


def in_file(text: str) -> FilePayload:
    return {"name": "odd.yaml", "mimeType": "application/yaml", "buffer": text.encode()}


def test_versions_are_compared_and_an_earlier_one_is_restored(site: Site, known: Known) -> None:
    text = TEXT.format(name="spoken", title="Spoken")
    with httpx.Client(base_url=site.url) as api:
        login = api.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).json()
        headers = {"Authorization": f"Bearer {login['access_token']}"}
        api.post("/api/pipelines", headers=headers, json={"text": text}).raise_for_status()
        body = {"text": text.replace("Spoken", "Said aloud"), "base_version": 1, "note": "a better title"}
        api.put("/api/pipelines/spoken", headers=headers, json=body).raise_for_status()
        page = known()
        page.goto(f"{site.url}/pipelines/spoken")
        page.get_by_role("heading", name="Said aloud").wait_for()
        page.get_by_text("a better title").wait_for()
        assert page.locator(".graph g").count() == 1
        page.get_by_role("button", name="Compare: Version 1").click()
        found = page.get_by_role("group", name="Differences")
        expect(found.locator("[data-kind=removed]")).to_contain_text("title: Spoken")
        expect(found.locator("[data-kind=added]")).to_contain_text("title: Said aloud")
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Restore: Version 1").click()
        page.get_by_role("dialog", name="Restore version 1?").get_by_role("button", name="Restore").click()
        page.get_by_text("Version 1 is the current one.").wait_for()
        assert api.get("/api/pipelines/spoken", headers=headers).json()["title"] == "Spoken"


def test_a_file_is_taken_a_taken_name_asks_and_its_title_is_text(site: Site, known: Known, visits: Visits) -> None:
    visits.meant += ["status of 409", "status of 422"]
    page = known()
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    spiteful = SPITEFUL.partition("$")[0]  # a title takes no reference
    title = "'" + spiteful.replace("'", "''") + "'"
    page.goto(f"{site.url}/pipelines")
    page.get_by_label("A pipeline in a file").set_input_files(in_file("name: odd\nsteps: {}\n"))
    page.get_by_text("The pipeline has").wait_for()
    page.get_by_label("A pipeline in a file").set_input_files(in_file(TEXT.format(name="odd", title=title)))
    page.wait_for_url(re.compile("/pipelines/odd$"))
    assert page.locator("h1").inner_text() == spiteful
    page.goto(f"{site.url}/pipelines")
    page.get_by_label("Search for a pipeline").fill("onerror")
    page.get_by_role("link", name="onerror=alert(1)").wait_for()
    page.get_by_label("A pipeline in a file").set_input_files(in_file(TEXT.format(name="odd", title="Even")))
    page.get_by_role("button", name="Make a new version").click()
    page.get_by_role("heading", name="Even").wait_for()
    assert page.locator("img[src=x]").count() == 0


def test_authors_look_and_change_nothing(site: Site, visits: Visits) -> None:
    person = {"email": "sam@example.org", "username": "sam", "password": PASSWORD}
    httpx.post(f"{site.url}/api/auth/register", json=person).raise_for_status()
    page = visits.open(size="phone")
    log_in(page, site.url, "sam@example.org")
    page.goto(f"{site.url}/pipelines")
    expect(page.get_by_role("button", name="Import")).to_have_count(0)
    page.get_by_role("link", name="Narrated slides").click()
    page.get_by_text("What it asks for").wait_for()
    for name in ("Delete", "Restore"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    visits.meant.append("status of 403")
    page.goto(f"{page.url}/edit")
    page.get_by_role("heading", name="This is not for you").wait_for()
    expect(page.get_by_role("textbox")).to_have_count(0)
