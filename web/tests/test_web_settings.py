"""Settings of a person, and what admins and everybody see of the service."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from web.tests.conftest import Known, Site, Visits, log_in
from web.tests.seed import PASSWORD
from web.tests.spite import SPITEFUL


def opened(site: Site, name: str) -> str:
    """An account of somebody new; their address."""
    person = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    httpx.post(f"{site.url}/api/auth/register", json=person).raise_for_status()
    return person["email"]


def in_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_a_name_is_shown_and_never_run_and_another_address_needs_the_password(site: Site, visits: Visits) -> None:
    visits.meant.append("status of 422")
    page = visits.open()
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    log_in(page, site.url, opened(site, "nora"))
    page.goto(f"{site.url}/settings")
    expect(page.get_by_label("User name")).to_have_value("nora")
    page.locator("#field-full_name").fill(SPITEFUL)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_label("E-mail address").first.fill("nora@example.com")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#field-password")).to_be_focused()
    page.locator("#field-password").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#field-password")).to_be_hidden()
    page.reload()
    expect(page.locator("#field-full_name")).to_have_value(SPITEFUL)
    expect(page.get_by_label("E-mail address").first).to_have_value("nora@example.com")


def test_another_password_ends_the_other_sessions(site: Site, visits: Visits) -> None:
    visits.meant += ["status of 422", "status of 401"]
    page, other = visits.open(), visits.open()
    email = opened(site, "otto")
    log_in(page, site.url, email)
    log_in(other, site.url, email)
    page.goto(f"{site.url}/settings?tab=security")
    sessions = page.get_by_role("list", name="Sessions").get_by_role("listitem")
    expect(sessions).to_have_count(2)
    page.locator("#field-current_password").fill("not the password")
    page.locator("#field-new_password").fill("low tide at seven")
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("#field-current_password")).to_have_attribute("aria-invalid", "true")
    page.locator("#field-current_password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    page.get_by_text("all other sessions have ended").wait_for()
    expect(sessions).to_have_count(1)
    other.goto(f"{site.url}/jobs")
    other.wait_for_url(f"{site.url}/login**")


def test_a_key_is_shown_once_works_and_is_revoked(site: Site, visits: Visits) -> None:
    visits.meant.append("status of 422")
    page = visits.open()
    log_in(page, site.url, opened(site, "paul"))
    page.goto(f"{site.url}/settings?tab=keys")
    page.get_by_role("button", name="Make a key").first.click()
    dialog = page.get_by_role("dialog", name="Make an API key")
    expect(dialog.get_by_label("Administer the service")).to_have_count(0)
    dialog.get_by_label("Name").fill("<b>nightly</b>")
    dialog.get_by_label("Look").uncheck()
    dialog.get_by_role("button", name="Make the key").click()
    expect(dialog.locator("fieldset .text-bad")).to_be_visible()
    dialog.get_by_label("Look").check()
    dialog.get_by_role("button", name="Make the key").click()
    shown = dialog.get_by_label("The key")
    expect(shown).to_be_visible()
    headers = {"Authorization": f"Bearer {shown.input_value()}"}
    assert httpx.get(f"{site.url}/api/auth/profile", headers=headers).json()["username"] == "paul"
    dialog.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Revoke: <b>nightly</b>").click()
    page.get_by_role("dialog", name="Revoke “<b>nightly</b>”?").get_by_role("button", name="Revoke").click()
    page.get_by_text("There are no keys").wait_for()
    assert httpx.get(f"{site.url}/api/auth/profile", headers=headers).status_code == 401


def test_an_admin_disables_somebody_and_hands_on_a_link(site: Site, known: Known, visits: Visits) -> None:
    visits.meant.append("status of 401")
    email = opened(site, "quinn")
    theirs = visits.open()
    log_in(theirs, site.url, email)
    page = known()
    page.goto(f"{site.url}/admin")
    page.get_by_label("Search for names and addresses").fill("quinn@")
    people = page.get_by_role("list", name="Users").get_by_role("listitem")
    expect(people).to_have_count(1)
    page.get_by_role("button", name="Disable: quinn").click()
    page.get_by_role("dialog", name="Disable the account of quinn?").get_by_role("button", name="Disable").click()
    expect(people.get_by_text("Disabled")).to_be_visible()
    theirs.goto(f"{site.url}/jobs")
    theirs.wait_for_url(f"{site.url}/login**")
    page.get_by_role("button", name="Enable: quinn").click()
    page.get_by_role("button", name="Link for a new password: quinn").click()
    link = page.get_by_role("dialog", name="A link to hand on")
    assert "/password#token=" in link.get_by_label("The link").input_value()
    link.get_by_role("button", name="Done").click()
    page.get_by_label("Role: quinn").select_option("designer")
    page.get_by_text("quinn is Designer now.").wait_for()
    in_tab(page, "Audit log")
    page.get_by_label("What happened").select_option("user_disabled")
    log = page.get_by_role("list", name="Audit log").get_by_role("listitem")
    expect(log).to_have_count(1)
    expect(log).to_contain_text("quinn")
    assert page.url.endswith("?tab=audit")


def test_without_prefect_the_page_says_so_and_others_may_not_look(site: Site, known: Known, visits: Visits) -> None:
    visits.meant += ["status of 503", "status of 403"]
    page = known()
    page.goto(f"{site.url}/admin?tab=workers")
    page.get_by_text("Prefect does not answer").wait_for()
    page.get_by_role("button", name="Begin a test run").click()
    page.locator("[aria-live] .badge").filter(has_text="Prefect").wait_for()
    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_hidden()
    author = visits.open()
    log_in(author, site.url, opened(site, "rosa"))
    author.goto(f"{site.url}/admin")
    assert "not" in author.locator("h1").inner_text()
    expect(author.get_by_role("link", name="Admin")).to_have_count(0)


def test_a_provider_is_tested_and_what_it_says_stays_text(site: Site, known: Known) -> None:
    page = known()
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    answer = {"provider": "tts.espeak", "available": False, "state": "unreachable", "remedy": "", "took_s": 0.1}
    page.route("**/api/generate/tts/validate*", lambda route: route.fulfill(json={**answer, "message": SPITEFUL}))
    page.goto(f"{site.url}/providers")
    page.get_by_role("button", name="Test: tts.espeak").click()
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="tts.espeak"))
    card.get_by_text("It cannot serve now.").wait_for()
    expect(card.get_by_text("onerror=alert(1)")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
