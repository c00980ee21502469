"""What only the S3 store has: a server that refuses, breaks off, stalls or is not there."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.errors import StoreError
from coursewright.store import open_store, s3_client
from coursewright.store.contract import Store
from coursewright.store.gc import collect, usage

if TYPE_CHECKING:
    from engine.tests.store.conftest import Relay, S3Backend

KEY = hashlib.sha256(b"a step").hexdigest()
BIG = os.urandom(12_000_000)


def put(store: Store, data: bytes = b"a picture") -> Artifact:
    return store.put_bytes(data, name="p.png", media_type="image/png")


def uses(store: Store) -> list[Callable[[], object]]:
    """Every way to talk to the server."""
    artifact_like = hashlib.sha256(b"none").hexdigest()
    return [
        lambda: put(store),
        lambda: store.read_record(KEY),
        lambda: store.write_record(KEY, b"{}"),
        lambda: store.delete_record(KEY),
        lambda: store.delete(artifact_like),
        lambda: list(store.digests()),
        lambda: list(store.records()),
        lambda: store.sweep(older_than_s=0),
    ]


def refusals(store: Store) -> Iterator[str]:
    """What each use is answered with."""
    for use in uses(store):
        with pytest.raises(StoreError) as caught:
            use()
        yield str(caught.value)


def test_a_wrong_secret_is_refused_and_named_but_not_shown(s3: S3Backend) -> None:
    put(s3.open())

    for said in refusals(s3.open(secret_key="hunter2-wrong")):
        assert "refuses the signature" in said
        assert "→ correct COURSEWRIGHT_SECRET_S3_SECRET_KEY, or COURSEWRIGHT_SECRET_S3_ACCESS_KEY" in said
        assert "hunter2" not in said


def test_a_wrong_secret_is_refused_where_the_answer_has_no_words(s3: S3Backend) -> None:
    artifact = put(s3.open())

    with pytest.raises(StoreError, match=r"denies access to the bucket .*\n  → correct COURSEWRIGHT_SECRET_S3_ACCESS"):
        s3.open(secret_key="wrong").verify(artifact)


def test_a_missing_bucket_is_named_and_not_made(s3: S3Backend) -> None:
    for said in refusals(s3.open(bucket="no-such-bucket")):
        assert re.search("has no bucket 'no-such-bucket'\n  → create it there, or correct bucket under", said)
    assert not s3.client.bucket_exists("no-such-bucket")


@pytest.mark.parametrize(
    "change", [{"bucket": "A B"}, {"endpoint": "http://somewhere/path"}, {"endpoint": ""}], ids=str
)
def test_impossible_settings_are_named(s3: S3Backend, change: dict[str, str]) -> None:
    with pytest.raises(StoreError, match=r"settings cannot be right: .*\n  → correct endpoint"):
        put(s3.open(**change))


def test_a_dead_server_is_reported_in_seconds(s3: S3Backend) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and nobody listens
        store = s3.open(endpoint=f"127.0.0.1:{unused.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(StoreError, match=r"does not answer: .*refused.*\n  → start it, or correct endpoint"):
            store.read_record(KEY)
    assert time.monotonic() - started < 5


def test_a_patient_store_waits_for_a_server_that_is_away(s3: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRY", "RETRY_PATIENTLY"):
        monkeypatch.setattr(s3_client, name, getattr(s3_client, name).new(backoff_factor=0.001))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), AwayForAWhile) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        settings = s3.settings(endpoint=f"127.0.0.1:{server.server_port}")
        try:
            with pytest.raises(StoreError, match="does not answer: too many 503"):
                open_store(settings).write_record(KEY, b"{}")
            open_store(settings, patient=True).write_record(KEY, b"{}")
        finally:
            server.shutdown()


class AwayForAWhile(http.server.BaseHTTPRequestHandler):
    """Does not serve the first thirty requests, and then takes everything."""

    times: ClassVar[Iterator[int]] = iter(range(30))

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if next(self.times, None) is not None else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class WebSite(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><p>Welcome<br>to the intranet</html>")

    do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "does not answer as an S3 server would"),
        (404, "does not answer as an S3 server would"),
        (503, "does not answer: too many 503 error responses"),
    ],
)
def test_something_else_at_the_endpoint_is_reported(
    s3: S3Backend, monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    monkeypatch.setattr(s3_client, "RETRY", s3_client.RETRY.new(backoff_factor=0.01))
    handler = type("Answer", (WebSite,), {"status": status})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            with pytest.raises(StoreError, match=rf"{said}.*\n  → .*correct endpoint"):
                list(s3.open(endpoint=f"127.0.0.1:{server.server_port}").digests())
        finally:
            server.shutdown()


def test_big_files_go_up_in_parts(s3: S3Backend) -> None:
    artifact = put(s3.open(), BIG)

    found = s3.client.stat_object(s3.bucket, s3.object_name("blobs", artifact.digest))
    assert (found.etag or "").endswith("-3")
    assert found.size == len(BIG)
    assert s3.open().verify(artifact)


def test_what_was_sent_is_neither_sent_nor_read_again(s3: S3Backend, relay: Relay, tmp_path: Path) -> None:
    place = {"endpoint": relay.endpoint, "data_dir": str(tmp_path / "machine")}
    artifact = put(s3.open(**place), BIG)
    assert relay.carried > len(BIG)

    relay.carried = 0
    again = s3.open(**place)
    assert put(again, BIG) == artifact
    assert s3.open(**place).verify(artifact)
    assert again.fetch(artifact).read_bytes() == BIG
    assert relay.carried < 100_000


def test_putting_again_repairs_what_this_machine_once_sent_well(s3: S3Backend, tmp_path: Path) -> None:
    place = {"data_dir": str(tmp_path / "machine")}
    artifact = put(s3.open(**place))
    s3.damage(artifact.digest, b"a pigture")

    put(s3.open(**place))

    assert s3.open().fetch(artifact).read_bytes() == b"a picture"


def test_another_machine_reads_once(s3: S3Backend, relay: Relay, tmp_path: Path) -> None:
    artifact = put(s3.open(), BIG)

    place = {"endpoint": relay.endpoint, "data_dir": str(tmp_path / "machine")}
    assert s3.open(**place).verify(artifact)
    assert s3.open(**place).fetch(artifact).read_bytes() == BIG
    assert s3.open(**place).verify(artifact)
    assert len(BIG) < relay.carried < 1.1 * len(BIG)


def test_a_broken_download_is_taken_up_where_it_broke(s3: S3Backend, relay: Relay) -> None:
    artifact = put(s3.open(), BIG)
    relay.limit = 5_000_000

    assert s3.open(endpoint=relay.endpoint).fetch(artifact).read_bytes() == BIG
    assert relay.reached.is_set()
    assert relay.carried < 1.3 * len(BIG)


def test_a_broken_upload_is_sent_again(s3: S3Backend, relay: Relay) -> None:
    relay.limit = 7_000_000

    artifact = put(s3.open(endpoint=relay.endpoint), BIG)

    assert relay.reached.is_set()
    assert s3.open().fetch(artifact).read_bytes() == BIG


def test_killed_while_sending(
    s3: S3Backend, relay: Relay, tmp_path: Path, kill_at_end: list[subprocess.Popen[str]]
) -> None:
    (tmp_path / "film.mp4").write_bytes(BIG)
    relay.limit, relay.stalls = 7_000_000, True
    kill_at_end.append(s3.start("put_file", tmp_path / "film.mp4", endpoint=relay.endpoint))
    assert relay.reached.wait(60)
    kill_at_end[0].kill()
    kill_at_end[0].wait()

    store = s3.open()
    assert usage(store).artifacts == 0
    assert collect(store, older_than_s=0).leftovers == 0
    assert collect(store, older_than_s=0, grace_s=-60).leftovers == 1
    assert collect(store, older_than_s=0, grace_s=-60).leftovers == 0


def test_prefixes_do_not_meet(s3: S3Backend) -> None:
    ours, theirs = s3.open(), s3.open(prefix="team b")
    put(ours)
    theirs.write_record(KEY, b"{}")

    assert usage(theirs).artifacts == 0
    assert list(ours.records()) == []
    assert usage(s3.open(prefix="/team a/courses/")).artifacts == 1


def test_a_record_that_is_used_is_kept_young(s3: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    store = s3.open()
    store.write_record(KEY, b"{}")
    [(_, before)] = store.records()
    half_a_day_later = time.time() + 13 * 3600
    monkeypatch.setattr("coursewright.store.s3.time.time", lambda: half_a_day_later)

    written: list[tuple[str, bytes]] = []
    monkeypatch.setattr(store, "write_record", lambda key, record: written.append((key, record)))
    store.read_record(KEY, touch=False)
    assert written == []
    store.read_record(KEY)
    assert written == [(KEY, b"{}")]
    assert before < half_a_day_later


def test_sweeping_empties_the_cache_of_what_nobody_used(s3: S3Backend, tmp_path: Path) -> None:
    store = s3.open(data_dir=str(tmp_path / "machine"))
    artifact = put(store)
    path = store.fetch(artifact)

    store.sweep(older_than_s=3600)
    assert path.exists()
    store.sweep(older_than_s=-1)
    assert not path.exists()
    assert store.fetch(artifact).read_bytes() == b"a picture"
