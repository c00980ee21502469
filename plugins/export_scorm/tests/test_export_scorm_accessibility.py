"""The player's page for everybody: axe-core in each state, narrow screens, other languages."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coursewright.capabilities.compose import Film
from coursewright.capabilities.export import Package
from playwright.sync_api import expect

Visits = Callable[..., Any]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LONG = "Donau" * 40
RESUMED = {"suspend_data": "cw1;w=_8;c=1;r=1", "core": {"lesson_location": "film 6.5"}}


@pytest.fixture(scope="session")
def axe() -> str:
    return (Path(__file__).parent / "npm" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def violations(visit: Any, axe: str) -> list[str]:
    """What axe-core finds wrong: rule and place."""
    visit.course.evaluate(axe)
    found = visit.run(f"return (await axe.run(document, {{ runOnly: {TAGS} }})).violations;")
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_axe_finds_nothing_in_any_state(visit: Visits, axe: str, width: int, scheme: str) -> None:
    course = visit(known=RESUMED, viewport={"width": width, "height": 720}, color_scheme=scheme)
    assert violations(course, axe) == []  # the offer to continue
    course.course.locator("#resume-start").click()
    course.play(to_s=7)
    assert violations(course, axe) == []  # a current chapter and a current cue
    course.play()
    expect(course.course.locator("#watched")).to_have_text("Completed")
    assert violations(course, axe) == []
    course.course.locator("#exit").click()
    assert violations(course, axe) == []


def test_nothing_scrolls_sideways_at_320_pixels(
    visit: Visits, site: Any, film: Film, export: Callable[..., Package], opened: Callable[..., zipfile.ZipFile]
) -> None:
    scenes = [msgspec.structs.replace(scene, title=LONG) for scene in film.scenes]
    url = site.publish("long", opened(export(msgspec.structs.replace(film, scenes=scenes), LONG)))
    page = visit(url, lms=False, viewport={"width": 320, "height": 640})
    assert page.run("return document.documentElement.scrollWidth;") == 320
    lists = "return [...document.querySelectorAll('.rows')].map((list) => list.scrollWidth - list.clientWidth);"
    assert page.run(lists) == [0, 0]


@pytest.mark.parametrize(("touch", "least_px"), [(False, 24), (True, 44)])
def test_targets_are_large_enough(visit: Visits, touch: bool, least_px: int) -> None:
    page = visit(lms=False, viewport={"width": 390, "height": 844}, has_touch=touch, is_mobile=touch)
    page.play(to_s=1)
    sizes = page.run(
        """
        const targets = [...document.querySelectorAll("button, select, input")].filter((one) => one.checkVisibility());
        return targets.map((one) => [one.id || one.textContent, one.getBoundingClientRect()])
          .map(([name, box]) => [name, box.width, box.height]);
        """
    )
    assert len(sizes) > 10
    assert [size for size in sizes if min(size[1:]) < least_px] == []


@pytest.mark.parametrize(
    ("language", "direction", "play", "words_in"),
    [("de-AT", "ltr", "Abspielen", None), ("ar", "rtl", "Play", "en"), ("az-Arab", "rtl", "Play", "en")],
)
def test_the_page_speaks_the_language_of_the_course(
    visit: Visits,
    site: Any,
    film: Film,
    export: Callable[..., Package],
    opened: Callable[..., zipfile.ZipFile],
    language: str,
    direction: str,
    play: str,
    words_in: str | None,
) -> None:
    translated = msgspec.structs.replace(film, language=language)
    page = visit(site.publish(language, opened(export(translated, "شرح المد والجزر"))), lms=False).course
    root = page.locator("html")
    expect(root).to_have_attribute("lang", language)
    expect(root).to_have_attribute("dir", direction)
    expect(page.locator("#play")).to_have_attribute("aria-label", play)
    assert page.locator("#player").get_attribute("lang") == words_in
    expect(page.locator("track")).to_have_attribute("srclang", language)


def test_a_hostile_title_is_only_text(
    visit: Visits, site: Any, film: Film, export: Callable[..., Package], opened: Callable[..., zipfile.ZipFile]
) -> None:
    title = """</script><script>alert(1)</script><!-- <b>"'&amp; {{ 7 * 7 }} 🌊"""
    scenes = [msgspec.structs.replace(scene, title=title) for scene in film.scenes]
    url = site.publish("hostile", opened(export(msgspec.structs.replace(film, scenes=scenes), title)))
    course = visit(url).course
    expect(course.locator("h1")).to_have_text(title)
    assert course.title() == title
    assert course.locator("#chapters .name").all_text_contents() == [title] * 3


def test_nothing_moves_for_those_who_ask_for_it(visit: Visits) -> None:
    page = visit(lms=False, reduced_motion="reduce")
    assert page.run("return getComputedStyle(document.querySelector('.rows')).scrollBehavior;") == "auto"
