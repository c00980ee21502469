"""Coming in, staying in, and losing nothing when the session or the service is gone for a while."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from web.tests.conftest import Known, Site, Visits, enter, log_in, served
from web.tests.seed import EMAIL, PASSWORD


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service that nobody has an account of, whose access tokens end soon."""
    with served(tmp_path_factory.mktemp("fresh") / "data", "--api-only", access_token_s="30") as site:
        yield site


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[name={name}]").first.fill(value)


def test_the_printed_link_makes_the_first_admin_who_opens_an_account_and_a_way_to_a_password(
    fresh: Site, visits: Visits
) -> None:
    link = fresh.server.wait_for(r"(http://\S+/setup#token=\S+)")
    page = visits.open()
    page.goto(link)
    assert "token" not in page.url  # neither history nor a glance holds it
    visits.meant += ["status of 422", "status of 401", "status of 403"]
    fill(page, email="eve@example.org", username="eve", password="password12")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#field-password-error")).to_be_visible()
    fill(page, password=PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(f"{fresh.url}/")
    page.get_by_text("Your first course is a few minutes away").wait_for()

    page.get_by_label("Account of eve").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{fresh.url}/login")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_text("Ask an admin of this service").wait_for()

    with httpx.Client(base_url=fresh.url) as api:
        login = api.post("/api/auth/login", json={"email": "eve@example.org", "password": PASSWORD}).json()
        headers = {"Authorization": f"Bearer {login['access_token']}"}
        person = {"email": "carol@example.org", "username": "carol"}
        invited = api.post("/api/admin/users", headers=headers, json=person).json()
    page.goto(invited["link"])
    fill(page, new_password="low tide at seven")
    page.get_by_role("button", name="Set the password").click()
    page.get_by_text("Your password is set.").wait_for()
    log_in(page, fresh.url, "carol@example.org", "low tide at seven")

    again = visits.open()
    again.goto(invited["link"])
    fill(again, new_password="low tide at eight")
    again.get_by_role("button", name="Set the password").click()
    expect(again.get_by_role("alert")).to_contain_text("used already")


def test_whoever_registers_is_in_and_sees_what_was_wrong_before(fresh: Site, visits: Visits) -> None:
    visits.meant += ["status of 422", "status of 409"]
    page = visits.open(size="phone")
    page.goto(f"{fresh.url}/register")
    page.get_by_role("button", name="Open an account").click()
    expect(page.locator("[name=email]")).to_be_focused()
    expect(page.locator("[name=email]")).to_have_attribute("aria-invalid", "true")
    fill(page, email="dan@example.org", username="dan", password="dan dan dan")
    page.get_by_role("button", name="Open an account").click()
    expect(page.locator("[name=password]")).to_be_focused()
    fill(page, password="correct horse battery")
    page.get_by_role("button", name="Open an account").click()
    page.get_by_role("heading", name="Hello, dan").wait_for()


def test_a_wrong_password_is_said_and_too_many_count_down(fresh: Site, visits: Visits) -> None:
    visits.meant += ["status of 401", "status of 429"]
    page = visits.open()
    page.goto(f"{fresh.url}/login")
    fill(page, email="nobody@example.org", password="not the password")
    button = page.get_by_role("button", name="Log in")
    for _ in range(40):
        with page.expect_response("**/api/auth/login") as answer:
            button.click()
        if answer.value.status == 429:
            break
        expect(page.get_by_role("alert")).to_be_visible()
    assert answer.value.status == 429
    expect(page.get_by_role("alert")).to_contain_text("tried too often")
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"in \d+ seconds?"))
    expect(button).to_be_disabled()


def test_a_page_leads_back_to_where_one_wanted_to_go_and_nowhere_else(site: Site, visits: Visits) -> None:
    page = visits.open()
    page.goto(f"{site.url}/jobs?status=failed")
    assert page.url == f"{site.url}/login?next=/jobs%3Fstatus%3Dfailed"
    fill(page, email=EMAIL, password=PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.url}/jobs?status=failed")
    for elsewhere in ("//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"):
        answer = page.request.get(f"{site.url}/login", params={"next": elsewhere}, max_redirects=0)
        assert (answer.status, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/nothing", "/jobs/00000000-0000-0000-0000-000000000000"])
def test_errors_are_pages_for_people_and_problems_for_programs(site: Site, known: Known, path: str) -> None:
    request = known().context.request
    page = request.get(site.url + path, headers={"Accept": "text/html,*/*"})
    assert page.status == 404
    assert "There is nothing here" in page.text()
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    for answer in (
        request.get(f"{site.url}/nothing", headers={"Accept": "application/json"}),
        request.get(f"{site.url}/api/nothing", headers={"Accept": "text/html"}),
    ):
        assert answer.headers["content-type"] == "application/problem+json"


def expire(page: Page) -> None:
    """Leave the browser with an access token that is good no more, as after ten minutes of silence."""
    cookies: Any = page.context.cookies()
    [access] = [each for each in cookies if each["name"] == "coursewright_access"]
    page.context.clear_cookies(name="coursewright_access")
    access["value"] = access["value"][:-4] + "AAAA"
    page.context.add_cookies([access])


def test_a_session_that_is_renewed_is_not_noticed(fresh: Site, visits: Visits) -> None:
    visits.meant.append("status of 401")
    page = visits.open()
    enter(page, fresh.url, "flo")
    page.goto(f"{fresh.url}/jobs")
    page.get_by_text("There are no jobs yet").wait_for()
    expire(page)
    with page.expect_response("**/api/auth/refresh") as answer:
        page.get_by_role("button", name="Failed").click()
    assert answer.value.ok
    page.get_by_text("No job is like that").wait_for()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_session_that_ended_takes_no_form_with_it(site: Site, visits: Visits) -> None:
    visits.meant.append("status of 401")
    page = visits.open()
    log_in(page, site.url)
    page.goto(f"{site.url}/jobs/{site.seeded.completed}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Rename").click()
    rename = page.get_by_role("dialog", name="Rename")
    rename.get_by_label("Title").fill("Good evening")
    page.context.clear_cookies()
    rename.get_by_role("button", name="Save").click()
    again = page.get_by_role("dialog", name="Log in again")
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Good evening").wait_for()
    expect(again).to_be_hidden()


def test_a_service_that_is_gone_is_told_of_and_comes_back_by_itself(
    tmp_path: Path, visits: Visits, fresh: Site
) -> None:
    visits.meant += ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE", "status of 401", "ERR_EMPTY"]
    page = visits.open()
    enter(page, fresh.url, "gil")
    page.goto(f"{fresh.url}/jobs")
    page.get_by_text("There are no jobs yet").wait_for()
    fresh.server.stop()
    page.get_by_label("Search in titles and descriptions").fill("tides")
    banner = page.get_by_role("alert").filter(has_text="The service cannot be reached.")
    expect(banner).to_be_visible()
    fresh.server.start()
    fresh.server.wait_for(r"is served at (\S+)")
    expect(banner).to_be_hidden(timeout=60_000)
    page.get_by_text("No job is like that").wait_for()
    expect(page.get_by_label("Search in titles and descriptions")).to_have_value("tides")
