"""The player page in a real browser: the film with its captions, the course without an LMS, in another site's frame."""

from __future__ import annotations

import asyncio
import http.server
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import numpy as np
import pytest
import uvicorn
from argon2 import PasswordHasher
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.compose import Film, FilmScene
from coursewright.capabilities.export import ExportRequest
from coursewright.settings import Settings
from coursewright.store.contract import Store
from coursewright.testing import bench
from coursewright_api.app import create_app
from coursewright_api.auth.passwords import Passwords
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType, JobState
from coursewright_api.database.tables import Asset, Job, PipelineVersion, ShareLink, User
from coursewright_api.service import Service
from coursewright_api.settings import server_settings
from coursewright_export_scorm.provider import ScormExport
from playwright.sync_api import Browser, Page

from tools.browser import chromium_browser

PASSWORD = "low tide"
RULES = "/api/auth/rules"
"""What anybody may ask; but not a course."""
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
FILM_S = 2
VTT = b"WEBVTT\n\n00:00.100 --> 00:01.900\nWater climbs the beach twice a day.\n"


def film_of(store: Store, folder: Path) -> Film:
    """A blue film of two seconds with a caption and two chapters."""
    path = folder / "tides.mp4"
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        picture = np.full((180, 320, 3), (40, 90, 160), np.uint8)
        for _ in range(FILM_S * 5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    video = store.put_file(path, name="tides.mp4", media_type="video/mp4")
    scenes = [("beach", "The beach", 0.0, 1.0), ("moon", "The Moon", 1.0, 2.0)]
    return Film(
        title="How tides work",
        language="en",
        duration_s=FILM_S,
        video=video,
        audio=video,
        captions=store.put_bytes(VTT, name="tides.en.vtt", media_type="text/vtt"),
        chapters=store.put_bytes(b"WEBVTT\n", name="tides.chapters.vtt", media_type="text/vtt"),
        transcript=store.put_bytes(b"# Tides\n", name="tides.md", media_type="text/markdown"),
        width_px=320,
        height_px=180,
        scenes=[FilmScene(id=key, title=title, start_s=start, end_s=end) for key, title, start, end in scenes],
    )


def results_in(data: Path, folder: Path) -> list[Artifact]:
    """A film, its captions and its package, in the store below `data`."""
    with bench(data) as place:
        film = film_of(place.store, folder)
        package = place.serve(ScormExport(), ExportRequest(film=film, title=film.title))
    assert film.video is not None
    return [film.video, film.captions, package.file]


@dataclass(frozen=True)
class Served:
    """A service with shared results."""

    url: str
    open_path: str
    locked_path: str


async def saved(table: Any, **values: Any) -> Any:
    moments = {name: now() for name in ("created_at", "updated_at") if hasattr(table, name)}
    row = table(**{"id": uuid4(), **moments, **values})
    await row.save()
    return row


async def fill(service: Service, results: list[Artifact]) -> list[str]:
    """A job with these results; the tokens of a link to it, and of one with a password."""
    await service.database.open()
    try:
        user = await saved(User, email="bob@example.org", username="bob", username_key="bob")
        version = await saved(PipelineVersion, name="course")
        job = await saved(Job, owner=user.id, pipeline_version=version.id, state=JobState.completed)
        for each in results:
            file = {"file_name": each.name, "media_type": each.media_type, "size_bytes": each.size_bytes}
            kind = {"type": AssetType.result, "state": AssetState.ready}
            await saved(Asset, owner=user.id, job=job.id, digest=each.digest, **kind, **file)
        tokens = []
        for password in ("", PASSWORD):
            link = await saved(
                ShareLink,
                owner=user.id,
                job=job.id,
                title="How tides work",
                password_hash=await QUICK.hash(password) if password else "",
                expires_at=now() + timedelta(days=1),
            )
            tokens.append(service.share.tokens.token(link.id))
        return tokens
    finally:
        await service.database.close()


class Waiting(uvicorn.Server):
    """Says when it serves."""

    def __init__(self, service: Service) -> None:
        super().__init__(uvicorn.Config(create_app(service), port=0, log_config=None, timeout_graceful_shutdown=1))
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup()
        self.ready.set()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("share")
    settings = Settings(data_dir=folder / "data")
    service = Service(settings, server_settings(settings), passwords=QUICK)
    opened, locked = asyncio.run(fill(service, results_in(settings.data_dir, folder)))
    server = Waiting(service)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.ready.wait(30)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(f"http://127.0.0.1:{port}", f"/s/{opened}", f"/s/{locked}")
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in which an error on the console is a failure when the test ends.

    But for answers that are meant, and for the course's captions: its sandbox may not read them from a file, and takes
    them from the page.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(15_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    meant = (
        "status of 401",
        "status of 404",
        "Unsafe attempt to load URL",
        "Blocked autofocusing",
        RULES,
        "net::ERR_FAILED",
    )
    assert [each for each in said if not any(part in each for part in meant)] == []


def look(page: Page, name: str) -> None:
    """Keep a picture, for somebody who wants to see it."""
    if folder := os.environ.get("COURSEWRIGHT_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def fits(page: Page) -> bool:
    """Does nothing stick out to the right?"""
    fitting: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return fitting


def plays(frame: Any) -> None:
    """The film plays to its end."""
    frame.locator("video").evaluate(
        "async (media) => { media.muted = true; media.playbackRate = 4; await media.play();"
        " if (!media.ended) await new Promise((done) => media.addEventListener('ended', done)); }"
    )


def test_the_film_plays_with_its_captions(served: Served, page: Page) -> None:
    page.goto(served.url + served.open_path)
    shown = page.locator("video").evaluate(
        "async (media) => { const track = media.textTracks[0];"
        " while (!track.cues || !track.cues.length) await new Promise((done) => setTimeout(done, 20));"
        " return [track.mode, track.cues[0].text]; }"
    )
    assert shown == ["showing", "Water climbs the beach twice a day."]
    look(page, "film-desktop")
    plays(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    look(page, "film-phone")


def test_the_course_plays_without_an_lms_and_is_shut_off_from_the_service(served: Served, page: Page) -> None:
    page.goto(served.url + served.open_path)
    page.get_by_role("link", name="Course with chapters").click()
    course = page.frame_locator("iframe")
    course.locator("#controls").wait_for()
    assert course.locator("#chapters li").count() == 2
    cues = "(media) => [...media.textTracks].flatMap((track) => [...(track.cues ?? [])]).length"
    assert course.locator("video").evaluate(cues) == 1
    look(page, "course-desktop")
    plays(course)
    inside = next(frame for frame in page.frames if "/package/" in frame.url)
    assert inside.evaluate("origin") == "null"
    assert inside.evaluate(f"fetch('{RULES}').then(() => 'reached', () => 'refused')") == "refused"
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    look(page, "course-phone")


def test_a_password_is_asked_for_and_remembered(served: Served, page: Page) -> None:
    page.goto(served.url + served.locked_path)
    look(page, "password")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Watch").click()
    assert page.get_by_role("alert").inner_text() == "That is not the password."
    look(page, "password-wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Watch").click()
    plays(page)
    page.goto(served.url + served.locked_path)
    page.locator("video").wait_for()


def test_another_sites_page_embeds_it_with_its_password(served: Served, page: Page) -> None:
    """From `localhost`, which is another site than 127.0.0.1: the frame keeps no cookies."""

    class Host(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'<link rel="icon" href="data:,"><iframe src="{served.url}{served.locked_path}"></iframe>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            page.goto(f"http://localhost:{server.server_port}/")
            player = page.frame_locator("iframe")
            player.get_by_label("Password").fill(PASSWORD)
            player.get_by_role("button", name="Watch").click()
            player.locator("video").wait_for()
            player.get_by_role("link", name="Course with chapters").click()
            player.frame_locator("iframe").locator("#controls").wait_for()
        finally:
            server.shutdown()
            thread.join()


def test_a_link_that_leads_nowhere_says_so(served: Served, page: Page) -> None:
    answer = page.goto(f"{served.url}/s/nothing")
    assert answer is not None
    assert answer.status == 404
    assert page.get_by_role("heading").inner_text() == "There is no such share link"
    look(page, "gone")
