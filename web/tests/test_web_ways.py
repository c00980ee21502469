"""The whole way from an account to a shared course: by fingers at night, by keys, through outages, for pictures."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tools.pictures import PICTURES, go
from web.tests.conftest import ROOT, Site, Visits, log_in, served
from web.tests.seed import PASSWORD
from web.tests.test_web_pages import faults

NOTES = "# The tide\nThe sea rises twice a day, and falls again.\n"
PRESENTER = ROOT / "examples" / "presenter.svg"
MOST_TABS = 150


@pytest.fixture(scope="module")
def live(data_folder: Path) -> Iterator[Site]:
    """A service that makes courses."""
    with served(data_folder) as site:
        site.server.wait_for(r"  Prefect   (\S+)")
        yield site


def test_by_fingers_on_a_phone_at_night(live: Site, visits: Visits, tmp_path: Path) -> None:
    photo = photographed(visits, tmp_path / "photo.png")
    page = visits.open(size="phone", has_touch=True, is_mobile=True, color_scheme="dark")
    page.goto(f"{live.url}/register")
    fill(page, "E-mail address", "tess@example.org")
    fill(page, "User name", "tess")
    fill(page, "Password", PASSWORD)
    if (terms := page.get_by_role("checkbox")).count():
        terms.tap()
    page.get_by_role("button", name="Open an account").tap()
    page.wait_for_url(f"{live.url}/")
    page.get_by_role("link", name="Make a course").first.tap()
    page.wait_for_url(f"{live.url}/create")
    good(page)
    page.get_by_role("link", name="Talking-head course").tap()
    page.wait_for_url(f"{live.url}/create/talking_head_course")
    following = page.get_by_role("button", name="Next")

    # The photo, with the consent of whom it shows
    page.locator("main input[type=file]").first.set_input_files(photo)
    fill(page, "Whose face or voice is it?", "Tess")
    page.get_by_label("This is me, or this person").tap()
    good(page)
    page.get_by_role("button", name="File the consent").tap()
    expect(page.get_by_text("Their consent is filed.")).to_be_visible()
    following.tap()

    # The notes, from a file
    page.get_by_role("button", name="From a file").tap()
    notes = tmp_path / "tides.md"
    notes.write_text(NOTES, "utf-8")
    page.locator("main input[type=file]").first.set_input_files(notes)
    expect(page.get_by_role("radio", name=re.compile("tides"))).to_be_checked()
    good(page)
    for _ in range(3):  # the voice, the look, the review
        following.tap()
        good(page)
    page.get_by_role("button", name="Start", exact=True).tap()

    # It is made, watched, heard and shared
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    good(page)
    page.get_by_role("link", name="Open the result").tap(timeout=90_000)
    page.wait_for_url(re.compile("/result$"))
    loaded = "(film) => film.readyState > 0 || new Promise((done) => (film.onloadedmetadata = done))"
    page.locator("video").evaluate(loaded)
    good(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name=re.compile(r"Download: .*\.zip")).tap()
    assert "imsmanifest.xml" in zipfile.ZipFile(saved.value.path()).namelist()
    page.get_by_role("button", name="Make a link").tap()
    shared = page.get_by_label("Address", exact=True).input_value()
    guest = visits.open(size="phone", has_touch=True, is_mobile=True, color_scheme="dark")
    guest.goto(shared)
    expect(guest.get_by_role("heading", name="tides")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(live.url)
    made = page.get_by_role("definition").filter(has_text=re.compile(r"^\d+ s$"))
    expect(made).to_be_visible()  # the length of the film


def test_by_a_keyboard_alone(live: Site, visits: Visits, tmp_path: Path) -> None:
    page = visits.open()
    page.on("filechooser", lambda _: None)  # Chromium is told to hand choosers over, which must not come too late below
    keys = page.keyboard
    page.goto(f"{live.url}/register")
    for label, text in (("E-mail address", "kim@example.org"), ("User name", "kim"), ("Password", PASSWORD)):
        reach(page, page.get_by_label(label, exact=True))
        keys.type(text)
    keys.press("Enter")
    page.wait_for_url(f"{live.url}/")
    press(page, page.get_by_role("link", name="Make a course").first)
    press(page, page.get_by_role("link", name="Audio lesson"))
    reach(page, page.get_by_role("textbox", name="Lesson notes"))
    keys.type(NOTES)
    press(page, page.get_by_role("button", name="Next"))
    heading = page.get_by_role("heading", level=2, name="Voice")
    expect(heading).to_be_focused()

    # A voice of one's own, by the file chooser that a key opens
    press(page, page.get_by_role("button", name="Back"))
    expect(page.get_by_role("textbox", name="Lesson notes")).to_contain_text(NOTES.splitlines()[1])
    press(page, page.get_by_role("button", name="From a file"))
    notes = tmp_path / "more.md"
    notes.write_text(NOTES, "utf-8")
    reach(page, page.locator("main input[type=file]:visible").first)
    with page.expect_file_chooser() as chooser:
        keys.press("Space")
    chooser.value.set_files(notes)
    expect(page.get_by_role("radio", name=re.compile("more"))).to_be_checked()
    for title in ("Voice", "Look", "Review"):
        press(page, page.get_by_role("button", name="Next"))
        expect(page.get_by_role("heading", level=2, name=title)).to_be_focused()
    press(page, page.get_by_role("button", name="Start", exact=True))
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    result = page.get_by_role("link", name="Open the result")
    result.wait_for(timeout=60_000)
    press(page, result)
    reach(page, page.get_by_role("button", name="Transcript"))
    keys.press("Enter")
    with page.expect_download():
        press(page, page.get_by_role("link", name=re.compile(r"^Download: ")).first)
    press(page, page.get_by_role("button", name="Make a link"))
    expect(page.get_by_label("Address", exact=True)).to_have_value(re.compile("/s/"))


def test_two_tabs_on_a_slow_network_begin_one_job(live: Site, visits: Visits) -> None:
    first = opened(visits, live, "two")
    first.goto(f"{live.url}/create/audio_lesson")
    first.get_by_role("textbox", name="Lesson notes").fill(NOTES)
    first.get_by_role("navigation", name="Steps").get_by_role("button", name="Review").click()
    first.get_by_label("Name of the course").fill("Twice")
    second = first.context.new_page()
    second.goto(first.url)
    expect(second.get_by_label("Name of the course")).to_have_value("Twice")
    for page in (first, second):
        network = page.context.new_cdp_session(page)
        conditions = {"offline": False, "latency": 900, "downloadThroughput": 50_000, "uploadThroughput": 20_000}
        network.send("Network.emulateNetworkConditions", conditions)
    for page in (first, second):
        page.get_by_role("button", name="Start", exact=True).dblclick(no_wait_after=True)
    for page in (first, second):
        page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    assert first.url == second.url
    second.get_by_role("link", name="Open the result").wait_for(timeout=90_000)


def test_the_service_is_killed_under_the_page_of_a_job_that_goes_on(live: Site, visits: Visits) -> None:
    visits.meant += ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE", "ERR_EMPTY", "status of 503"]
    page = opened(visits, live, "kay")
    page.goto(f"{live.url}/create/audio_lesson")
    page.get_by_role("textbox", name="Lesson notes").fill((ROOT / "examples" / "notes.md").read_text("utf-8"))
    page.get_by_role("navigation", name="Steps").get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    step = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Write the script"))
    step.get_by_text("Done").first.wait_for(timeout=60_000)
    live.server.kill()
    page.get_by_role("alert").filter(has_text="The service cannot be reached.").wait_for()
    live.server.start()
    page.get_by_role("link", name="Open the result").wait_for(timeout=90_000)
    expect(page.get_by_role("alert").filter(has_text="The service cannot be reached.")).to_be_hidden()


def test_a_job_runs_under_the_open_page_until_its_sound_can_be_heard(live: Site, visits: Visits) -> None:
    page = opened(visits, live, "flo")
    page.get_by_text("Your first course is a few minutes away").wait_for()
    asked = {"pipeline": "text_to_speech", "inputs": {"text": "Good morning."}, "title": "Good morning"}
    csrf = {each["name"]: each["value"] for each in page.context.cookies()}["coursewright_csrf"]
    assert page.request.post(f"{live.url}/api/jobs", data=asked, headers={"X-CSRF-Token": csrf}).ok
    page.get_by_role("link", name="Good morning").first.click()
    page.get_by_text("Finished").first.wait_for(timeout=60_000)
    sound = page.locator("audio")
    sound.wait_for()
    heard = sound.evaluate("async (media) => { media.muted = true; await media.play(); return media.duration; }")
    assert heard > 0.3


def test_the_pictures_of_the_readme_are_taken_on_the_way_and_are_those_it_shows(
    live: Site, visits: Visits, tmp_path: Path
) -> None:
    go(opened(visits, live, "lina"), live.url, tmp_path, NOTES)
    shown = ROOT / "docs" / "images"
    for name in PICTURES:
        with Image.open(tmp_path / f"{name}.jpg") as taken, Image.open(shown / f"{name}.jpg") as kept:
            assert taken.size == kept.size
            assert len(taken.convert("L").getcolors() or ()) > 50  # not an empty page
    readme = (ROOT / "README.md").read_text("utf-8")
    assert set(re.findall(r"docs/images/(\w+)\.jpg", readme)) == set(PICTURES)
    assert {path.stem for path in shown.iterdir()} == set(PICTURES)


def opened(visits: Visits, live: Site, name: str) -> Page:
    """A window of a person who has just registered."""
    page = visits.open()
    person = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    assert page.request.post(f"{live.url}/api/auth/register", data=person).ok
    log_in(page, live.url, person["email"])
    return page


def photographed(visits: Visits, path: Path) -> Path:
    """The drawn presenter as pixels, which need a consent as any photo."""
    page = visits.open()
    page.goto(PRESENTER.as_uri())
    page.screenshot(path=path)
    return path


def good(page: Page) -> None:
    """Nobody is kept out, and nothing sticks out."""
    assert faults(page) == [], page.url


def fill(page: Page, label: str, text: str) -> None:
    """Tap a field and type."""
    field = page.get_by_label(label, exact=True)
    field.tap()
    page.keyboard.type(text)
    expect(field).to_have_value(text)


def reach(page: Page, wanted: Locator) -> None:
    """Press the tabulator until it is focused, and can be seen to be."""
    wanted.wait_for()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(each) => each === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    shown = """(each) => [each, each.closest('label')].some((one) => one && ['', '::after'].some(
        (part) => getComputedStyle(one, part).outlineStyle !== 'none'))"""
    assert wanted.evaluate(shown), wanted


def press(page: Page, wanted: Locator) -> None:
    """Reach it, and press Enter."""
    reach(page, wanted)
    page.keyboard.press("Enter")
