"""What pages show on the way: steps, errors, dialogs, menus and outages, each as good for everybody as a page."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from coursewright.settings import Settings
from coursewright.store import open_store
from coursewright_api.problems import ApiError, respond
from coursewright_web.rendering import Renderer
from litestar.testing import RequestFactory
from playwright.sync_api import Locator, Page, Route, expect

from web.tests.conftest import SIZES, Known, Site, Visits, enter
from web.tests.seed import tone
from web.tests.test_web_files import NOTES, bring, picture
from web.tests.test_web_pages import EXAMINED, faults, settled, wear

DIALOG = "dialog[open]"
TURNS = itertools.cycle(sorted(EXAMINED))
SAID = "The sea rises twice a day, and falls again."


def good(page: Page, within: str = "main") -> None:
    """Nobody is kept out by what is shown there; and nothing sticks out of a small screen.

    By day and by night in turn: what states are made of is on the pages, too, which are looked at in both.
    """
    size, theme = next(TURNS)
    resize(page, *SIZES[size])
    wear(page, theme)
    assert faults(page, within) == [], (size, theme)
    resize(page, 320, 700)
    assert page.evaluate(STICKING) == []
    resize(page, *SIZES["desktop"])


STICKING = """() => [document.documentElement, ...document.querySelectorAll('dialog[open], .menu, .toasts')]
  .filter((each) => each.checkVisibility())
  .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.getBoundingClientRect().right > 320)
  .map((each) => each.outerHTML.slice(0, 200))"""


def resize(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})


@contextlib.contextmanager
def dialog(page: Page, opener: Locator, name: str, back: Locator | None = None) -> Iterator[Locator]:
    """A dialog that this opens: it takes the focus, is good, and gives the focus back when Escape closes it."""
    opener.press("Enter")
    found = page.get_by_role("dialog", name=name)
    expect(found).to_be_visible()
    assert found.evaluate("(each) => each.contains(document.activeElement)")
    good(page, DIALOG)
    yield found
    page.keyboard.press("Escape")
    expect(found).to_be_hidden()
    expect(back or opener).to_be_focused()


def refuse(page: Page, path: str, status: int, detail: str, **more: Any) -> None:
    """Let the service answer so, once, as it says what is wrong."""
    title, code = HTTPStatus(status).phrase, HTTPStatus(status).phrase.lower().replace(" ", "_")
    problem = {"type": f"urn:coursewright:problem:{code}", "title": title, "status": status, "code": code}
    headers = {"Retry-After": "9"} if status == 429 else {}
    answer = {**problem, "detail": detail, **more}
    page.route(
        path,
        lambda route: route.fulfill(
            status=status, json=answer, headers={**headers, "Content-Type": "application/problem+json"}
        ),
        times=1,
    )


def page_of(site: Site, error: ApiError) -> str:
    """What the service shows instead of a page, when it is asked for one."""
    renderer = Renderer(open_store(Settings(data_dir=site.data)))
    return renderer.error(RequestFactory().get("/"), respond(error)).content


def previewed(page: Page, ends: dict[str, dict[str, Any]]) -> None:
    """Let previews be so, by the step that they are of; no worker is here."""

    def answer(route: Route) -> None:
        path = route.request.url.partition("/api/jobs")[2].strip("/")
        if route.request.method == "POST" and not path:
            wanted: Any = route.request.post_data_json
            return route.fulfill(status=201, json={"id": wanted["until"]})
        step = path.partition("/")[0]
        if step not in ends:
            return route.continue_()
        job = {"id": step, "status": "completed", "progress": 1, "message": "", "failures": []}
        files = [{"output": step, "media_type": "audio/wav", "link": {"url": "/made.wav"}}]
        results = {"values": {}, "files": files}
        return route.fulfill(json={**(results if path.endswith("results") else job), **ends[step]})

    page.route(re.compile("/api/jobs(/[a-z]+)?(/results|/cancel)?$"), answer)
    page.route("**/made.wav", lambda route: route.fulfill(body=tone(), content_type="audio/wav"))


def test_a_wizard_at_each_of_its_steps(site: Site, visits: Visits) -> None:
    visits.meant += ["status of 422", "status of 503"]
    page = visits.open(base_url=site.url)
    enter(page, site.url, "lou")
    scene = {"title": "The tide", "narration": SAID, "bullets": ["Twice a day"], "duration_s": 4}
    script = {"title": "The tide", "language": "en", "scenes": [{**scene, "id": str(number)} for number in range(9)]}
    refusal = {"provider": "slides.typst", "message": "the slide cannot be drawn", "remedy": "try again"}
    failed = {"status": "failed", "failures": [{"refusals": [refusal]}]}
    ends: dict[str, Any] = {"script": {"values": {"script": script}}, "voice": {"status": "running"}, "slides": failed}
    previewed(page, ends)
    page.goto("/create/talking_head_course")
    following = page.get_by_role("button", name="Next")
    steps = page.get_by_role("navigation", name="Steps")

    # The photo, and the consent of whom it shows
    page.locator("main input[type=file]").first.set_input_files(
        {"name": "lou.png", "mimeType": "image/png", "buffer": picture()}
    )
    agree = page.get_by_role("button", name="File the consent")
    agree.click()
    expect(page.get_by_text("Say whose face or voice it is.")).to_be_visible()
    following.click()
    expect(page.get_by_text("The person has to agree first.")).to_be_visible()
    good(page)
    page.get_by_role("radio", name="Without").check()

    # The notes: none, a topic that nobody here can write of, all that can be said besides, the script
    following.click()
    following.click()
    expect(page.get_by_text("Write something, or choose a file.")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="From a topic").click()
    following.click()
    expect(page.get_by_text("This is needed.")).to_be_visible()
    expect(page.get_by_text("llm.outline is no model").first).to_be_visible()
    good(page)
    with dialog(page, page.get_by_role("button", name="Choose another"), "Who does it?"):
        pass
    page.get_by_role("button", name="From a file").click()
    page.locator("main input[type=file]:visible").first.set_input_files(
        {"name": "tides.md", "mimeType": "text/markdown", "buffer": NOTES}
    )
    expect(page.get_by_role("radio", name=re.compile("tides"))).to_be_checked()
    page.get_by_label("Length").fill("99")
    following.click()
    expect(page.get_by_text("At most 60.")).to_be_visible()
    page.get_by_label("Length").fill("2")
    page.get_by_role("button", name="Write the script").click()
    expect(page.get_by_role("list", name="Scenes").get_by_role("listitem")).to_have_count(9)
    page.get_by_label("Audience").fill("Pupils")  # which it was not made for
    expect(page.get_by_text("You have changed something since")).to_be_visible()
    good(page)

    # The voice that is heard, the slide that is not made, the review
    following.click()
    page.get_by_text("Record your voice now").click()
    page.get_by_role("button", name="Hear it").click()
    expect(page.get_by_role("progressbar", name="How it sounds")).to_be_visible()
    good(page)
    page.get_by_role("region", name="How it sounds").get_by_role("button", name="Cancel").click()
    ends["voice"] = {}
    page.get_by_role("button", name="Hear it").click()
    expect(page.get_by_role("region", name="How it sounds").locator("audio")).to_be_visible()
    good(page)
    following.click()
    page.get_by_role("button", name="See a slide").click()
    expect(page.get_by_text("The slide cannot be drawn.")).to_be_visible()
    spoken = page.get_by_role("combobox", name="Language")
    spoken.fill("e")
    expect(page.get_by_role("listbox")).to_be_visible()
    good(page)
    spoken.press("Enter")
    fault = {"pointer": "/inputs/language", "code": "invalid", "message": "is no language tag"}
    refuse(page, "**/api/jobs/estimate", 422, "the input 'language' is no language tag", errors=[fault])
    following.click()
    expect(page.get_by_text("Is no language tag.")).to_be_visible()
    good(page)
    steps.get_by_role("button", name="Review").click()
    expect(page.get_by_role("region", name="What it takes")).to_contain_text("Nothing leaves this machine")
    refuse(page, "**/api/jobs", 503, "Prefect does not answer", remedy="try again in a few seconds")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Prefect does not answer.")).to_be_visible()
    good(page)

    # What has to be given, and is not
    page.goto("/create/voice_clone")
    following.click()
    expect(page.get_by_text("This is needed.")).to_be_visible()
    good(page)
    page.get_by_role("textbox").first.fill(SAID)
    following.click()
    following.click()
    expect(page.get_by_text("Choose one, or add one.")).to_be_visible()
    good(page)


def test_the_dialogs_and_the_menu_of_a_job(site: Site, known: Known, visits: Visits) -> None:
    visits.meant += ["status of 401", "status of 422"]
    page = known(base_url=site.url)
    settled(page, f"/jobs/{site.seeded.completed}")
    more = page.get_by_role("button", name="More", exact=True)
    more.press("Enter")
    expect(page.get_by_role("button", name="Rename")).to_be_focused()
    good(page)
    with dialog(page, page.get_by_role("button", name="Rename"), "Rename", more) as rename:
        rename.get_by_label("Title").fill("")
        rename.get_by_role("button", name="Save").click()
        expect(rename.get_by_label("Title")).to_have_attribute("aria-invalid", "true")
        good(page, DIALOG)
    more.press("Enter")
    with dialog(page, page.get_by_role("button", name="Delete"), "Delete this job?", more) as sure:
        expect(sure.get_by_role("button", name="No")).to_be_focused()
    with dialog(page, page.get_by_role("button", name="Share"), "Share the results") as share:
        share.get_by_role("button", name="Make a link").click()
        expect(share.get_by_label("Address")).to_be_visible()
        share.get_by_label("Messages").get_by_role("button", name="Close").click()  # over the dialog, not below it
        good(page, DIALOG)
        revoke = share.get_by_role("button", name="Revoke")
        with dialog(page, revoke, "Revoke this link?"):
            pass
        revoke.click()
        page.get_by_role("dialog", name="Revoke this link?").get_by_role("button", name="Revoke").click()
        expect(share.get_by_label("Address")).to_have_count(0)
    account = page.get_by_label("Account of ada")
    account.press("Enter")
    good(page, ".menu:not([x-cloak])")
    page.keyboard.press("Escape")
    expect(account).to_be_focused()

    # The session ends over an open dialog
    page.context.clear_cookies()
    again = page.get_by_role("dialog", name="Log in again")
    page.get_by_role("button", name="Share").press("Enter")
    expect(again).to_be_visible()
    again.get_by_label("Password").fill("not the password")
    again.get_by_role("button", name="Log in").click()
    expect(again.get_by_role("alert")).to_be_visible()
    good(page, "#login-again")
    page.keyboard.press("Escape")
    expect(again).to_be_hidden()


def test_a_job_that_failed_with_all_that_can_be_opened(site: Site, known: Known) -> None:
    page = known(base_url=site.url)
    settled(page, f"/jobs/{site.seeded.failed}")
    page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
    page.evaluate("document.querySelectorAll('main [data-step]').forEach((each) => each.click())")
    expect(page.get_by_text("espeak-ng: 0 phonemes")).to_be_visible()
    good(page)
    with dialog(page, page.get_by_role("button", name="With another provider"), "With another provider") as others:
        expect(others.get_by_role("radio")).not_to_have_count(0)
        good(page, DIALOG)
    page.goto(f"/jobs/{site.seeded.running}")
    with dialog(page, page.get_by_role("button", name="Stop"), "Stop this job?"):
        pass


def test_a_list_in_which_some_are_chosen_and_what_its_toasts_say(site: Site, known: Known, visits: Visits) -> None:
    visits.meant += ["status of 403", "status of 413", "status of 429", "status of 500", "status of 503"]
    visits.meant += ["ERR_INTERNET_DISCONNECTED"]
    page = known(base_url=site.url)
    page.clock.install()
    settled(page, "/jobs?text=How+tides+work")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Choose all").check()
    good(page)
    with dialog(page, page.get_by_role("button", name="Stop"), "Stop 1 job?"):
        pass

    # Each refusal is said as what it is; what can be tried again counts down
    for status, detail, shown in (
        (403, "your role allows no such thing", "Your role allows no such thing."),
        (413, "the request is larger than 2 MB", "The request is larger than 2 MB."),
        (500, "something went wrong that nobody foresaw", "Something went wrong that nobody foresaw."),
        (429, "asked too often", "That was tried too often."),
    ):
        refuse(page, "**/api/jobs/bulk", status, detail, **({"instance": "urn:uuid:5"} if status == 500 else {}))
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_label("Messages").get_by_text(shown)).to_be_visible()
    expect(page.get_by_label("Messages")).to_contain_text(re.compile(r"in \d+ seconds?"))
    expect(page.get_by_label("Messages")).to_contain_text("urn:uuid:5")  # which the operator is to be told
    page.get_by_text("urn:uuid:5").hover()  # as somebody who reads it, whom nothing hurries
    good(page, ".toasts")
    close = page.get_by_label("Messages").get_by_role("button", name="Close")
    while close.count():
        close.first.click()
    page.get_by_role("button", name="Delete").click()
    undo = page.get_by_role("button", name="Undo")
    undo.focus()
    page.clock.fast_forward(11_000)  # longer than it would stay
    good(page, ".toasts")
    undo.press("Enter")

    # A part of the service, and then all of it, is gone
    refuse(page, "**/api/jobs?*", 503, "the database does not answer")
    page.route("**/api/auth/rules", lambda route: route.fulfill(status=503, json={}))
    banner = page.get_by_role("alert")
    page.get_by_role("button", name="Failed").click()
    expect(banner.filter(has_text="A part of the service does not answer.")).to_be_visible()
    good(page, "body > [role=alert]")
    page.unroute("**/api/auth/rules")
    banner.get_by_role("button", name="Try now").click()
    expect(banner.get_by_role("button", name="Try now")).to_be_hidden()
    page.context.set_offline(True)
    expect(banner.filter(has_text="The service cannot be reached.")).to_be_visible()
    good(page, "body > [role=alert]")
    page.context.set_offline(False)
    expect(banner.get_by_role("button", name="Try now")).to_be_hidden()


def test_files_that_are_refused_named_and_agreed_to(site: Site, visits: Visits) -> None:
    visits.meant += ["status of 422", "status of 413"]
    page = visits.open(base_url=site.url)
    enter(page, site.url, "mia")
    page.goto("/assets?type=document")
    page.get_by_text("No documents yet").wait_for()
    refuse(page, "**/api/assets/presigned-url", 413, "the file is larger than 500 MB", remedy="cut it in parts")
    bring(page, "drop", large_md=NOTES)
    bring(page, "drop", empty_md=b"", one_md=NOTES)
    sending = page.get_by_role("region", name="Being added")
    expect(sending).to_contain_text("The file is larger than 500 MB. Cut it in parts.")
    expect(sending.get_by_role("listitem")).to_have_count(2)
    good(page)
    with dialog(page, page.get_by_role("button", name="Rename: one.md"), "Rename") as rename:
        rename.get_by_label("Name", exact=True).fill("")
        rename.get_by_role("button", name="Save").click()
        good(page, DIALOG)
    page.get_by_role("button", name="Delete: one.md").click()
    good(page, ".toasts")
    bring(page, "drop", mia_png=picture())
    page.get_by_role("button", name="Photos").click()
    with dialog(page, page.get_by_role("button", name="Ask for consent"), "Has this person agreed?") as asked:
        asked.get_by_role("button", name="File the consent").click()
        expect(asked.get_by_role("alert")).to_be_visible()
        good(page, DIALOG)
    page.get_by_role("button", name="Voices").click()
    with dialog(page, page.get_by_role("button", name="Record a voice"), "Record a voice"):
        pass


def test_a_script_that_is_rewritten_overtaken_and_locked(site: Site, known: Known, visits: Visits) -> None:
    visits.meant.append("status of 409")
    page = known(base_url=site.url)
    settled(page, f"/jobs/{site.seeded.failed}/script")
    first = page.get_by_role("list", name="Scenes").locator("> li").first
    rewrite = first.get_by_role("button", name="Rewrite")
    rewrite.press("Enter")
    expect(first.get_by_text("A model has to do this")).to_be_visible()
    good(page)
    rewrite.press("Enter")
    writer = {"id": "llm.openai", "state": "ready", "message": "", "remedy": "", "sends": "The prompt goes elsewhere."}
    page.route("**/api/generate/llm/status", lambda route: route.fulfill(json={"providers": [writer]}))
    page.reload()
    rewrite.press("Enter")
    wish = first.get_by_label("What shall be different?")
    expect(wish).to_be_focused()
    good(page)
    proposal = {"title": "The beach", "narration": SAID, "bullets": ["Twice a day"]}
    job = {"id": "asked", "status": "completed", "message": "", "failures": [], "outputs": {"scene": proposal}}
    page.route(re.compile("/api/jobs(/asked)?$"), lambda route: route.fulfill(json=job))
    wish.fill("shorter")
    first.get_by_role("button", name="Write a proposal").click()
    page.evaluate("window.dispatchEvent(new Event('coursewright:back'))")
    expect(first.get_by_text(SAID)).to_be_visible()
    good(page)
    first.get_by_role("button", name="Leave it as it is").click()
    expect(rewrite).to_be_focused()

    first.get_by_label("Title of scene").fill("")
    expect(page.get_by_text("It has no title yet.")).to_be_visible()
    good(page)
    refuse(page, "**/script", 409, "the script was changed", code="script_changed")
    first.get_by_label("Title of scene").fill("The shore")
    expect(page.get_by_text("changed in another window").first).to_be_visible()
    good(page)

    def running(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "status": "running"})

    page.route(f"**/api/jobs/{site.seeded.failed}", running)
    page.on("dialog", lambda leaving: leaving.accept())
    page.reload()
    expect(page.get_by_text("The course is being made of this script.")).to_be_visible()
    good(page)


def test_a_script_that_comes_twice_keeps_what_was_opened_in_the_first(site: Site, known: Known) -> None:
    page = known(base_url=site.url)
    held: list[Route] = []
    page.route("**/api/jobs/*/script", lambda route: held.append(route))  # Playwright takes no method of a list
    path = f"**/api/jobs/{site.seeded.failed}/script"
    with page.expect_request(path):
        page.goto(f"/jobs/{site.seeded.failed}/script")
    with page.expect_request(path):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    held[0].continue_()
    first = page.get_by_role("list", name="Scenes").locator("> li").first
    first.get_by_role("button", name="Rewrite").press("Enter")
    expect(first.get_by_text("A model has to do this")).to_be_visible()
    for late in held[1:]:
        with page.expect_response(path):
            late.continue_()
    page.wait_for_timeout(200)
    expect(first.get_by_text("A model has to do this")).to_be_visible()


def test_an_editor_with_problems_offers_and_a_version_to_save(site: Site, known: Known) -> None:
    page = known(base_url=site.url)
    page.goto("/pipelines/-/new")
    page.get_by_text("Nothing is wrong.").wait_for()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("This is needed.")).to_be_visible()
    good(page)
    with dialog(page, page.get_by_role("button", name="Save"), "What is new"):
        pass
    page.get_by_role("textbox", name="Text of the pipeline").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("  words: ${spech.text}\n")
    expect(page.get_by_role("button", name="CW303")).to_be_visible()
    page.keyboard.type("more: ${sp")
    expect(page.get_by_role("listbox", name="Suggestions")).to_be_visible()
    good(page)
    page.on("dialog", lambda leaving: leaving.accept())
    settled(page, "/pipelines/narrated_slides")
    page.get_by_text("The text", exact=True).click()
    good(page)
    with dialog(page, page.get_by_role("button", name="Delete"), "Delete this pipeline?"):
        pass


def test_forms_with_something_wrong_and_what_is_shown_once(site: Site, visits: Visits) -> None:
    visits.meant += ["status of 422", "status of 403"]
    page = visits.open(base_url=site.url)
    enter(page, site.url, "ned")
    settled(page, "/settings?tab=keys")
    make = page.get_by_role("button", name="Make a key").first
    with dialog(page, make, "Make an API key") as keys:
        keys.get_by_label("Look").uncheck()
        keys.get_by_role("button", name="Make the key").click()
        good(page, DIALOG)
        keys.get_by_label("Name").fill("nightly")
        keys.get_by_label("Look").check()
        keys.get_by_role("button", name="Make the key").click()
        expect(keys.get_by_label("The key")).to_be_visible()
        good(page, DIALOG)
    page.get_by_role("tab", name="Password and sessions").click()
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("#field-current_password")).to_be_focused()
    good(page)
    page.get_by_role("tab", name="Profile").click()
    page.get_by_label("User name").fill("ada")
    page.get_by_label("E-mail address").first.fill("ned@example.com")
    page.get_by_role("button", name="Save").click()
    good(page)

    # What is not for this person, and a way in that fails
    page.goto("/admin")
    expect(page.get_by_role("heading", name="This is not for you")).to_be_visible()
    good(page, "html")
    html = page_of(site, ApiError(503, "database_unavailable", "the database does not answer"))
    page.route("**/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.get_by_role("link", name="To the dashboard").click()
    expect(page.get_by_role("link", name="Load again")).to_be_visible()
    good(page, "html")
    page.context.clear_cookies()
    page.goto("/login")
    refuse(page, "**/api/auth/login", 429, "tried too often", remedy="wait 9 s")
    visits.meant.append("status of 429")
    page.get_by_label("E-mail address").fill("ned@example.org")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"in \d seconds?"))
    good(page, "html")
    page.goto("/register")
    page.get_by_role("button", name="Open an account").click()
    expect(page.locator("[name=email]")).to_be_focused()
    good(page, "html")


def test_what_admins_are_asked_and_told(site: Site, known: Known, visits: Visits) -> None:
    visits.meant += ["status of 422", "status of 503"]
    page = known(base_url=site.url)
    settled(page, "/admin")
    with dialog(page, page.get_by_role("button", name="Add somebody"), "Add somebody") as invite:
        invite.get_by_role("button", name="Add", exact=True).click()
        expect(invite.get_by_label("E-mail address")).to_be_focused()
        good(page, DIALOG)
    page.get_by_role("button", name=re.compile("^Link for a new password: mallory")).click()
    expect(page.get_by_role("dialog", name="A link to hand on").get_by_label("The link")).to_be_visible()
    good(page, DIALOG)
    page.keyboard.press("Escape")
    with dialog(page, page.get_by_role("button", name="Disable: mallory"), "Disable the account of mallory?"):
        pass
    page.get_by_role("tab", name="Workers").click()
    page.get_by_text("Prefect does not answer").wait_for()
    page.get_by_role("button", name="Begin a test run").click()
    page.locator("[aria-live] .badge").filter(has_text="Prefect").wait_for()
    good(page)
    settled(page, "/providers")
    page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
    page.get_by_role("button", name="Test: tts.espeak").click()
    page.get_by_text("It can serve").wait_for()
    good(page)


def test_the_places_on_a_phone(site: Site, known: Known) -> None:
    page = known(base_url=site.url, size="phone")
    settled(page, "/")
    menu = page.get_by_role("button", name="Menu")
    menu.press("Enter")
    expect(page.get_by_role("dialog", name="Main")).to_be_visible()
    assert faults(page, DIALOG) == []
    wear(page, "dark")
    assert faults(page, DIALOG) == []
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
