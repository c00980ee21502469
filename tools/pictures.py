"""The pictures of the README, taken of the running product: `make pictures` goes from set-up to a finished course.

On the way are the pages that people see: the wizard, the job that is being made, the result, the script.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tools.browser import chromium_browser
from tools.service import ROOT, served

PICTURES = ("wizard", "job", "result", "script", "phone")
EXAMPLES = ROOT / "examples"
_PASSWORD = "low tide at noon"  # noqa: S105  # of a service that lives for a minute
_DESKTOP: Any = {"width": 1280, "height": 800}
_PHONE: Any = {"width": 390, "height": 780}
_MAKING_S = 300
"""For a course of two minutes on a slow machine."""


def take(folder: Path, notes: str) -> None:
    """Start the service, become its admin, and go the whole way: `PICTURES` as `folder/<name>.jpg`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        served(Path(scratch)) as (server, url),
        chromium_browser() as browser,
    ):
        page = _window(browser, _DESKTOP)
        _set_up(page, server.wait_for(r"(http\S+/setup#token=\S+)"))
        go(page, url, folder, notes)


def go(page: Page, url: str, folder: Path, notes: str) -> None:
    """Make a course of these notes in a window of somebody who is logged in."""
    _give(page, url, notes, folder)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]+$"))
    _watch(page, folder)
    page.get_by_role("link", name="Open the result").click(timeout=_MAKING_S * 1000)
    _play(page)
    _keep(page, folder, "result")
    browser, state = page.context.browser, page.context.storage_state()
    assert browser is not None
    phone = _window(browser, _PHONE, storage_state=state, color_scheme="dark", is_mobile=True)
    phone.goto(page.url)
    _play(phone)
    _keep(phone, folder, "phone")
    phone.context.close()
    page.get_by_role("link", name="Edit the script").click()
    page.get_by_role("list", name="Scenes").wait_for()
    _keep(page, folder, "script")


def _window(browser: Browser, viewport: Any, **options: Any) -> Page:
    context = browser.new_context(viewport=viewport, locale="en", reduced_motion="reduce", **options)
    context.set_default_timeout(60_000)
    return context.new_page()


def _set_up(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("E-mail address").fill("lina@example.org")
    page.get_by_label("User name").fill("lina")
    page.get_by_label("Password", exact=True).fill(_PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile(r"/$"))


def _give(page: Page, url: str, notes: str, folder: Path) -> None:
    """Through the wizard up to its review."""
    following = page.get_by_role("button", name="Next")
    page.goto(f"{url}/create/talking_head_course")
    page.locator("main input[type=file]").first.set_input_files(EXAMPLES / "presenter.svg")
    page.get_by_role("radio", name="presenter").wait_for()
    following.click()
    page.get_by_role("textbox", name="Course notes").fill(notes)
    page.get_by_role("button", name="Write the script").click()
    page.get_by_role("list", name="Scenes").wait_for()
    page.evaluate("scrollTo(0, 0); document.querySelector('.notes').scrollTop = 0")
    _keep(page, folder, "wizard")
    while not page.get_by_role("button", name="Start", exact=True).is_visible():
        following.click()
    page.get_by_text("Estimating").wait_for(state="hidden")


def _watch(page: Page, folder: Path) -> None:
    """The job's page while its steps are at different points."""
    presenter = page.get_by_role("button", name=re.compile(r"Animate the presenter: [1-9]"))
    presenter.wait_for(timeout=_MAKING_S * 1000)
    _keep(page, folder, "job")


def _play(page: Page) -> None:
    """To a moment at which slide and presenter are seen."""
    page.locator("video").evaluate(
        """(film) => new Promise((done) => {
          const show = () => { film.oncanplaythrough = done; film.currentTime = Math.min(12, film.duration / 2); };
          film.readyState ? show() : (film.onloadedmetadata = show);
        })"""
    )
    page.wait_for_timeout(1000)  # for the controls to come to rest


def _keep(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"{name}.jpg", type="jpeg", quality=82)


if __name__ == "__main__":
    take(Path(sys.argv[1]), (EXAMPLES / "notes.md").read_text("utf-8"))
