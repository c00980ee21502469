"""Bytes behind links: who may have them, which part, and as what."""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright_api.files.names import disposition, safe_name
from coursewright_api.files.ranges import Unsatisfiable, wanted
from coursewright_api.files.sending import PIECE_BYTES
from httpx import Response

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)  # no row is read here

DATA = os.urandom(1_000)


def put(api: Any, data: bytes = DATA, media_type: str = "video/mp4", name: str = "film.mp4") -> Artifact:
    artifact: Artifact = api.service.store.put_bytes(data, name=name, media_type=media_type)
    return artifact


def place_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


async def get(api: Any, url: str, method: str = "GET", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: Response = await api.client.request(method, place_of(url), headers=named)
    return answer


@on_sqlite
async def test_a_link_gives_the_bytes_to_whoever_has_it(api: Any) -> None:
    artifact = put(api)
    link = api.service.files.link(artifact, expires_in_s=60)
    assert 58 < link.expires_at.timestamp() - time.time() <= 61
    answer = await get(api, link.url)
    assert (answer.status_code, answer.content) == (200, DATA)
    for name, value in {
        "content-type": "video/mp4",
        "content-length": "1000",
        "etag": f'"{artifact.digest}"',
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-disposition": "attachment; filename=\"film.mp4\"; filename*=UTF-8''film.mp4",
    }.items():
        assert answer.headers[name] == value
    assert answer.headers["cache-control"].startswith("private, immutable, max-age=")

    head = await get(api, link.url, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "accept-ranges", "content-disposition"):
        assert head.headers[name] == answer.headers[name]


@on_sqlite
async def test_parts_of_a_file(api: Any) -> None:
    data = os.urandom(20 * PIECE_BYTES + 100)
    artifact = put(api, data)
    url = api.service.files.link(artifact).url
    assert (await get(api, url)).content == data
    for range_, start, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, len(data)),
        ("bytes=-7", len(data) - 7, len(data)),
        (f"bytes={PIECE_BYTES - 1}-{PIECE_BYTES}", PIECE_BYTES - 1, PIECE_BYTES + 1),
        ("bytes=5-99999999999", 5, len(data)),
    ]:
        answer = await get(api, url, Range=range_)
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
        assert answer.content == data[start:end]
        assert (await get(api, url, "HEAD", Range=range_)).headers["content-length"] == str(end - start)

    outside = await get(api, url, Range=f"bytes={len(data)}-")
    assert (outside.status_code, outside.json()["code"]) == (416, "range_unsatisfiable")
    assert outside.headers["content-range"] == f"bytes */{len(data)}"
    etag = f'"{artifact.digest}"'
    assert (await get(api, url, Range="bytes=0-0", If_Range=etag)).status_code == 206
    assert (await get(api, url, Range="bytes=0-0", If_Range='"other"')).status_code == 200
    for same in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = await get(api, url, If_None_Match=same)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await get(api, url, If_None_Match='"x"')).status_code == 200


def test_ranges() -> None:
    for header in (None, "", "bytes=", "bytes=-", "items=0-1", "bytes=2-1", "bytes=0-1,3-4", "bytes=a-b", "bytes=1"):
        assert wanted(header, 10) is None, header
    assert wanted("bytes=" + "9" * 19 + "-", 10) is None
    assert wanted("Bytes = 3-4", 10) == (3, 5)
    assert wanted("bytes=-99", 10) == (0, 10)
    for header in ("bytes=10-", "bytes=-0"):
        with pytest.raises(Unsatisfiable):
            wanted(header, 10)
    with pytest.raises(Unsatisfiable):
        wanted("bytes=0-", 0)


@on_sqlite
async def test_an_altered_or_old_link_gives_nothing(api: Any) -> None:
    artifact, other = put(api), put(api, b"secret")
    url = api.service.files.link(artifact, expires_in_s=60, inline=True).url
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    later = str(int(query["expires"]) + 1)
    for changed in (
        {"expires": later},
        {"type": "text/html"},
        {"inline": "0"},
        {"signature": "0" * 64},
        {"signature": "ü"},
    ):
        answer = await api.client.get(f"{parts.path}?{urlencode({**query, **changed})}")
        assert (answer.status_code, answer.json()["code"]) == (403, "link_invalid"), changed
    for path in (
        parts.path.replace(artifact.digest, other.digest),
        parts.path.replace(artifact.digest, artifact.digest.upper()),
        parts.path.replace("film.mp4", "film.html"),
        parts.path.replace("film.mp4", "..%2f..%2fjwt.key"),
        parts.path.replace(artifact.digest, "..%2f..%2fjwt.key"),
    ):
        answer = await api.client.get(f"{path}?{parts.query}")
        assert answer.status_code in {403, 404}, path
        assert answer.headers["content-type"] == "application/problem+json"
    del query["signature"]
    assert (await api.client.get(f"{parts.path}?{urlencode(query)}")).status_code == 422

    old = api.service.files.link(artifact, expires_in_s=-1).url
    answer = await get(api, old)
    assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")
    api.service.store.delete(artifact.digest)
    assert (await get(api, url)).status_code == 404


@on_sqlite
async def test_what_a_stranger_made_runs_nothing(api: Any) -> None:
    for media_type in ("image/svg+xml", "text/html", "application/xhtml+xml", "text/xml", "application/zip"):
        artifact = put(api, b"<svg/>", media_type, "x.svg")
        answer = await get(api, api.service.files.link(artifact, inline=True).url)
        assert answer.headers["content-disposition"].startswith("inline; ")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "script" not in policy
    film = await get(api, api.service.files.link(put(api), inline=True).url)
    assert "media-src 'self'" in film.headers["content-security-policy"]


@on_sqlite
@pytest.mark.parametrize(
    "name", ["größe 漢字.mp4", 'a"b;c%.mp4', "a/../b.mp4", "e\u0301\u202e.mp4", "x" * 250 + ".mp4"]
)
async def test_any_name_is_safe_in_link_and_header(api: Any, name: str) -> None:
    answer = await get(api, api.service.files.link(put(api), name=name).url)
    assert answer.status_code == 200
    header = answer.headers["content-disposition"]
    assert header.isascii()
    assert header.endswith(f"filename*=UTF-8''{quote(safe_name(name), safe='')}")
    assert header.count('"') == 2


def test_names() -> None:
    assert safe_name("me.PNG", suffix=".webp") == "me.webp"
    assert safe_name("archive.tar.gz") == "archive.tar.gz"
    assert safe_name("v1.2 of my notes about tides") == "v1.2 of my notes about tides"
    assert safe_name("..", otherwise="film") == "film"
    assert safe_name("lpt1.md") == "_lpt1.md"
    assert disposition("é.md", inline=True) == "inline; filename=\"e.md\"; filename*=UTF-8''%C3%A9.md"
    assert disposition("漢", inline=False) == "attachment; filename=\"file\"; filename*=UTF-8''%E6%BC%A2"


async def test_downloads_and_previews_of_assets(api: Any) -> None:
    bob = await api.author()
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>'
    files = {"file": ("me.svg", svg)}
    made = (await bob.ask("POST", "/api/assets", files=files, data={"type": "portrait"})).json()
    path = f"/api/assets/{made['id']}"
    link = (await bob.ask("GET", f"{path}/download")).json()
    assert (await get(api, link["url"])).headers["content-disposition"].startswith("attachment")
    shown = await bob.ask("GET", f"{path}/download", params={"redirect": "true", "inline": "true"})
    assert shown.status_code == 302
    assert (await get(api, shown.headers["location"])).headers["content-disposition"].startswith("inline")
    preview = await bob.ask("GET", f"{path}/preview")
    assert preview.status_code == 302
    assert (await get(api, preview.headers["location"])).headers["content-type"] == "image/svg+xml"
    assert (await bob.ask("GET", f"{path}/preview", params={"redirect": "false"})).json()["url"]

    files = {"file": ("n.md", b"# Notes")}
    notes = (await bob.ask("POST", "/api/assets", files=files, data={"type": "document"})).json()
    assert (await bob.ask("GET", f"/api/assets/{notes['id']}/preview")).status_code == 404
