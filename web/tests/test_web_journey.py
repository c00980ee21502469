"""From an empty service to a course on the disk, as a person goes it in a browser; nothing on the way is a stand-in."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tools.processes import free_port
from web.tests.conftest import ROOT, Site, Visits, enter, served
from web.tests.seed import PASSWORD
from web.tests.spite import SPITEFUL

NOTES = "# The moon\nThe moon pulls the sea, and the water follows it.\n"
OWN_FORMAT = """\
name: greeting
title: A greeting
description: Says a sentence, loudly or not.
inputs:
  sentence: {type: text, title: What to say}
  loud: {type: boolean, default: false, title: Loudly}
  times: {type: integer, minimum: 1, maximum: 3, default: 1, title: How often}
  colour: {type: choice, choices: [warm, cool], default: warm, title: Colour of the voice}
  language: {type: language, default: en, title: Language}
steps:
  speech: {uses: tts.espeak, with: {text: "${inputs.sentence}", language: "${inputs.language}"}}
outputs: {audio: "${speech.audio}"}
"""


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service in which nobody has been, with a folder of formats of its own, and with models that are not there."""
    folder = tmp_path_factory.mktemp("journey")
    shutil.copytree(ROOT / "pipelines", folder / "pipelines")
    with pytest.MonkeyPatch.context() as patch:
        for setting in ("OPENAI__URL", "LLAMA__ADDRESS"):
            patch.setenv(f"COURSEWRIGHT_SERVICE_LLM_{setting}", f"http://127.0.0.1:{free_port()}")
        with served(folder / "data", pipelines_dir=str(folder / "pipelines")) as site:
            yield site


def set_up(page: Page, site: Site) -> None:
    """Become the first admin by the link that the service prints."""
    page.goto(site.server.wait_for(r"(http\S+/setup#token=\S+)"))
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(f"{site.url}/")


def test_a_person_makes_a_course_from_their_notes(new: Site, visits: Visits, tmp_path: Path) -> None:
    page = visits.open()
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    set_up(page, new)
    page.goto(f"{new.url}/create")
    page.get_by_role("link", name="Narrated slides").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Write something, or choose a file.")).to_be_visible()
    page.get_by_role("textbox", name="Course notes").fill(NOTES)
    page.reload()
    expect(page.get_by_text("Your draft is back as you left it.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Course notes")).to_contain_text(NOTES.splitlines()[1])
    page.get_by_role("button", name="Next").click()  # to the voice
    page.get_by_role("button", name="Hear it").click()
    sound = page.get_by_role("region", name="How it sounds").locator("audio")
    sound.wait_for(timeout=60_000)
    sound.evaluate("(sound) => sound.ended || new Promise((done) => (sound.onended = done))")
    page.get_by_role("button", name="Next").click()  # to the look
    page.go_back()
    expect(page.get_by_role("button", name="Voice")).to_have_attribute("aria-current", "step")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Nothing leaves this machine")).to_be_visible()
    page.get_by_label("Name of the course").fill(SPITEFUL)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    expect(page.get_by_text("Finished").first).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Open the result").click()
    expect(page.get_by_text("Your course is ready.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(SPITEFUL)
    page.locator("track").evaluate("(track) => track.readyState === 2 || new Promise((done) => (track.onload = done))")
    assert page.locator("video").evaluate("(video) => video.textTracks[0].cues.length") > 0
    page.get_by_role("button", name="Transcript").click()
    expect(page.get_by_role("button", name="The moon pulls the sea")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name=re.compile(r"Download: .*\.zip")).click()
    saved.value.save_as(tmp_path / "course.zip")
    assert "imsmanifest.xml" in zipfile.ZipFile(tmp_path / "course.zip").namelist()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the film").click()
    assert saved.value.suggested_filename.endswith(".mp4")
    page.locator("summary", has_text="Script").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the script").click()
    assert "## The moon" in saved.value.path().read_text("utf-8")
    page.get_by_role("button", name="Make a link").click()
    shared = page.get_by_label("Address", exact=True).input_value()
    guest = visits.open()
    guest.goto(shared)
    expect(guest.get_by_text(SPITEFUL).first).to_be_attached()
    assert page.locator("img[src=x]").count() == guest.locator("img[src=x]").count() == 0


def test_the_script_is_looked_at_before_and_waits_for_its_author(new: Site, visits: Visits) -> None:
    page = visits.open(size="phone")
    enter(page, new.url, "ben")
    page.goto(f"{new.url}/create/narrated_slides")
    notes = page.get_by_role("textbox", name="Course notes")
    notes.fill("# The tide\nThe sea rises twice a day, and falls again.\n")
    expect(page.get_by_text("55 characters · about 4 s when spoken")).to_be_visible()
    page.get_by_role("button", name="Write the script").press("Enter")
    scenes = page.get_by_role("list", name="Scenes").get_by_role("listitem")
    expect(scenes).to_have_count(1, timeout=60_000)
    steps = page.get_by_role("navigation", name="Steps")
    steps.get_by_role("button", name="Look").click()
    page.get_by_role("button", name="See a slide").click()
    slide = page.get_by_alt_text("A slide of the course")
    expect(slide).to_be_visible(timeout=60_000)
    assert slide.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 1000
    page.reload()
    expect(slide).to_be_visible()
    stale = page.get_by_text("You have changed something since")
    steps.get_by_role("button", name="Script").click()
    expect(scenes).to_contain_text("The sea rises twice a day")
    expect(stale).to_be_hidden()
    notes.fill("# The tide\nThe sea falls.\n")
    expect(stale).to_be_visible()
    page.get_by_role("button", name="Review").click()
    page.get_by_label("Show me the script before anything").check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    expect(page.get_by_text("Waits for you")).to_be_visible(timeout=60_000)
    page.goto(new.url)
    needed = page.get_by_role("listitem").filter(has_text="Its script waits for you to read it.")
    expect(needed.get_by_role("link", name=re.compile("^Read the script: "))).to_be_visible()


def test_the_review_says_who_gets_data_and_what_is_not_known(new: Site, visits: Visits) -> None:
    page = visits.open()
    enter(page, new.url, "cleo")
    page.goto(f"{new.url}/create/translated_lesson")
    page.get_by_role("textbox", name="Lesson notes").fill(NOTES)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    page.locator("#field-language").fill("fr")
    page.get_by_role("option", name="French", exact=True).click()
    told = page.get_by_role("region", name="What is told")
    expect(told).to_contain_text("Sends data to llm.openai")
    page.get_by_role("button", name="Next").click()
    takes = page.get_by_role("region", name="What it takes")
    expect(takes.get_by_role("listitem").filter(has_text="llm.openai: ")).to_be_visible()
    expect(takes.get_by_text("Nothing leaves this machine")).to_be_hidden()
    expect(takes).to_contain_text("Not known: a provider names no price.")
    translation = page.get_by_role("region", name="Translate the script")
    expect(translation.get_by_role("status")).to_contain_text("is not running there")
    expect(translation.get_by_role("status")).to_contain_text("as it is, it would fail")


def test_files_are_kept_with_names_that_are_only_text(new: Site, visits: Visits, tmp_path: Path) -> None:
    page = visits.open(size="phone")
    visits.meant.append("status of 422")
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    enter(page, new.url, "dora")
    good, bad = tmp_path / "<img src=x onerror=alert(3)>.md", tmp_path / "broken.png"
    good.write_text(NOTES, "utf-8")
    bad.write_bytes(b"no picture")
    page.goto(f"{new.url}/assets?type=document")
    page.locator("main input[type=file]").set_input_files([good, bad])
    expect(page.get_by_role("heading", name="img src=x onerror=alert(3)")).to_be_visible()
    expect(page.get_by_text("The file is no picture that can be read")).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^Rename: .*onerror")).click()
    expect(page.get_by_text("No course yet.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill(SPITEFUL)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=SPITEFUL)).to_be_visible()
    page.get_by_role("button", name=f"Delete: {SPITEFUL}").click()
    expect(page.get_by_role("heading", name=SPITEFUL)).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name=SPITEFUL)).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_a_new_file_in_the_folder_is_a_format_with_a_whole_wizard(new: Site, visits: Visits) -> None:
    (new.data.parent / "pipelines" / "greeting.yaml").write_text(OWN_FORMAT, "utf-8")
    page = visits.open()
    enter(page, new.url, "ewan")
    page.goto(f"{new.url}/create")
    page.get_by_role("link", name="A greeting").click()
    expect(page.get_by_role("navigation", name="Steps").get_by_role("listitem")).to_have_count(3)
    page.get_by_label("What to say").fill("Good morning.")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Cool").check()
    page.get_by_label("Loudly").check()
    page.locator("#field-language").fill("de")
    page.get_by_role("option", name="German", exact=True).click()
    page.get_by_label("How often").fill("9")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("At most 3.")).to_be_visible()
    page.get_by_label("How often").fill("2")
    page.get_by_role("button", name="Next").click()
    given = page.get_by_role("region", name="What goes in")
    for text in ("Good morning.", "Yes", "2", "Cool", "German"):
        expect(given.get_by_text(text, exact=True)).to_be_visible()
