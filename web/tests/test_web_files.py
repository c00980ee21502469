"""Adding files as people do: many at once, dropped, pasted, recorded, and over a connection that breaks."""

from __future__ import annotations

import io
import re
import struct
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from web.tests.conftest import Known, Site, Visits
from web.tests.seed import PASSWORD

FAY = "fay@example.org"
NOTES = b"# The moon\nIt pulls the sea.\n"
LOUD = "(meter) => new Promise((done) => setInterval(() => meter.value > 0.3 && done(), 50))"


@pytest.fixture(scope="module")
def fay(site: Site) -> str:
    """Somebody who has no files yet."""
    person = {"email": FAY, "username": "fay", "password": PASSWORD}
    httpx.post(f"{site.url}/api/auth/register", json=person).raise_for_status()
    return FAY


def picture() -> bytes:
    """A picture of nobody."""
    data = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(data, "PNG")
    return data.getvalue()


def silence() -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack("<4000h", *[1, -1] * 2000))
    return data.getvalue()


def bring(page: Page, event: str, **files: bytes) -> None:
    """Drop or paste files, as the browser tells of them; their names have `_` for the dot."""
    page.evaluate(
        """([event, files]) => {
          const transfer = new DataTransfer();
          for (const [name, bytes] of Object.entries(files))
            transfer.items.add(new File(
              [new Uint8Array(bytes)],
              name.replace("_", "."),
              { type: name.endsWith("png") ? "image/png" : "" },
            ));
          const options = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
          const told = event === "paste" ? new ClipboardEvent(event, options) : new DragEvent(event, options);
          document.querySelector("main").dispatchEvent(told);
        }""",
        [event, {name: list(data) for name, data in files.items()}],
    )


def names(page: Page) -> list[str]:
    """What the service has of this person, pending and failed ones too."""
    items: list[dict[str, Any]] = page.request.get("/api/assets").json()["items"]
    return sorted(each["file_name"] for each in items)


def forget(site: Site, name: str) -> None:
    """Remove a file that was announced, as the service does after a while."""
    with httpx.Client(base_url=f"{site.url}/api") as client:
        login = client.post("/auth/login", json={"email": FAY, "password": PASSWORD}).json()
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        [asset] = [each for each in client.get("/assets").json()["items"] if each["file_name"] == name]
        client.delete(f"/assets/{asset['id']}").raise_for_status()


def test_files_are_dropped_and_pasted_and_what_is_wrong_with_one_is_said_at_once(
    site: Site, known: Known, visits: Visits, fay: str
) -> None:
    page = known(fay, base_url=site.url)
    page.goto("/assets?type=document")
    page.get_by_text("No documents yet").wait_for()
    bring(page, "dragover", one_md=NOTES)
    expect(page.get_by_text("Drop the files to add them")).to_be_visible()
    bring(page, "drop", one_md=NOTES, two_md=NOTES, nobody_png=picture(), broken_png=b"no picture", empty_md=b"")
    expect(page.get_by_text("Drop the files to add them")).to_be_hidden()
    bring(page, "paste", three_md=NOTES)
    files = page.get_by_role("list", name="Files").get_by_role("heading")
    expect(files).to_have_count(3)
    sending = page.get_by_role("region", name="Being added")
    expect(sending.get_by_role("listitem")).to_have_count(2)
    expect(sending).to_contain_text("The file is no picture that can be read; give a JPEG, PNG, WebP or SVG picture.")
    expect(sending).to_contain_text("The file is empty. Choose the file that was meant.")
    expect(page.get_by_text("No face was found; talking heads need one that looks into the camera.")).to_be_visible()
    for name in ("broken.png", "empty.md"):
        sending.get_by_role("button", name=f"Cancel: {name}").click()
    expect(sending).to_be_hidden()
    assert names(page) == ["nobody.png", "one.md", "three.md", "two.md"]
    page.get_by_role("button", name="Voices").click()
    page.locator("main input[type=file]").set_input_files(
        {"name": "quiet.wav", "mimeType": "audio/wav", "buffer": silence()}
    )
    voice = page.get_by_role("list", name="Files").get_by_role("listitem")
    expect(voice).to_contain_text("The recording is nearly silent: record again, closer to the microphone")

    # Something is made of a file that is there
    page.goto("/assets?type=document")
    page.get_by_role("link", name="Use: two.md").click()
    page.get_by_text("With your file: two.md").wait_for()
    expect(page.get_by_role("link", name="Text to speech")).to_be_hidden()  # takes no documents
    page.get_by_role("link", name="Audio lesson").click()
    expect(page.get_by_role("radio", name=re.compile(r"^two\.md"))).to_be_checked()


def test_a_file_is_cancelled_or_waits_for_the_connection_and_is_never_there_twice(
    site: Site, known: Known, visits: Visits, fay: str
) -> None:
    visits.meant += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "status of 404"]
    page = known(fay, base_url=site.url, size="phone")
    page.goto("/assets?type=slide_theme")
    page.get_by_text("No themes yet").wait_for()
    before = names(page)
    sending = page.get_by_role("region", name="Being added")
    held: list[Route] = []
    page.route("**/api/files/uploads/**", lambda route: held.append(route))
    with page.expect_request("**/api/files/uploads/**"):
        bring(page, "drop", look_toml=b'font = "Inter"\n')
    expect(sending.get_by_role("progressbar", name="look.toml")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        sending.get_by_role("button", name="Cancel: look.toml").click()
    expect(sending).to_be_hidden()
    assert names(page) == before

    lost: list[str] = []

    def once(route: Route) -> None:
        """The bytes and the confirmation arrive, and the first answer to each is lost."""
        path = route.request.url.partition("?")[0].rpartition("/")[2]
        if path in lost:
            return route.continue_()
        lost.append(path)
        route.fetch()
        return route.abort()

    page.clock.install()
    with page.expect_request("**/api/files/uploads/**"):
        bring(page, "drop", dead_toml=b'font = "Inter"\n')
    forget(site, "dead.toml")
    page.clock.fast_forward("40:00")  # nothing moves, and half of the ticket's time is over
    expect(sending).to_contain_text("The connection was lost. It goes on by itself.")
    page.unroute("**/api/files/uploads/**")
    expect(page.get_by_role("list", name="Files").get_by_role("heading", name="dead.toml")).to_be_visible()

    page.route("**/api/files/uploads/**", once)
    page.route("**/api/assets/*/confirm", once)
    page.context.set_offline(True)
    bring(page, "drop", look_toml=b'font = "Inter"\n')
    expect(sending).to_contain_text("The connection was lost. It goes on by itself.")
    page.context.set_offline(False)
    expect(page.get_by_role("list", name="Files").get_by_role("heading", name="look.toml")).to_be_visible()
    expect(sending).to_be_hidden()
    assert len(lost) == 2
    assert names(page) == sorted([*before, "dead.toml", "look.toml"])


PROGRESS = """() => {
  window.progress = [];
  const take = ([{ target }]) => target.matches?.("progress") && window.progress.push(target.value);
  new MutationObserver(take).observe(document, { subtree: true, attributeFilter: ["value"] });
}"""
SENT = "(part) => new Promise((done) => setInterval(() => window.progress.at(-1) > part && done(), 20))"
PART = re.compile(r"/api/files/uploads/.*[?&]part=(\d+)")


def test_a_large_file_goes_on_with_the_parts_that_are_missing(
    site: Site, known: Known, visits: Visits, fay: str, tmp_path: Path
) -> None:
    """The service is killed and started again, then the network is away, until after the half of the ticket's time."""
    visits.meant += ["ERR_CONNECTION", "ERR_EMPTY", "ERR_INCOMPLETE", "ERR_INTERNET_DISCONNECTED"]
    file = tmp_path / "long.md"
    file.write_bytes(b"# Tides\n" + b"The moon pulls the sea.\n" * 600_000)
    page = known(fay, base_url=site.url)
    asked: list[str] = []
    answered: list[str] = []
    renewed: list[int] = []
    page.on("request", lambda request: asked.extend(PART.findall(request.url)))
    page.on("response", lambda answer: answered.extend(PART.findall(answer.url) if answer.status == 204 else []))
    again = re.compile(r"/api/assets/[0-9a-f-]+/presigned-url$")
    page.on("response", lambda answer: renewed.append(answer.status) if again.search(answer.url) else None)
    page.goto("/assets?type=document")
    page.evaluate(PROGRESS)
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4_000_000}
    line.send("Network.emulateNetworkConditions", slow)
    sending = page.get_by_role("region", name="Being added")
    lost = "The connection was lost. It goes on by itself."

    page.locator("main input[type=file]").set_input_files(file)
    page.evaluate(SENT, 0.3)
    site.server.kill()
    expect(sending).to_contain_text(lost)
    site.server.start()
    site.server.wait_for(r"is served at (\S+)")
    page.evaluate("dispatchEvent(new Event('online'))")  # which does nothing when the page has found out by itself

    page.evaluate(SENT, 0.7)
    page.context.set_offline(True)
    expect(sending).to_contain_text(lost)
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(minutes=40))
    page.context.set_offline(False)
    expect(page.get_by_role("list", name="Files").get_by_role("heading", name="long.md")).to_be_visible()

    assert sorted(answered, key=int) == [str(number) for number in range(7)], "no part that arrived was sent again"
    assert len(answered) < len(asked) <= len(answered) + 4
    assert renewed == [200]
    told: list[float] = page.evaluate("window.progress")
    assert told == sorted(told)
    assert len(told) > 7
    [asset] = [each for each in page.request.get("/api/assets").json()["items"] if each["file_name"] == "long.md"]
    where = page.request.get(f"/api/assets/{asset['id']}/download").json()["url"]
    assert page.request.get(where).body() == file.read_bytes()


def test_a_voice_is_recorded_and_judged_before_it_is_sent(site: Site, known: Known, fay: str) -> None:
    page = known(fay, permissions=["microphone"])
    page.goto(f"{site.url}/assets?type=voice_sample")
    page.get_by_role("button", name="Record a voice").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("more seconds are good").wait_for()
    page.locator("meter").evaluate(LOUD)
    page.get_by_role("button", name="Stop the recording").click()
    expect(page.get_by_text("That is too short: read for 10 seconds at least.")).to_be_visible()
    expect(page.locator("[x-ref=wave] canvas").first).to_be_visible()
    page.get_by_role("button", name="Use it").click()
    voice = page.get_by_role("list", name="Files").get_by_role("listitem").filter(has_text="voice-")
    expect(voice).to_contain_text("3 s are the least, half a minute is good")
    voice.get_by_role("button", name="Ask for consent").click()
    page.get_by_label("Whose face or voice is it?").fill("Fay")
    page.get_by_label("What for?").fill("my courses")
    page.get_by_label("This is me").check()
    page.get_by_role("button", name="File the consent").click()
    expect(voice.get_by_role("button", name="Consent: Fay")).to_be_visible()
