"""The browser that tests drive."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first is Chromium without its windows: the same pages for half the time of the processor."""
ARGUMENTS = ["--no-sandbox", "--mute-audio", "--disable-dev-shm-usage"]
ARGUMENTS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""The microphone is one that beeps; whoever has its permission is not asked again by windows that are not there."""


@contextlib.contextmanager
def chromium_browser() -> Iterator[Browser]:
    """The browser on PATH, or the one that Playwright installed; without any the test fails.

    Close it after each module: Playwright's event loop stays in its thread, and no other can run there.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        except Error as error:
            said = error.message.partition("\n")[0]
            pytest.fail(f"no browser starts: {said}\non Debian: apt install chromium-headless-shell", pytrace=False)
        with browser:
            yield browser
