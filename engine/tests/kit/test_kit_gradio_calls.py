"""`coursewright.kit.gradio` calls a real Gradio app: values in and out, progress, and what never leaves the machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from coursewright.errors import Unavailable
from coursewright.kit.gradio import Space
from coursewright.kit.gradio.files import download_into
from coursewright.kit.gradio.following import Follower
from coursewright.kit.gradio.wire import TOKEN, Wire, tls
from coursewright.providers import Provider
from coursewright.run.context import RequestContext
from coursewright.secrets import Secret
from coursewright.testing import Bench
from coursewright.testing.standins.loopback import serve
from coursewright.testing.standins.spaces import SpaceServer

HF = Secret("HF_TOKEN", "hf_theTokenOfThisTest")


@pytest.fixture
def context(place: Bench, caller: Provider[Any, Any]) -> RequestContext:
    return place.context(caller)


@pytest.fixture
def app(workshop: SpaceServer, context: RequestContext) -> Space:
    return Space(workshop.url, what="the workshop", context=context)


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "Ünïcode $(touch x) 'q\".PNG"
    path.write_bytes(b"\x89PNG not really")
    return path


def animation(portrait: Path, **more: Any) -> dict[str, Any]:
    return {"image": portrait, "sound": None, **more}


# -- the signature ---------------------------------------------------------------------------------


def test_the_signature_is_what_the_app_says(app: Space) -> None:
    endpoints = app.endpoints()

    assert {"/animate", "/animate_again", "/several", "/count"} == set(endpoints)
    animate = endpoints["/animate"]
    assert str(animate) == "/animate(image, sound, caption, size, share)"
    assert animate.returns == ("Json", "Markdown")
    image, sound, caption, size, _ = animate.parameters
    assert (image.has_default, image.component, sound.component) == (False, "File", "Audio")
    assert (caption.has_default, caption.default) == (True, "untitled")
    assert size.choices == ("small", "large")


@pytest.mark.parametrize(
    ("endpoint", "arguments", "difference"),
    [
        ("/generate", {}, "/generate is not among its endpoints"),
        ("/animate", {"image": None, "sound": None, "still": True}, "/animate has no input still"),
        ("/animate", {"image": None}, "/animate wants sound too"),
    ],
)
def test_another_signature_is_told_with_what_is_there(
    app: Space, endpoint: str, arguments: dict[str, Any], difference: str
) -> None:
    with pytest.raises(Unavailable) as raised:
        app.call(endpoint, arguments)

    assert difference in raised.value.message
    assert "/animate_again(image)" in raised.value.message


# -- values ----------------------------------------------------------------------------------------


def test_a_file_is_uploaded_under_a_plain_name(app: Space, workshop: SpaceServer, portrait: Path) -> None:
    app.call("/animate", animation(portrait))

    sent = Path(workshop.requests[0]["image"])
    assert sent.name.endswith("file-1.png")
    assert sent.read_bytes() == portrait.read_bytes()


def test_a_video_wrapped_with_its_subtitles_comes_back_as_a_path(
    app: Space, context: RequestContext, portrait: Path
) -> None:
    film, told = app.call("/animate", animation(portrait, caption="Tides"))

    assert told == "**Tides**"
    assert isinstance(film, Path)
    assert film.suffix == ".mp4"
    assert film.read_bytes() == b"\x00film" * 20
    assert context.scratch in film.parents


def test_a_video_alone_comes_back_as_a_path(app: Space, portrait: Path) -> None:
    film = app.call("/animate_again", {"image": portrait})

    assert isinstance(film, Path)
    assert film.read_bytes() == b"\x00film" * 20


def test_several_files_go_and_come(app: Space, workshop: SpaceServer, portrait: Path) -> None:
    files = app.call("/several", {"files": [portrait, portrait]})

    assert workshop.requests == [{"files": ["file-1.png", "file-2.png"]}]
    assert [file.name for file in files] == ["result-1.txt", "result-2.txt"]


def test_an_empty_file_comes_back_empty(app: Space, workshop: SpaceServer, portrait: Path) -> None:
    workshop.switch(file_size=0)

    assert app.call("/animate_again", {"image": portrait}).stat().st_size == 0


def test_defaults_are_the_apps_own(app: Space, workshop: SpaceServer, portrait: Path) -> None:
    app.call("/animate", animation(portrait))

    assert [workshop.requests[0][name] for name in ("caption", "size", "share")] == ["untitled", "small", 0.5]


def test_the_same_result_of_two_calls_is_kept_twice(app: Space, portrait: Path) -> None:
    first, second = (app.call("/animate_again", {"image": portrait}) for _ in range(2))

    assert first != second


def test_two_calls_at_once_keep_apart(workshop: SpaceServer, context: RequestContext, portrait: Path) -> None:
    def call(_: int) -> Any:
        space = Space(workshop.url, what="the workshop", context=context)
        return space.call("/animate_again", {"image": portrait}, progress=lambda *_: None)

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(call, range(2))
    assert first != second


def test_the_last_value_of_a_generator_counts(app: Space) -> None:
    assert app.call("/count", {"limit": 4}) == "4"


# -- progress --------------------------------------------------------------------------------------


def test_progress_is_what_the_app_reports_and_goes_forward(app: Space, workshop: SpaceServer, place: Bench) -> None:
    workshop.switch(steps=8, delay_s=0.1)

    app.call("/count", {"limit": 1})

    shares = [done for done, _, _ in place.progress]
    assert shares == sorted(shares)
    assert all(0 <= done <= total == 1.0 for done, total, _ in place.progress)
    assert {round(done * 8) for done in shares} <= set(range(9))
    assert len(set(shares)) >= 4, "looked at twenty times a second, even a busy machine sees some steps"
    assert "working" in {message for _, _, message in place.progress}


def test_what_the_app_says_is_told_without_markup(app: Space, workshop: SpaceServer, place: Bench) -> None:
    workshop.switch(delay_s=0.3)

    app.call("/count", {"limit": 1})

    assert "Counting begins" in {message for _, _, message in place.progress}


def test_the_place_in_the_queue_is_told(
    app: Space, workshop: SpaceServer, place: Bench, caller: Provider[Any, Any]
) -> None:
    workshop.switch(hang=True)
    first = threading.Thread(target=lambda: app.call("/count", {"limit": 1}, progress=lambda *_: None))
    first.start()
    workshop.wait_for(lambda server: server.requests)
    said: list[str] = []

    def follow(done: float, total: float, message: str) -> None:
        assert (done, total) == (0.0, 1.0), "a place in a queue is no share of the work"
        said.append(message)
        if "queue" in message:
            workshop.switch(hang=None)

    Space(workshop.url, what="the workshop", context=place.context(caller)).call(
        "/count", {"limit": 1}, progress=follow
    )
    first.join()
    assert any(message.startswith("next in the queue of the workshop") for message in said)


def test_the_place_in_the_queue_is_told_with_the_time_that_it_takes() -> None:
    from gradio_client.utils import Status, StatusUpdate

    told: list[tuple[float, float, str]] = []
    follower = Follower("the app", lambda *say: told.append(say))
    for rank, eta in ((3, 41.6), (3, 41.6), (1, None)):
        follower.take(StatusUpdate(Status.IN_QUEUE, rank, 4, eta, None, None, None))

    assert [message for _, _, message in told] == [
        "3 ahead in the queue of the app, about 42 s",
        "1 ahead in the queue of the app",
    ]


def test_a_share_never_goes_back_nor_beyond_the_whole() -> None:
    told: list[float] = []
    follower = Follower("the app", lambda done, total, message: told.append(done / total))
    for share in (0.2, 0.6, 0.4, 1.7, None):
        follower.say(f"now {share}", share)

    assert told == [0.2, 0.6, 0.6, 1.0, 1.0]


# -- what stays here -------------------------------------------------------------------------------


def test_nothing_is_left_in_the_systems_temporary_folder(
    app: Space, portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)

    app.call("/animate", animation(portrait))
    app.call("/several", {"files": [portrait]})

    assert list(temporary.rglob("*")) == []


@pytest.fixture
def asked_hosts(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every host that this process looks up or connects to."""
    hosts: set[str] = set()
    real = socket.getaddrinfo

    def spy(host: Any, *rest: Any, **more: Any) -> Any:
        hosts.add(str(host))
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", spy)
    return hosts


def test_no_other_host_is_told_of_the_call(app: Space, portrait: Path, asked_hosts: set[str]) -> None:
    app.call("/animate", animation(portrait))
    for thread in threading.enumerate():  # telemetry would be sent by a thread of its own
        if thread is not threading.current_thread() and not thread.name.startswith(("MainThread", "pytest")):
            thread.join(0.5)

    assert asked_hosts == {"127.0.0.1"}


def test_no_telemetry_even_where_the_environment_wants_it(workshop: SpaceServer, tmp_path: Path) -> None:
    """In a process of its own, whose Hugging Face is a server that counts: telemetry would go there."""
    asked: list[str] = []

    async def recorder(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    ours = "import sys; from coursewright.kit.gradio import Space; Space(sys.argv[1], what='the app').endpoints()"
    plain = "import sys, time; from gradio_client import Client; Client(sys.argv[1], verbose=False); time.sleep(1)"
    seen = {}
    with serve(recorder) as recorder_url:
        for kind, program in (("ours", ours), ("plain", plain)):  # the second proves that this test would notice
            environment = {
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "HF_ENDPOINT": recorder_url,
                "GRADIO_ANALYTICS_ENABLED": "True",
            }
            command = [sys.executable, "-c", program, workshop.url]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 0, done.stderr
            seen[kind] = list(asked)

    assert seen["ours"] == []
    assert any("telemetry" in path for path in seen["plain"])


def test_a_token_stored_on_this_machine_is_sent_to_nobody(
    workshop: SpaceServer, app: Space, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_storedOnThisMachine")

    app.call("/animate", animation(portrait))

    assert "hf_storedOnThisMachine" not in json.dumps(workshop.http)


def test_the_token_is_not_sent_to_an_app_that_is_not_hugging_faces(
    workshop: SpaceServer, context: RequestContext, portrait: Path
) -> None:
    space = Space(workshop.url, what="the workshop", token=HF, context=context)
    space.call("/animate", animation(portrait))
    space.probe()

    assert HF.reveal() not in json.dumps(workshop.http)


def test_the_token_is_sent_with_every_request_to_a_space_of_hugging_face(
    workshop: SpaceServer, context: RequestContext, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coursewright.kit.gradio.session.is_hugging_face", lambda url: True)

    Space(workshop.url, what="the workshop", token=HF, context=context).call("/animate", animation(portrait))

    paths = {request["path"].rpartition("/")[2] for request in workshop.http}
    assert {"config", "info", "upload", "join", "data"} <= paths
    assert all(request["headers"].get(TOKEN) == f"Bearer {HF.reveal()}" for request in workshop.http)
    assert any("file=" in request["path"] for request in workshop.http)


def test_a_file_that_is_elsewhere_is_fetched_without_the_token(tmp_path: Path) -> None:
    headers: list[dict[bytes, bytes]] = []

    async def storage(scope: Any, receive: Any, send: Any) -> None:
        headers.append(dict(scope["headers"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"film"})

    with serve(storage) as there:

        async def space(scope: Any, receive: Any, send: Any) -> None:
            headers.append(dict(scope["headers"]))
            await send({"type": "http.response.start", "status": 302, "headers": [(b"location", there.encode())]})
            await send({"type": "http.response.body", "body": b""})

        with serve(space) as url, httpx.Client(headers={TOKEN: "Bearer x"}, verify=tls(), **Wire(url).options) as web:
            path = download_into(tmp_path, url + "/", {"path": "/tmp/a film.mp4"}, web)

    assert path.read_bytes() == b"film"
    assert [TOKEN.encode() in sent for sent in headers] == [True, False]
