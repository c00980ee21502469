"""The service as in production: two API processes and two workers over PostgreSQL, S3 and a Prefect server."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from coursewright.settings import Settings
from coursewright.store import open_store
from coursewright_api.backup.making import make
from coursewright_api.backup.restoring import restore

from tools.browser import chromium_browser
from tools.documented import need_curl, run_api_page
from tools.processes import Failed
from tools.stack import ADMIN, Stack
from tools.swift import ROOT


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "stack") as stack:
        yield stack


def test_every_part_is_there(stack: Stack) -> None:
    for url in stack.api_urls:
        health = httpx.get(f"{url}/health/ready", timeout=20).json()
        assert {part["name"]: (part["kind"], part["state"]) for part in health["parts"]} == {
            "database": ("PostgreSQL", "ready"),
            "store": ("S3", "ready"),
            "prefect": ("external", "ready"),
        }
    assert len({worker.wait_for(r"worker (\S+) is ready") for worker in stack.workers}) == 2


def test_the_commands_of_the_api_page_work_whichever_process_gets_them(stack: Stack, tmp_path: Path) -> None:
    need_curl()
    done = run_api_page(stack.setup_token, *stack.api_urls, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"username":"ada"' in done.stdout


def test_a_lesson_is_made_through_both_processes(stack: Stack) -> None:
    """By the script that the containers are tried with."""
    need_curl()
    done = subprocess.run(
        ["bash", str(ROOT / "deploy" / "smoke.sh"), *stack.api_urls],
        env={**os.environ, "ACCESS": stack.admin_token},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("a job of ")


def test_who_logs_in_at_one_process_is_known_to_the_other(stack: Stack) -> None:
    first, second = stack.api_urls
    headers = {"Authorization": f"Bearer {stack.admin_token}"}
    assert httpx.get(f"{second}/api/auth/profile", headers=headers).json()["role"] == "admin"
    other = {"Authorization": f"Bearer {stack.login(ADMIN['email'], ADMIN['password'], api=1)}"}
    assert httpx.post(f"{second}/api/auth/logout", headers=other).status_code == 204
    assert httpx.get(f"{first}/api/auth/profile", headers=other).status_code == 401


def test_tries_are_counted_over_all_processes(stack: Stack) -> None:
    guess = {"email": "nobody@example.org", "password": "wrong wrong wrong"}
    answers = [httpx.post(f"{stack.api_urls[n % 2]}/api/auth/login", json=guess).status_code for n in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_a_browser_sends_files_straight_to_the_store_and_plays_from_it(stack: Stack) -> None:
    assert stack.admin_token
    with chromium_browser() as browser:
        page = browser.new_page(locale="en")
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        asked: list[tuple[str, str]] = []
        page.on("request", lambda request: asked.append((request.method, request.url)))
        page.goto(f"{stack.api_urls[0]}/login")
        page.get_by_label("E-mail address").fill(ADMIN["email"])
        page.get_by_label("Password", exact=True).fill(ADMIN["password"])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{stack.api_urls[0]}/")
        page.goto(f"{stack.api_urls[0]}/create/audio_lesson")
        page.get_by_role("textbox", name="Lesson notes").fill("# Tides\nThe moon pulls the sea.\n")
        page.get_by_role("navigation", name="Steps").get_by_role("button", name="Review").click()
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_role("link", name="Open the result").click(timeout=60_000)
        sound = page.locator("video, audio").first
        sound.evaluate("(each) => each.readyState > 0 || new Promise((done) => (each.onloadedmetadata = done))")
        with page.expect_download() as saved:
            page.get_by_role("link", name=re.compile(r"^Download: .*\.m4a")).click()
        assert saved.value.path().stat().st_size > 1000
        page.goto(f"{stack.api_urls[0]}/assets?type=document")
        page.route(re.compile(r"\.00001\?"), lambda route: route.abort(), times=1)
        notes = b"# Tides\n" + b"x" * 5_000_000
        page.locator("main input[type=file]").set_input_files(
            {"name": "long.md", "mimeType": "text/markdown", "buffer": notes}
        )
        page.get_by_role("heading", name="long.md").wait_for()
        store = f"http://{stack.s3.endpoint}/"
        sent = " ".join(url for method, url in asked if method == "PUT")
        assert sorted(re.findall(r"/uploads/[0-9a-f-]+\.(\d+)\?", sent)) == ["00000", "00001", "00001", "00002"]
        methods = {method for method, url in asked if url.startswith(store)}
        assert methods == {"PUT", "GET"}
        assert [each for each in complaints if "ERR_FAILED" not in each] == []


def test_a_backup_moves_to_a_folder_with_sqlite_and_back(stack: Stack, tmp_path: Path) -> None:
    assert stack.admin_token
    store = open_store(stack.settings)
    artifact = store.put_bytes(b"bytes" * 2_000_000, name="film", media_type="video/mp4")
    store.write_record("a" * 64, msgspec.json.encode({"lasting": True, "film": artifact}))
    made = asyncio.run(make(stack.settings, tmp_path))
    assert (made.manifest.database, made.manifest.missing) == ("PostgreSQL", 0)
    assert made.manifest.artifact_bytes >= 10_000_000

    small = Settings(data_dir=tmp_path / "small")
    asyncio.run(restore(small, made.path))
    assert open_store(small).verify(artifact)
    assert list((tmp_path / "small").glob("s3-cache*")) == []

    assert stack.settings.s3 is not None
    elsewhere = msgspec.structs.replace(stack.settings.s3, prefix="restored")
    again = msgspec.structs.replace(stack.settings, s3=elsewhere, server={}, data_dir=tmp_path / "again")
    asyncio.run(restore(again, made.path))
    assert open_store(again).read_record("a" * 64) is not None
    assert open_store(again).verify(artifact)


def test_parts_come_back_where_they_were(stack: Stack) -> None:
    """Of use to tests of faults."""
    second = stack.apis[1]
    second.kill()
    stack.postgres.stop()
    assert httpx.get(f"{stack.api_urls[0]}/health/ready", timeout=20).status_code == 503
    stack.postgres.start()
    second.start()
    assert second.wait_for(r"is served at (\S+)") == stack.api_urls[1]
    for api, url in zip(stack.apis, stack.api_urls, strict=True):
        api.wait_until(lambda url=url: httpx.get(f"{url}/health/ready", timeout=20).status_code == 200)  # type: ignore[misc]  # the loop's own


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=f"port {port} is in use"), Stack(tmp_path / "stack", prefect_port=port):
            pass


OWNER = """
import sys, time
from tools.processes import Guard, Server
sleeper = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]
server = Server("a server", lambda: sleeper, Guard())
server.start()
server.wait_for("(up)")
print(server.pid, flush=True)
time.sleep(600)
"""


def test_nothing_outlives_an_owner_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        os.kill(server, 0)
        owner.send_signal(signal.SIGKILL)
    until(lambda: gone(server))


def gone(pid: int) -> bool:
    """Has the process ended? One that nobody has waited for counts as ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)
