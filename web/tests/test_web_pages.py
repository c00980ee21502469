"""Every page, at every size, by day and by night: nothing wrong with it for anybody, and nothing sticks out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coursewright_api.database.states import AssetType
from playwright.sync_api import Browser, Page, expect

from web.tests import spite
from web.tests.conftest import AXE, OPEN_PAGES, PAGES, SIZES, Known, Site, Visits, state_of
from web.tests.seed import EMAIL

LOOKED_AT = [(name, path, False) for name, path in OPEN_PAGES.items()] + [
    (name, path, True) for name, path in PAGES.items()
]
EXAMINED = {("desktop", "light"), ("phone", "dark")}
"""By all rules: each size and each theme once, since neither layout nor colours come from the other."""
SPITED = [
    *("/", "/jobs", "/jobs/{failed}", "/jobs/{running}", "/jobs/{completed}", "/jobs/{completed}/result"),
    *("/jobs/{failed}/script", "/settings", "/settings?tab=keys", "/admin", "/admin?tab=audit"),
    *(f"/assets?type={kind.value}" for kind in AssetType),
    "/create/narrated_slides?from={failed}",
]
"""Pages that show what a person, a model, a provider or a file has named."""
BIGGEST_FIRST_PAGE = 150_000
"""Bytes of script and style, as they are sent."""


def faults(page: Page, within: str = "html") -> list[str]:
    """What axe finds."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    run = "(within) => axe.run(within, { resultTypes: ['violations'] })"
    found: list[dict[str, Any]] = page.evaluate(run, within)["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def settled(page: Page, url: str) -> None:
    """Open a page; return when all that it fetches by itself is there."""
    page.goto(url)
    page.evaluate("document.fonts.ready")
    page.locator("[x-cloak]").first.wait_for(state="detached")
    page.locator("[role=status] .spin:visible").first.wait_for(state="hidden")


def wear(page: Page, theme: Any) -> None:
    """Change the theme; return when it is painted."""
    page.emulate_media(color_scheme=theme)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def look(page: Page, name: str) -> None:
    """Keep a picture, for somebody who wants to see it."""
    if folder := os.environ.get("COURSEWRIGHT_TEST_SCREENS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@dataclass(frozen=True)
class Windows:
    """Two that stay open, so that not every page is read from an empty cache."""

    visits: Visits
    outside: Page
    inside: Page


@pytest.fixture(scope="module")
def windows(site: Site, chromium: Browser) -> Iterator[Windows]:
    visits = Visits(chromium)
    yield Windows(visits, visits.open(), visits.open(storage_state=state_of(visits, site, EMAIL)))
    visits.close()


@pytest.mark.parametrize(("name", "path", "inside"), LOOKED_AT, ids=[each[0] for each in LOOKED_AT])
def test_a_page_is_good_for_everybody(site: Site, windows: Windows, name: str, path: str, inside: bool) -> None:
    windows.visits.meant[:] = ["status of 404"] if name == "not-found" else []
    path = path.format(**msgspec.structs.asdict(site.seeded))
    page = windows.inside if inside else windows.outside
    page.set_viewport_size({"width": 1280, "height": 800})
    if page.url.partition("#")[0] == f"{site.url}{path}".partition("#")[0]:
        page.goto("about:blank")  # what differs by its fragment alone is another page here
    settled(page, site.url + path)
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            wear(page, theme)
            if (size, theme) in EXAMINED:
                assert faults(page) == [], (size, theme)
            look(page, f"{name}-{size}-{theme}")
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    small = page.evaluate(
        """[...document.querySelectorAll('button, .button, select, input, .place, [role=tab]')]
          .filter((each) => each.checkVisibility() && !each.closest('label.tick'))
          .map((each) => [each.getBoundingClientRect().height, each.outerHTML.slice(0, 120)])
          .filter(([height]) => height > 0 && height < 44)"""
    )
    assert small == []
    windows.visits.check()


def test_a_page_speaks_german_when_the_browser_or_the_person_wants_it(site: Site, visits: Visits) -> None:
    page = visits.open(locale="de-AT")
    page.goto(f"{site.url}/login")
    assert page.get_by_role("heading").inner_text() == "Anmelden"
    look(page, "login-german")
    visits.meant += ["status of 401", "status of 409"]
    page.locator("[name=email]").fill("nobody@example.org")
    page.locator("[name=password]").fill("low tide at noon")
    page.locator("form button[type=submit]").click()
    page.get_by_text("Die E-Mail-Adresse oder das Passwort ist falsch.").wait_for()
    page.goto(f"{site.url}/register")
    for name, value in {"email": "nobody@example.org", "username": "ada", "password": "low tide at noon"}.items():
        page.locator(f"[name={name}]").first.fill(value)
    page.locator("form button[type=submit]").click()
    page.get_by_text("Der Benutzername „ada“ ist vergeben").wait_for()
    visits.meant.append("status of 404")
    page.goto(f"{site.url}/s/nothing")
    page.get_by_role("heading", name="Diesen Link gibt es nicht").wait_for()
    assert page.locator("html").get_attribute("lang") == "de"
    page.goto(f"{site.url}/login")
    page.get_by_label("Sprache").select_option("en")
    page.get_by_role("heading", name="Log in").wait_for()
    assert page.locator("html").get_attribute("lang") == "en"


def test_scripts_speak_the_language_of_the_page(site: Site, known: Known) -> None:
    page = known(locale="de")
    settled(page, f"{site.url}/jobs/{site.seeded.running}")
    page.get_by_text("Läuft").first.wait_for()
    assert "noch etwa" in page.locator("main").inner_text()
    page.get_by_text("llm.outline ist kein Modell: Das Skript sind Ihre Notizen").wait_for()
    page.get_by_text("llm.openai: Für die Texte gelten die Bedingungen").wait_for()
    look(page, "job-german")
    page.goto(f"{site.url}/assets")
    broken: Any = {"name": "kaputt.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\nnothing"}
    page.locator("main input[type=file], header input[type=file]").first.set_input_files(broken)
    page.get_by_text("Das PDF ist beschädigt; speichern Sie die Datei dort neu").first.wait_for()
    look(page, "files-german")
    settled(page, f"{site.url}/create/narrated_slides")
    page.get_by_role("heading", name="Vertonte Folien").wait_for()
    assert "Notizen zum Kurs" in page.locator("main").inner_text()
    settled(page, f"{site.url}/providers")
    provider = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="llm.openai"))
    for words in ("Skripte von jedem Server", "Der fertige Prompt mit", "Für die Texte gelten", "Leer: das erste"):
        expect(provider.get_by_text(words)).to_be_attached()
    expect(provider.get_by_text(re.compile("^Der Chat-Server unter .* läuft dort nicht"))).to_be_visible()


def test_the_chosen_theme_and_sidebar_are_there_from_the_first_line(site: Site, known: Known) -> None:
    page = known(color_scheme="light")
    settled(page, site.url)
    page.get_by_label("Account of ada").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Wide sidebar").click()
    html = page.request.get(site.url, headers={"Accept": "text/html"}).text()
    assert 'data-theme="dark"' in html
    assert 'data-sidebar="narrow"' in html
    look(page, "dashboard-narrow")
    assert faults(page) == []


def test_what_people_write_is_shown_and_never_run(site: Site, visits: Visits, known: Known) -> None:
    visits.meant += ["status of 415", "status of 404"]  # a sound that is none, a file that is gone
    assert site.seeded.spited
    page = known(spite.EMAIL)
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    for path in SPITED:
        settled(page, site.url + path.format(**msgspec.structs.asdict(site.seeded.spited)))
        page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
        page.evaluate("document.querySelectorAll('main [data-step]').forEach((each) => each.click())")
        typed = "[...main.querySelectorAll('input, textarea')].map((field) => field.value)"
        for _ in range(200):  # lists may come a moment later
            shown = page.locator("main").evaluate(f"(main) => main.innerText + {typed}")
            if "onerror=alert(1)" in shown:
                break
            page.wait_for_timeout(50)
        assert "onerror=alert(1)" in shown, path
        assert page.locator("img[src=x]").count() == 0, path
        assert "49" not in page.title()


def test_the_first_page_is_small_and_everything_is_kept_for_ever(site: Site, visits: Visits) -> None:
    sizes: dict[str, int] = {}
    kept: set[str] = set()
    page = visits.open()

    def measure(response: Any) -> None:
        if "/static/" in response.url:
            sizes[response.url] = response.request.sizes()["responseBodySize"]
            kept.add(response.headers["cache-control"])

    page.on("requestfinished", lambda request: measure(request.response()))
    settled(page, f"{site.url}/login")
    assert kept == {"public, max-age=31536000, immutable"}
    loaded = {url: size for url, size in sizes.items() if url.endswith((".js", ".css"))}
    assert len(loaded) >= 3
    assert sum(loaded.values()) < BIGGEST_FIRST_PAGE


def test_the_keyboard_reaches_everything_in_the_menu(site: Site, known: Known) -> None:
    page = known()
    settled(page, site.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.get_by_label("Account of ada").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Light", exact=True).wait_for()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.innerText.trim()") == "Log out"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.ariaLabel") == "Account of ada"
