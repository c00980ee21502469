"""Choices from many: by a part of a name, by keyboard and by pointer."""

from __future__ import annotations

from playwright.sync_api import expect

from web.tests.conftest import Known, Site
from web.tests.test_web_pages import faults, wear


def test_a_language_is_found_by_its_name_in_any_form(site: Site, known: Known) -> None:
    page = known()
    page.goto(f"{site.url}/create/narrated_slides#look")
    field = page.get_by_role("combobox", name="Language")
    expect(field).to_have_value("English")
    options = page.get_by_role("listbox", name="Language").get_by_role("option")
    field.click()
    expect(options.filter(has_text="Welsh")).to_be_attached()
    expect(page.get_by_role("option", selected=True)).to_have_text("English")
    assert faults(page) == []
    wear(page, "dark")
    assert faults(page) == []
    field.fill("deut")  # as it calls itself
    expect(options.first).to_have_text("German")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "field-language-option-1")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(field).to_have_value("German")
    expect(options).to_have_count(0)
    field.fill("xx-")
    expect(page.get_by_text("Nothing is called like that.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_have_value("German")
    field.fill("pt-AO")  # not in the list, but a language
    page.keyboard.press("Enter")
    expect(field).to_have_value("Portuguese (Angola)")
    field.fill("swahili")
    page.keyboard.press("Tab")
    expect(field).to_have_value("Swahili")
    field.fill("no such")
    page.keyboard.press("Tab")
    expect(field).to_have_value("Swahili")
    page.reload()
    expect(field).to_have_value("Swahili")


def test_the_log_is_narrowed_to_one_person(site: Site, known: Known) -> None:
    page = known(size="phone")
    page.goto(f"{site.url}/admin?tab=audit")
    field = page.get_by_role("combobox", name="Who did it")
    expect(field).to_have_value("All")
    field.click()
    person = page.get_by_role("listbox", name="Who did it").get_by_role("option").nth(1)
    name = person.inner_text()
    with page.expect_request(lambda request: "actor=" in request.url):
        person.click()
    expect(field).to_have_value(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
