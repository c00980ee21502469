"""Addresses by which a client without keys reads from an S3 store and sends to it."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from xml.etree import ElementTree

import httpx
import pytest
from coursewright.errors import StoreError
from coursewright.store.contract import Direct
from coursewright.store.gc import collect, usage

if TYPE_CHECKING:
    from engine.tests.store.conftest import LocalBackend, S3Backend

DATA = b"a film" * 1_000
DISPOSITION = "attachment; filename=\"film.mp4\"; filename*=UTF-8''g%C3%A9%20film.mp4"


def direct(s3: S3Backend) -> Direct:
    found = s3.open().direct
    assert found is not None
    return found


def test_a_folder_has_no_addresses(local: LocalBackend) -> None:
    assert local.open().direct is None


def test_bytes_are_read_by_their_address(s3: S3Backend) -> None:
    artifact = s3.open().put_bytes(DATA, name="film.mp4", media_type="video/mp4")
    url = direct(s3).download_url(artifact.digest, expires_in_s=60, media_type="video/mp4", disposition=DISPOSITION)

    answer = httpx.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"].startswith("video/mp4")
    assert answer.headers["content-disposition"] == DISPOSITION
    assert httpx.get(url, headers={"Range": "bytes=2-5"}).content == DATA[2:6]


def test_an_address_is_for_these_bytes_in_this_way_and_for_a_while(s3: S3Backend) -> None:
    store = s3.open()
    film, other = (store.put_bytes(data, name="x", media_type="video/mp4") for data in (DATA, b"secret"))
    url = direct(s3).download_url(film.digest, expires_in_s=60, media_type="video/mp4", disposition="inline")
    for changed in (
        url.replace(film.digest, other.digest),
        url.replace("video%2Fmp4", "text%2Fhtml"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
    ):
        assert changed != url
        assert httpx.get(changed).status_code == 403
    assert httpx.put(url, content=b"x").status_code == 403
    assert httpx.get(url.partition("?")[0]).status_code in {400, 403}
    with pytest.raises(StoreError, match="is not a SHA-256"):
        direct(s3).download_url("../../x", expires_in_s=60, media_type="video/mp4", disposition="inline")


def test_what_is_sent_is_fetched_and_dropped(s3: S3Backend, tmp_path: Path) -> None:
    ours = direct(s3)
    url = ours.upload_url("one", expires_in_s=60)
    assert ours.uploaded_bytes("one") is None
    path = tmp_path / "staged" / "one"
    with pytest.raises(StoreError):
        ours.fetch_upload("one", path)
    assert not path.exists()
    assert httpx.get(url).status_code == 403
    assert httpx.put(url.replace("uploads/one", "uploads/two"), content=DATA).status_code == 403

    assert httpx.put(url, content=DATA, headers={"Content-Type": "video/mp4"}).status_code == 200
    assert ours.uploaded_bytes("one") == len(DATA)
    ours.fetch_upload("one", path)
    assert path.read_bytes() == DATA
    assert [each.name for each in path.parent.iterdir()] == ["one"]
    store = s3.open()
    assert usage(store).artifacts == 0  # it is not stored by being sent
    collect(store, older_than_s=0, grace_s=-60)
    assert ours.uploaded_bytes("one") == len(DATA)

    for _ in range(2):
        ours.drop_upload("one")
    assert ours.uploaded_bytes("one") is None
    for name in ("", "../blobs/x", "a/b", "x" * 65):
        with pytest.raises(StoreError, match="is no name of an upload"):
            ours.upload_url(name, expires_in_s=60)


def test_parts_are_sent_in_any_order_and_joined_in_theirs(s3: S3Backend, tmp_path: Path) -> None:
    ours = direct(s3)
    sent = [("one", 11, b"c"), ("one", 0, b"a"), ("one", 2, b"?"), ("one", 2, b"bb"), ("one-1", 0, b"x")]
    for upload, part, data in sent:
        url = ours.upload_url(upload, expires_in_s=60, part=part)
        assert httpx.put(url.replace(".000", ".001"), content=data).status_code == 403
        assert httpx.put(url, content=data).status_code == 200
    assert ours.uploaded_bytes("one") == 4
    path = tmp_path / "staged" / "one"
    ours.fetch_upload("one", path)
    assert path.read_bytes() == b"abbc"
    assert [each.name for each in path.parent.iterdir()] == ["one"]

    ours.drop_upload("one")
    assert ours.uploaded_bytes("one") is None
    assert ours.uploaded_bytes("one-1") == 1
    for part in (-1, 100_000):
        with pytest.raises(StoreError, match="has no part"):
            ours.upload_url("one", expires_in_s=60, part=part)


ORIGINS = ["https://courses.example.org", "https://lms.example.org/?a&b"]


def test_a_bucket_is_made_and_a_server_without_cors_is_named(s3: S3Backend) -> None:
    fresh = s3.open(bucket=f"{s3.bucket}-new").direct
    assert fresh is not None
    said = fresh.prepare(ORIGINS[:1])
    assert said == [
        f"made the bucket '{s3.bucket}-new'",
        "the server cannot be told which pages may use the bucket (NotImplemented); "
        "allow https://courses.example.org to GET, HEAD and PUT in its own settings",
    ]
    assert s3.client.bucket_exists(f"{s3.bucket}-new")
    assert fresh.prepare(ORIGINS[:1])[0] == f"the bucket '{s3.bucket}-new' is there"
    refused = s3.open(secret_key="wrong").direct
    assert refused is not None
    with pytest.raises(StoreError):
        refused.prepare(ORIGINS)


class Bucket(http.server.BaseHTTPRequestHandler):
    """A server that takes the bucket's rules for pages. None that does so can be started here."""

    asked: ClassVar[list[tuple[str, str, bytes]]] = []

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Authorization"], body))
        self.do_HEAD()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_bucket_is_opened_to_pages(s3: S3Backend) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            ours = s3.open(endpoint=f"127.0.0.1:{server.server_port}").direct
            assert ours is not None
            said = ours.prepare(ORIGINS)
        finally:
            server.shutdown()
    assert said[1] == f"pages of {ORIGINS[0]} and {ORIGINS[1]} may read from the bucket and send to it"
    [(path, signed, body)] = Bucket.asked
    assert path == f"/{s3.bucket}?cors="
    assert signed.startswith("AWS4-HMAC-SHA256 ")
    rules = ElementTree.fromstring(body)
    assert [each.text for each in rules.iter("AllowedOrigin")] == ORIGINS
    assert [each.text for each in rules.iter("AllowedMethod")] == ["GET", "HEAD", "PUT"]
