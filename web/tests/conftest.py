"""A real service with people and jobs in it, and a real browser whose every complaint is a failure."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from coursewright.settings import Settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tools import service
from tools.browser import chromium_browser
from tools.processes import Server
from web.tests.seed import EMAIL, PASSWORD, Seeded, seed

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "web" / "tests" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
OPEN_PAGES = {
    "login": "/login",
    "register": "/register",
    "setup": "/setup#token=x",
    "setup-without": "/setup",
    "password": "/password#token=x",
    "forgot": "/forgot",
    "not-found": "/nothing",
}
PAGES = {
    "dashboard": "/",
    "jobs": "/jobs",
    "jobs-none": "/jobs?text=nothing-is-called-so",
    "job-running": "/jobs/{running}",
    "job-failed": "/jobs/{failed}",
    "job-completed": "/jobs/{completed}",
    "create": "/create",
    "create-photo": "/create/talking_head_course",
    "create-script": "/create/talking_head_course#script",
    "create-voice": "/create/voice_clone#voice",
    "assets": "/assets",
    "assets-voices": "/assets?type=voice_sample",
    "assets-results": "/assets?type=result",
    "script": "/jobs/{failed}/script",
    "result": "/jobs/{completed}/result",
    "settings": "/settings",
    "settings-security": "/settings?tab=security",
    "settings-keys": "/settings?tab=keys",
    "settings-usage": "/settings?tab=usage",
    "admin": "/admin",
    "admin-audit": "/admin?tab=audit",
    "admin-storage": "/admin?tab=storage",
    "providers": "/providers",
    "pipelines": "/pipelines",
    "pipeline": "/pipelines/narrated_slides",
    "pipeline-edit": "/pipelines/narrated_slides/edit",
    "pipeline-new": "/pipelines/-/new",
}
"""By the names of their pictures; `{…}` stands for the id of a job of `seed.py`. Every page belongs here."""
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


expect.set_options(timeout=30_000)  # for a busy machine; what is waited for takes a moment


@dataclass
class Site:
    """A running service."""

    server: Server
    url: str
    seeded: Seeded
    data: Path
    states: dict[str, Any] = field(default_factory=dict)
    """Cookies of those who have logged in, by address."""


@contextlib.contextmanager
def served(data: Path, *arguments: str, seeded: Seeded | None = None, **settings: str) -> Iterator[Site]:
    """`coursewright serve` on that data folder, at a port that stays when it is started again."""
    with service.served(data, *arguments, **settings) as (server, url):
        yield Site(server, url, seeded or Seeded(), data)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service with what `seed.py` puts there, and no Prefect server: nothing changes but by the tests."""
    data = tmp_path_factory.mktemp("site") / "data"
    with ThreadPoolExecutor(1) as pool:  # Playwright's loop runs in this one
        seeded = pool.submit(lambda: asyncio.run(seed(Settings(data_dir=data)))).result()
    with served(data, "--api-only", seeded=seeded) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


class Visits:
    """Opens browsers' windows, and keeps what their pages complain of."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.meant: list[str] = []
        """Parts of complaints that a test brings about on purpose."""

    def open(self, *, size: str = "desktop", **options: Any) -> Page:
        width, height = SIZES[size]
        still = {"reduced_motion": "reduce", "locale": "en"}  # what moves takes the time of what is tested beside it
        options = {"viewport": {"width": width, "height": height}, **still, **options}
        context = self._chromium.new_context(**options)
        self._contexts.append(context)
        context.set_default_timeout(30_000)
        context.on("page", self._listen)
        return context.new_page()

    def _listen(self, page: Page) -> None:
        def hear(text: str) -> None:
            self.complaints.append(f"{page.url}: {text}")

        page.on("console", lambda message: hear(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: hear(str(error)))

    def check(self) -> None:
        """Nothing was complained of since the last time."""
        found = [each for each in self.complaints if not any(part in each for part in self.meant)]
        self.complaints.clear()
        assert found == []

    def close(self, *, check: bool = True) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        if check:
            self.check()


@pytest.fixture
def visits(chromium: Browser) -> Iterator[Visits]:
    found = Visits(chromium)
    yield found
    found.close()


def log_in(page: Page, url: str, email: str = EMAIL, password: str = PASSWORD) -> None:
    """By the page, as people do."""
    page.goto(f"{url}/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{url}/")


def enter(page: Page, url: str, name: str) -> None:
    """As a person of that name, who has an account from then on; without the pages for it, which take their time."""
    known = {"email": f"{name}@example.org", "password": PASSWORD}
    page.request.post(f"{url}/api/auth/register", data={**known, "username": name})
    answer = page.request.post(f"{url}/api/auth/login", data={**known, "cookies": True})
    assert answer.ok, answer.text()


Known = Callable[..., Page]


@pytest.fixture
def known(site: Site, visits: Visits) -> Known:
    """`known(size="phone")`: a window of the seeded person, who is logged in."""

    return lambda email=EMAIL, **options: visits.open(storage_state=state_of(visits, site, email), **options)


def state_of(visits: Visits, site: Site, email: str) -> Any:
    """The cookies of a person, who logs in for the first of them."""
    if email not in site.states:
        page = visits.open()
        log_in(page, site.url, email)
        site.states[email] = page.context.storage_state()
        page.context.close()
    return site.states[email]
