"""A small film, its package, and an LMS on loopback that plays it in a real browser."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import json
import math
import re
import shutil
import threading
import urllib.parse
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from coursewright.capabilities.compose import Film, FilmScene
from coursewright.capabilities.export import ExportRequest, Package
from coursewright.testing import Bench, bench
from coursewright_export_scorm.provider import ScormExport
from playwright.sync_api import Browser, Frame, Page

from tools.browser import chromium_browser

FILM_S = 12
RATE_HZ = 48_000
CAPTIONS = [
    (0.5, 3.0, "Water climbs the beach twice a day."),
    (3.0, 6.0, "The Moon pulls the near ocean <b>harder</b> than the far one."),
    (6.0, 9.0, "Sun &amp; Moon together make spring tides."),
    (9.0, 11.5, "Half-way between, the tides are small."),
]
SCENES = [("intro", "The beach", 0.0), ("moon", "Moon & Earth", 3.0), ("sun", "The Sun joins in", 6.0)]


def vtt(cues: list[tuple[float, float, str]]) -> bytes:
    def stamp(seconds: float) -> str:
        return f"{int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{seconds % 60:06.3f}"

    blocks = [
        f"{number}\n{stamp(start)} --> {stamp(end)}\n{text}\n" for number, (start, end, text) in enumerate(cues, 1)
    ]
    return "\n".join(["WEBVTT\n", *blocks]).encode()


def picture(second: float) -> np.ndarray[Any, Any]:
    """A 320 × 180 frame with a sun that crosses the sky: RGB, uint8."""
    rows, columns = np.mgrid[0:180, 0:320]
    image = np.stack([rows // 3 + 20, rows // 2 + 60, 190 - rows // 4], axis=-1).astype(np.uint8)
    x, y = 30 + second * 260 / FILM_S, 70 - 40 * math.sin(math.pi * second / FILM_S)
    image[(columns - x) ** 2 + (rows - y) ** 2 < 18**2] = (250, 210, 90)
    return image


def encode(path: Path, *, pictures: bool) -> None:
    """An MP4 of FILM_S seconds with a soft tone, with or without pictures."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        sound = container.add_stream("aac", rate=RATE_HZ)
        sound.layout = "mono"
        if pictures:
            video = container.add_stream("libx264", rate=5, options={"preset": "ultrafast", "g": "5"})
            video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
            for number in range(FILM_S * 5):
                frame = av.VideoFrame.from_ndarray(picture(number / 5), format="rgb24")
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        samples = 0.05 * np.sin(2 * np.pi * 220 * np.arange(FILM_S * RATE_HZ) / RATE_HZ)
        tone = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
        tone.rate = RATE_HZ
        container.mux(sound.encode(tone))
        container.mux(sound.encode(None))


def png(image: np.ndarray[Any, Any]) -> bytes:
    data = io.BytesIO()
    with av.open(data, "w", format="image2pipe") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = image.shape[1], image.shape[0], "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return data.getvalue()


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("scorm-bench")) as ready:
        yield ready


@pytest.fixture(scope="session")
def film(workbench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("film")
    encode(folder / "film.mp4", pictures=True)
    encode(folder / "sound.m4a", pictures=False)
    store = workbench.store
    ends = [start for _, _, start in SCENES[1:]] + [FILM_S]
    return Film(
        title="Tides",
        language="en",
        duration_s=FILM_S,
        video=store.put_file(folder / "film.mp4", name="film.mp4", media_type="video/mp4"),
        audio=store.put_file(folder / "sound.m4a", name="sound.m4a", media_type="audio/mp4"),
        captions=store.put_bytes(vtt(CAPTIONS), name="film.vtt", media_type="text/vtt"),
        chapters=store.put_bytes(b"WEBVTT\n", name="chapters.vtt", media_type="text/vtt"),
        transcript=store.put_bytes(b"# Tides\n", name="film.md", media_type="text/markdown"),
        thumbnail=store.put_bytes(png(picture(6)), name="film.png", media_type="image/png"),
        width_px=320,
        height_px=180,
        scenes=[
            FilmScene(id=scene, title=title, start_s=start, end_s=end)
            for (scene, title, start), end in zip(SCENES, ends, strict=True)
        ],
    )


@pytest.fixture(scope="session")
def export(workbench: Bench) -> Callable[..., Package]:
    """Export a film: `export(film, title=…, **options)`."""

    def serve(film: Film, title: str = "How tides work", **options: Any) -> Package:
        provider = ScormExport(ScormExport.Options(**options))
        package = workbench.serve(provider, ExportRequest(film=film, title=title))
        assert isinstance(package, Package)
        return package

    return serve


@pytest.fixture(scope="session")
def opened(workbench: Bench) -> Callable[[Package], zipfile.ZipFile]:
    """The package as an open zip."""
    return lambda package: zipfile.ZipFile(workbench.store.fetch(package.file))


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Static files with byte ranges, which browsers need to seek in a film."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            return super().do_GET()
        size = path.stat().st_size
        first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(first)
            self.wfile.write(file.read(last - first + 1))

    def handle(self) -> None:
        # A browser that has seen enough of a film hangs up.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().handle()


@dataclass
class Site:
    """A web server on loopback, and the folder it serves."""

    folder: Path
    url: str

    def publish(self, name: str, archive: zipfile.ZipFile) -> str:
        """Unpack a package under `name`; its page's address."""
        with archive:
            archive.extractall(self.folder / name)
        return f"{self.url}/{name}/index.html"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    here = Path(__file__).parent
    modules = here / "npm" / "node_modules"
    if not (modules / "scorm-again").is_dir():
        pytest.fail("run first: npm ci --prefix plugins/export_scorm/tests/npm --ignore-scripts")
    (folder / "npm").symlink_to(modules)
    shutil.copy(here / "lms.html", folder)
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Site(folder, f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def player_url(site: Site, film: Film, export: Callable[..., Package], opened: Callable[..., zipfile.ZipFile]) -> str:
    """The page of the usual package."""
    return site.publish("course", opened(export(film)))


@dataclass
class Visit:
    """A learner's visit: the page of the LMS, and the course in its frame."""

    page: Page
    course: Frame

    def run(self, body: str) -> Any:
        """What an asynchronous function of `media` in the course returns."""
        script = f"async () => {{ const media = document.getElementById('media'); {body} }}"
        return self.course.evaluate(script)

    def until(self, condition: str) -> None:
        """Wait until a JavaScript condition about `media` holds in the course."""
        self.run(f"while (!({condition})) await new Promise((resolve) => setTimeout(resolve, 20));")

    def play(self, *, from_s: float | None = None, to_s: float | None = None) -> None:
        """Play a part of the film, or to its end, at sixteen times the speed, and wait for its end."""
        seek = "" if from_s is None else f"media.currentTime = {from_s};"
        ends = "media.ended" if to_s is None else f"media.currentTime >= {to_s}"
        wait = f"while (!({ends})) await new Promise((resolve) => setTimeout(resolve, 10));"
        self.run(f"media.playbackRate = 16; {seek} await media.play(); {wait} media.pause();")

    @property
    def second(self) -> float:
        return float(self.run("return media.currentTime;"))

    @property
    def calls(self) -> list[list[str]]:
        """Each call to the LMS so far: name, arguments, answer, error code."""
        calls: list[list[str]] = self.page.evaluate("calls")
        return calls

    def sent(self, element: str) -> list[str]:
        """The values that were sent for an element, in order."""
        return [call[2] for call in self.calls if call[:2] == ["LMSSetValue", element]]

    def close(self) -> dict[str, Any]:
        """Leave the course as a closed window does; what the LMS then knows."""
        self.page.evaluate("() => new Promise((done) => { frame.onload = done; frame.src = 'about:blank'; })")
        kept: dict[str, Any] = self.page.evaluate("JSON.parse(JSON.stringify(lms.cmi))")
        return kept


@pytest.fixture
def visit(chromium: Browser, site: Site, player_url: str) -> Iterator[Callable[..., Visit]]:
    """Open a course: `visit(known={…})` in an LMS that knows so much, `visit(lms=False)` without one.

    An error on a page's console is a failure when the test ends.
    """
    contexts = []
    said: list[str] = []

    def open_course(
        url: str = player_url, *, lms: bool = True, known: dict[str, Any] | None = None, **settings: Any
    ) -> Visit:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 720}, "locale": "en-GB"} | settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        if lms:
            given = urllib.parse.quote(json.dumps({"course": url, "cmi": known or {}}))
            page.goto(f"{site.url}/lms.html#{given}")
        else:
            page.goto(url)
        visit = Visit(page, page.frames[-1])
        visit.course.locator("#controls").wait_for()
        return visit

    yield open_course
    for context in contexts:
        context.close()
    assert said == []
