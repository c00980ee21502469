"""The field in which notes are written: as people see them, as the service reads them, and as they paste them."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from web.tests.conftest import Known, Site, Visits
from web.tests.seed import PASSWORD
from web.tests.test_web_build import WEB, hatch_build
from web.tests.test_web_pages import faults, wear

WRITER = "wim@example.org"
FROM_A_WORD_PROCESSOR = """<html><head><style>p.MsoNormal {margin: 0}</style></head><body>
<b style="font-weight:normal"><h1 style="color:red" onclick="alert(1)"><b>Ebb</b> and <i>flow</i></h1>
<p class=MsoNormal style="margin:0">The <span style="font-weight:700">moon</span> pulls<img src=x onerror=alert(1)>.</p>
<ul><li style="x:y">twice a day</li><li>every day</li></ul>
<table style="width:9cm"><tr><th>sea</th><th>range</th></tr><tr><td>North Sea</td><td>4 m</td></tr></table>
</b></body></html>"""
READ = """# **Ebb** and *flow*

The **moon** pulls.

* twice a day
* every day

| sea | range |
| --- | --- |
| North Sea | 4 m |"""


@pytest.fixture
def page(site: Site, known: Known) -> Page:
    person = {"email": WRITER, "username": "wim", "password": PASSWORD}
    httpx.post(f"{site.url}/api/auth/register", json=person)
    page = known(WRITER)
    page.goto(f"{site.url}/create/narrated_slides")
    expect(field(page)).to_have_attribute("contenteditable", "true")
    return page


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Course notes")


def text(page: Page) -> str:
    """The notes as plain text, from the field for it."""
    page.get_by_role("button", name="Write as plain text").click()
    found = field(page).input_value()
    page.get_by_role("button", name="Write with formats").click()
    expect(field(page)).to_be_focused()
    return found


def paste(page: Page, **data: str) -> None:
    """Paste what has these forms: `html`, `plain`."""
    field(page).evaluate(
        """(field, data) => {
          const transfer = new DataTransfer();
          for (const [form, text] of Object.entries(data)) transfer.setData(`text/${form}`, text);
          const options = { bubbles: true, cancelable: true, clipboardData: transfer };
          field.dispatchEvent(new ClipboardEvent("paste", options));
        }""",
        data,
    )


def test_markdown_and_the_document_are_the_same() -> None:
    hatch_build._run(["node", "--test", "tests/notes.test.mjs"], WEB, "the notes are wrong")


def test_notes_are_written_as_they_look_and_kept_as_text(page: Page) -> None:
    tools = page.get_by_role("toolbar", name="Format")
    page.locator("label", has_text="Course notes").click()
    expect(field(page)).to_be_focused()
    page.keyboard.type("# The tide\nThe sea rises, 2 * 3 * 4 times.\n- falls\nrises\n\nAnd ")
    tools.get_by_role("button", name="Bold").click()
    page.keyboard.type("again")
    expect(tools.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
    written = "# The tide\n\nThe sea rises, 2 * 3 * 4 times.\n\n* falls\n* rises\n\nAnd **again**"
    assert text(page) == written
    page.keyboard.press("Control+Home")
    expect(tools.get_by_role("button", name="Heading", exact=True)).to_have_attribute("aria-pressed", "true")
    tools.get_by_role("button", name="Subheading").click()
    expect(field(page).get_by_role("heading", level=2)).to_have_text("The tide")
    tools.get_by_role("button", name="Subheading").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(field(page).get_by_role("heading", level=1)).to_have_text("The tide")
    page.reload()
    expect(page.get_by_text("Your draft is back as you left it.")).to_be_visible()
    expect(field(page).get_by_role("listitem")).to_have_text(["falls", "rises"])
    assert text(page) == written


def test_what_is_pasted_keeps_its_form_and_nothing_else(page: Page, visits: Visits) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    field(page).click()
    page.keyboard.press("Control+a")
    paste(page, html=FROM_A_WORD_PROCESSOR, plain="Ebb and flow")
    expect(field(page).get_by_role("heading")).to_have_text("Ebb and flow")
    assert field(page).locator("img, table, [style], [onclick]").count() == 0
    assert text(page) == READ
    page.keyboard.press("Control+a")
    paste(page, plain="# One\nText.\n\n## Two\n- a\n- b\n")
    expect(field(page).get_by_role("heading", level=2)).to_have_text("Two")
    page.keyboard.press("Control+a")
    field(page).fill("# Dictated\nIn one piece.")
    expect(field(page).get_by_role("heading")).to_have_text("Dictated")


def test_the_field_says_what_is_wrong_and_keeps_to_plain_text_when_that_is_wanted(site: Site, page: Page) -> None:
    field(page).fill("")
    page.get_by_role("button", name="Next").click()
    expect(field(page)).to_be_focused()
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    expect(field(page)).to_have_accessible_description(re.compile(r"Write something, or.*Headings begin"))
    assert faults(page) == []
    wear(page, "dark")
    assert faults(page) == []
    page.get_by_role("button", name="Write as plain text").click()
    page.goto(f"{site.url}/create/audio_lesson")
    plain = page.get_by_role("textbox", name="Lesson notes")
    expect(plain).to_have_js_property("tagName", "TEXTAREA")
    expect(page.get_by_role("button", name="Bold")).to_be_hidden()
    assert faults(page) == []
    page.get_by_role("button", name="Write with formats").click()
    expect(plain).to_have_attribute("contenteditable", "true")
