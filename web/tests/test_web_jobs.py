"""Jobs as they happen: the page follows, survives a stream that fails, and offers the next step."""

from __future__ import annotations

import json
import sqlite3
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from coursewright_api.database import SQLITE_NAME
from playwright.sync_api import expect

from web.tests.conftest import Known, Site, Visits
from web.tests.seed import SCENES


def tell(site: Site, job: str, kind: str, **data: Any) -> None:
    """Write an event and what it tells of, as the mirror does; other processes' events are told within seconds."""
    with sqlite3.connect(site.data / SQLITE_NAME, timeout=30) as database:
        rows = database.execute("SELECT id, owner FROM job").fetchall()
        [(key, owner)] = [each for each in rows if uuid.UUID(each[0]) == uuid.UUID(job)]
        if kind == "job":
            database.execute(
                "UPDATE job SET progress = ?, message = ? WHERE id = ?", (data["progress"], data["message"], key)
            )
        database.execute(
            'INSERT INTO job_event ("job", "owner", "at", "type", "data") VALUES (?, ?, ?, ?, ?)',
            (key, owner, datetime.now(UTC).isoformat(sep=" "), kind, json.dumps({"job": job, **data})),
        )


def step(site: Site, **data: Any) -> None:
    common = {"step": "voice", "item": SCENES[2], "status": "running", "provider": "tts.espeak", "message": ""}
    tell(site, site.seeded.running, "step", **{**common, "progress": 0.5, "errors": [], "notices": [], **data})


def job(site: Site, **data: Any) -> None:
    common = {"status": "running", "title": "How tides work", "pipeline": "narrated_slides", "priority": "normal"}
    tell(site, site.seeded.running, "job", **{**common, "message": "", "attempt": 1, "cancelling": False, **data})


def test_the_page_follows_its_job(site: Site, known: Known) -> None:
    page = known()
    page.goto(f"{site.url}/jobs/{site.seeded.running}")
    page.get_by_text("2/3").wait_for()
    job(site, progress=0.62, message="speaking the last scene")
    step(site, status="done", progress=1.0)
    page.get_by_text("speaking the last scene").wait_for()
    page.get_by_text("62%").wait_for()
    page.get_by_text("3/3").wait_for()
    assert page.locator(".graph g[data-tone=good]").count() == 3
    expect(page).to_have_title("62% · How tides work · Coursewright")
    assert (page.locator("link[rel=icon]").get_attribute("href") or "").startswith("data:image/png")


def test_two_tabs_share_one_stream_and_the_other_goes_on_when_one_is_closed(site: Site, known: Known) -> None:
    first = known()
    streams: list[str] = []
    first.context.on("request", lambda request: streams.append(request.url) if "/api/events" in request.url else None)
    first.goto(f"{site.url}/jobs/{site.seeded.running}")
    first.get_by_text("speaking the").wait_for()
    second = first.context.new_page()
    second.goto(f"{site.url}/jobs")
    second.get_by_text("How tides work").first.wait_for()
    job(site, progress=0.71, message="composing the film")
    second.get_by_text("71%").wait_for()
    first.get_by_text("composing the film").wait_for()
    assert len(streams) == 1
    first.close()
    job(site, progress=0.83)
    second.get_by_text("83%").wait_for()
    assert len(streams) == 2


def test_without_a_stream_the_page_looks_by_itself(site: Site, known: Known, visits: Visits) -> None:
    visits.meant.append("ERR_FAILED")
    page = known()
    page.route("**/api/events*", lambda route: route.abort())
    page.goto(f"{site.url}/jobs/{site.seeded.running}")
    page.get_by_text("How tides work").first.wait_for()
    with page.expect_response(f"**/api/jobs/{site.seeded.running}"):
        pass


def test_a_failure_says_what_to_do_and_retries_just_that(site: Site, known: Known) -> None:
    page = known(size="phone")
    asked: list[Any] = []

    def answer(route: Any) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(status=202, json={**detail, "status": "pending", "failures": []})

    detail = page.request.get(f"{site.url}/api/jobs/{site.seeded.failed}").json()
    page.route("**/retry", answer)
    page.goto(f"{site.url}/jobs/{site.seeded.failed}")
    card = page.get_by_role("region", name="What went wrong")
    expect(card).to_contain_text("the narration has no words that can be spoken.")
    expect(card).to_contain_text("Write a sentence for this scene, then retry it.")
    card.get_by_text("In the provider’s own words").click()
    expect(card.get_by_text("espeak-ng: 0 phonemes")).to_be_visible()
    card.get_by_role("button", name="Retry this one").click()
    page.get_by_text("Waiting").first.wait_for()
    assert asked == [{"from_step": "voice", "item": SCENES[2]}]

    health = {"message": "", "remedy": ""}
    states = [{"id": "tts.openai", "state": "unreachable", **health}, {"id": "tts.piper", "state": "ready", **health}]
    page.route("**/api/generate/tts/status", lambda route: route.fulfill(json={"providers": states}))
    page.reload()
    card.get_by_role("button", name="With another provider").click()
    dialog = page.get_by_role("dialog", name="With another provider")
    expect(dialog.get_by_role("radio", name="tts.espeak")).to_have_count(0)
    expect(dialog.get_by_role("radio", name="tts.openai")).to_be_disabled()
    dialog.get_by_role("radio", name="tts.piper").check()
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog).to_be_hidden()
    assert asked[1:] == [{"from_step": "voice", "providers": {"voice": "tts.piper"}}]


def test_a_result_is_shared_and_the_link_taken_back(site: Site, known: Known) -> None:
    page = known()
    page.goto(f"{site.url}/jobs/{site.seeded.completed}")
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share the results")
    dialog.get_by_role("button", name="Make a link").click()
    address = dialog.get_by_label("Address").input_value()
    assert page.request.get(address).ok
    dialog.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog", name="Revoke this link?").get_by_role("button", name="Revoke").click()
    expect(dialog.get_by_label("Address")).to_have_count(0)
    assert page.request.get(address).status == 410


@pytest.fixture
def many(site: Site) -> list[str]:
    """Thirty more jobs that are over."""
    made = []
    with sqlite3.connect(site.data / SQLITE_NAME, timeout=30) as database:
        database.row_factory = sqlite3.Row
        row = dict(next(each for each in database.execute("SELECT * FROM job WHERE state = 'completed'")))
        for number in range(30):
            values = {**row, "id": str(uuid.uuid4()), "title": f"Lesson {number:02}", "state": "cancelled"}
            names = ", ".join(f'"{name}"' for name in values)
            marks = ", ".join("?" for _ in values)
            database.execute(f"INSERT INTO job ({names}) VALUES ({marks})", list(values.values()))
            made.append(values["id"])
    return made


def test_the_list_is_searched_paged_and_emptied_and_a_delete_is_undone(
    site: Site, known: Known, many: list[str]
) -> None:
    page = known()
    page.goto(f"{site.url}/jobs")
    page.get_by_role("button", name="Cancelled").click()
    rows = page.get_by_role("list", name="Jobs").get_by_role("listitem")
    expect(rows).to_have_count(25)
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(30)
    page.get_by_label("Search in titles and descriptions").fill("Lesson 1")
    expect(rows).to_have_count(10)
    assert "text=Lesson+1" in page.url
    page.get_by_label("Choose all").check()
    page.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(10)

    page.get_by_role("checkbox", name="Lesson 11").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("1 job deleted.").wait_for()
    page.goto(f"{site.url}/jobs?text=Lesson+1")  # leaving the page does what was not undone
    expect(rows).to_have_count(9)
