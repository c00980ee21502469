"""Share links: made and ended by their owner, opened by anybody who has one, and by nobody else."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, AssetType, JobState, UserState
from coursewright_api.database.tables import Asset, AuditEvent, Job, PipelineVersion, ShareLink, User
from coursewright_api.share.showing import embed

pytestmark = pytest.mark.anyio

SHARE = "/api/share"
FILM = bytes(range(256)) * 40
PAGE = b"<!doctype html><title>course</title>"


async def job(person: Any, title: str = "How tides work") -> str:
    """A job that is completed, without results."""
    when: dict[str, Any] = {"created_at": now()}
    names: dict[str, Any] = {
        "title": "",
        "description": "",
        "text": "",
        "files": "",
        "bundle": "",
        "bundle_digest": "",
        "note": "",
    }
    version = PipelineVersion(id=uuid4(), name=uuid4().hex, current=False, **names, **when)
    await version.save()
    texts = (
        "description",
        "inputs",
        "parameters",
        "providers",
        "part",
        "request_digest",
        "message",
        "error",
        "outputs",
    )
    empty: dict[str, Any] = dict.fromkeys(texts, "")
    row = Job(
        id=uuid4(),
        owner=UUID(person.id),
        pipeline_version=version.id,
        pipeline="course",
        title=title,
        state=JobState.completed,
        updated_at=now(),
        **empty,
        **when,
    )
    await row.save()
    return str(row.id)


async def result(api: Any, person: Any, job_id: str, name: str, media_type: str, data: bytes, **more: Any) -> str:
    artifact = api.service.store.put_bytes(data, name=name, media_type=media_type)
    values: dict[str, Any] = {
        **{"type": AssetType.result, "state": AssetState.ready, "name": name, "file_name": name},
        **{"digest": artifact.digest, "media_type": media_type, "size_bytes": len(data)},
        **{"job": UUID(job_id), "output": "video", "created_at": now(), "updated_at": now(), **more},
    }
    row = Asset(id=uuid4(), owner=UUID(person.id), **values)
    await row.save()
    return str(row.id)


def zipped(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            kind = zipfile.ZIP_STORED if name.endswith("mp4") else zipfile.ZIP_DEFLATED
            archive.writestr(name.replace("__", "/").replace("_", "."), content, compress_type=kind)
    return data.getvalue()


async def made(api: Any, person: Any, *, course: bool = True) -> str:
    """A job with a film, its captions and chapters, a script, and a package."""
    job_id = await job(person)
    await result(api, person, job_id, "tides.mp4", "video/mp4", FILM)
    await result(api, person, job_id, "tides.en.vtt", "text/vtt", b"WEBVTT\n")
    await result(api, person, job_id, "tides.chapters.vtt", "text/vtt", b"WEBVTT\n\n")
    await result(api, person, job_id, "script.json", "application/json", b"{}")
    if course:
        package = zipped(index_html=PAGE, sub__player_js=b"let a = 1;" * 100, film_mp4=FILM)
        await result(api, person, job_id, "tides-scorm12.zip", "application/zip", package, output="package")
    return job_id


async def share(person: Any, job_id: str, **more: Any) -> dict[str, Any]:
    answer = await person.ask("POST", SHARE, json={"job_id": job_id, **more})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def opened(api: Any, link: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer = await api.client.get(f"{SHARE}/open/{link['token']}", **options)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def roles(shared: dict[str, Any]) -> list[str]:
    return [each["role"] for each in shared["files"]]


def path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


async def test_a_link_is_made_opened_and_revoked(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob))
    assert link["title"] == "How tides work"
    assert link["url"].endswith(f"/s/{link['token']}")
    assert (link["state"], link["opened"], link["has_password"]) == ("open", 0, False)

    shared = await opened(api, link)

    assert roles(shared) == ["film", "captions"], "the player's media only"
    film = await api.client.get(path(shared["files"][0]["url"]))
    assert (film.content, film.headers["content-type"]) == (FILM, "video/mp4")
    assert film.headers["content-disposition"].startswith("inline")
    part = await api.client.get(path(shared["files"][0]["url"]), headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, FILM[10:20])
    assert (await bob.ask("GET", f"{SHARE}/{link['id']}")).json()["opened"] == 1

    for _ in range(2):
        assert (await bob.ask("DELETE", f"{SHARE}/{link['id']}")).status_code == 204

    answers = [await api.client.get(each) for each in (f"{SHARE}/open/{link['token']}", path(link["url"]))]
    answers.append(await api.client.get(path(shared["files"][0]["url"])))
    assert [answer.status_code for answer in answers] == [410, 410, 410]
    assert answers[0].json()["code"] == "link_revoked"
    assert "This link was withdrawn" in answers[1].text
    actions = await AuditEvent.select(AuditEvent.action).where(AuditEvent.action.like("share%"))
    assert [each["action"] for each in actions] == ["share_link_made", "share_link_revoked"]


async def test_with_the_permission_all_results_can_be_saved(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob), may_download=True)

    shared = await opened(api, link)

    assert roles(shared) == ["film", "captions", "other", "other", "course"]
    for each in shared["files"]:
        saved = await api.client.get(path(each["url"]) + "?download=1")
        assert saved.status_code == 200
        assert saved.headers["content-disposition"].startswith("attachment")
        assert len(saved.content) == each["size_bytes"]


async def test_without_the_permission_nothing_is_saved(api: Any) -> None:
    bob = await api.author()
    job_id = await made(api, bob)
    link = await share(bob, job_id)
    film = path((await opened(api, link))["files"][0]["url"])
    ticket = film.split("/")[4]

    assert (await api.client.get(f"{film}?download=1")).status_code == 404
    for row in await Asset.select(Asset.id, Asset.file_name).where(Asset.file_name.like("%.%")):
        answer = await api.client.get(f"/s/{link['token']}/media/{ticket}/{row['id']}/x")
        assert answer.status_code == (200 if row["file_name"] in {"tides.mp4", "tides.en.vtt"} else 404)
    assert "Files to save" not in (await api.client.get(path(link["url"]))).text


async def test_results_of_other_jobs_and_deleted_ones_are_not_shown(api: Any) -> None:
    bob, eve = await api.author(), await api.author("eve")
    link = await share(bob, await made(api, bob), may_download=True)
    other = await result(api, bob, await job(bob), "b.mp4", "video/mp4", b"b")
    hers = await result(api, eve, await job(eve), "c.mp4", "video/mp4", b"c")
    shared = await opened(api, link)
    film, ticket = shared["files"][0], path(shared["files"][0]["url"]).split("/")[4]

    for each in (other, hers, str(uuid4())):
        assert (await api.client.get(f"/s/{link['token']}/media/{ticket}/{each}/x")).status_code == 404
    await Asset.update({Asset.deleted_at: now()}).where(Asset.file_name == "tides.mp4")
    assert (await api.client.get(path(film["url"]))).status_code == 404


async def test_a_password_lets_in_who_knows_it(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob), password="low tide é")
    assert link["has_password"]
    assert "low tide" not in str(await ShareLink.select().first())
    url = f"{SHARE}/open/{link['token']}"

    assert (await api.client.get(url)).json()["code"] == "password_needed"
    assert (await api.post(url, {"password": "wrong"})).json()["code"] == "password_wrong"
    assert (await api.post(url, {"password": "low tide é"})).status_code == 200
    header = {"X-Share-Password": "low tide é".encode()}
    assert (await api.client.get(url, headers=header)).status_code == 200

    page = path(link["url"])
    asked = await api.client.get(page)
    assert (asked.status_code, 'type="password"' in asked.text) == (401, True)
    wrong = await api.client.post(page, data={"password": "nope"})
    assert (wrong.status_code, "That is not the password." in wrong.text) == (401, True)
    right = await api.client.post(page, data={"password": "low tide é"})
    assert (right.status_code, "<video" in right.text) == (200, True)
    cookie = right.headers["set-cookie"]
    assert f"Path={page}" in cookie
    assert "HttpOnly" in cookie
    assert (await api.client.get(page)).status_code == 200, "the cookie remembers"

    await bob.ask("PATCH", f"{SHARE}/{link['id']}", json={"password": "high tide"})
    assert (await api.client.get(page)).status_code == 401, "another password, and the cookie is worthless"
    await bob.ask("PATCH", f"{SHARE}/{link['id']}", json={"password": None})
    assert (await api.client.get(page)).status_code == 200


async def test_guessing_is_slowed_down(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob, course=False), password="low tide")
    page = path(link["url"])

    statuses = [(await api.client.post(page, data={"password": "guess"})).status_code for _ in range(21)]

    assert statuses == [401] * 20 + [429]
    late = await api.client.post(page, data={"password": "low tide"})
    assert (late.status_code, "retry-after" in late.headers) == (429, True)


async def test_a_link_ends(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob, course=False), expires_in_s=60)
    await ShareLink.update({ShareLink.expires_at: now() - timedelta(seconds=1)}).where(ShareLink.id == UUID(link["id"]))

    answer = await api.client.get(f"{SHARE}/open/{link['token']}")

    assert (answer.status_code, answer.json()["code"]) == (410, "link_expired")
    assert "This link has expired" in (await api.client.get(path(link["url"]))).text
    assert (await bob.ask("GET", f"{SHARE}/{link['id']}")).json()["state"] == "expired"
    longer = await bob.ask("PATCH", f"{SHARE}/{link['id']}", json={"expires_in_s": 3600, "title": "Tides"})
    assert (longer.json()["state"], longer.json()["title"]) == ("open", "Tides")
    assert (await opened(api, link))["title"] == "Tides"


async def test_a_link_ends_with_its_job_and_rests_with_its_owner(api: Any) -> None:
    bob = await api.author()
    job_id = await made(api, bob, course=False)
    link = await share(bob, job_id)
    url = f"{SHARE}/open/{link['token']}"

    await User.update({User.state: UserState.disabled}).where(User.id == UUID(bob.id))
    assert (await api.client.get(url)).status_code == 410
    await User.update({User.state: UserState.active}).where(User.id == UUID(bob.id))
    assert (await api.client.get(url)).status_code == 200
    await Job.delete().where(Job.id == UUID(job_id))
    assert (await api.client.get(url)).status_code == 404


async def test_a_made_up_token_leads_nowhere(api: Any) -> None:
    for token in ("", "x", "A" * 43, "é", "%2e%2e", "%00", "a" * 5000):
        assert (await api.client.get(f"{SHARE}/open/{token}")).status_code in {404, 405}
        assert (await api.client.get(f"/s/{token}")).status_code == 404


async def test_a_token_that_was_altered_leads_nowhere(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob, course=False))
    token = link["token"]
    changed = [token[:-1], token + "A", token.swapcase(), "A" + token[1:], token[:30] + "A" + token[31:]]

    for each in changed:
        if each != token:
            assert (await api.client.get(f"{SHARE}/open/{each}")).status_code == 404
    film = path((await opened(api, link))["files"][0]["url"]).split("/")
    film[4] = film[4][:-1] + ("A" if film[4][-1] != "A" else "B")
    assert (await api.client.get("/".join(film))).status_code == 401


async def test_somebody_elses_links_are_not_there(api: Any) -> None:
    bob, eve = await api.author(), await api.author("eve")
    job_id = await made(api, bob, course=False)
    link = await share(bob, job_id)
    one = f"{SHARE}/{link['id']}"

    assert (await eve.ask("POST", SHARE, json={"job_id": job_id})).status_code == 404
    assert (await eve.ask("GET", one)).status_code == 404
    assert (await eve.ask("PATCH", one, json={"title": "mine"})).status_code == 404
    assert (await eve.ask("DELETE", one)).status_code == 404
    assert (await eve.ask("GET", f"{SHARE}?job_id={job_id}")).json()["items"] == []
    assert (await api.client.get(one)).status_code == 401
    assert (await opened(api, link))["title"] == "How tides work"


async def test_pages_come_newest_first_and_by_job(api: Any) -> None:
    bob = await api.author()
    first, second = await job(bob, "first"), await job(bob, "")
    ids = [(await share(bob, each))["id"] for each in (first, second, first)]

    one = (await bob.ask("GET", f"{SHARE}?limit=2")).json()
    two = (await bob.ask("GET", f"{SHARE}?limit=2&cursor={one['next_cursor']}")).json()

    assert [each["id"] for each in one["items"] + two["items"]] == ids[::-1]
    assert [each["title"] for each in one["items"]] == ["first", "course"], "without a title: the pipeline's name"
    by_job = (await bob.ask("GET", f"{SHARE}?job_id={first}")).json()["items"]
    assert [each["id"] for each in by_job] == [ids[2], ids[0]]


async def test_what_is_wrong_is_named(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await job(bob))
    wrong: dict[str, Any] = {"/expires_in_s": 5, "/password": "abc", "/title": "a\nb", "/more": 1}
    for pointer, value in wrong.items():
        answer = await bob.ask("PATCH", f"{SHARE}/{link['id']}", json={pointer[1:]: value})
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    await bob.ask("DELETE", f"{SHARE}/{link['id']}")
    answer = await bob.ask("PATCH", f"{SHARE}/{link['id']}", json={"title": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "share_revoked")


async def test_titles_are_text_wherever_they_stand(api: Any) -> None:
    bob = await api.author()
    title = """"><script>alert(1)</script>'&"""
    link = await share(bob, await made(api, bob), title=title)

    for text in (link["embed"], (await api.client.get(path(link["url"]))).text):
        assert "<script" not in text
        assert "&lt;script&gt;" in text
    assert link["embed"] == embed(link["url"], title)


async def test_the_player_may_be_framed_and_runs_no_script(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob))

    page = await api.client.get(path(link["url"]))

    policy = page.headers["content-security-policy"]
    assert "x-frame-options" not in page.headers
    assert "frame-ancestors" not in policy
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")
    assert 'kind="captions"' in page.text
    assert 'srclang="en"' in page.text
    assert "chapters.vtt" not in page.text
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["referrer-policy"] == "same-origin"
    assert (await api.client.get("/health/live")).headers["x-frame-options"] == "DENY"


async def test_a_package_is_played_from_its_zip(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob))
    course = path((await opened(api, link))["course_url"])

    begin = await api.client.get(course, follow_redirects=True)
    script = await api.client.get(f"{course}sub/player.js")
    film = await api.client.get(f"{course}film.mp4", headers={"Range": "bytes=-6"})

    assert (begin.content, begin.headers["content-type"]) == (PAGE, "text/html; charset=utf-8")
    assert "sandbox allow-scripts;" in begin.headers["content-security-policy"]
    assert "allow-same-origin" not in begin.headers["content-security-policy"]
    assert "x-frame-options" not in begin.headers
    assert (script.content, script.headers["content-type"]) == (b"let a = 1;" * 100, "text/javascript; charset=utf-8")
    assert (film.status_code, film.content, film.headers["content-type"]) == (206, FILM[-6:], "video/mp4")
    whole = await api.client.get(f"{course}film.mp4")
    assert (whole.status_code, whole.content) == (200, FILM)
    same = await api.client.get(f"{course}film.mp4", headers={"If-None-Match": whole.headers["etag"]})
    assert same.status_code == 304
    head = await api.client.head(f"{course}film.mp4")
    assert (head.headers["content-length"], head.content) == (str(len(FILM)), b"")
    assert (await api.client.get(f"{course}film.mp4", headers={"Range": "bytes=99999-"})).status_code == 416


async def test_only_files_of_the_package_are_served(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await made(api, bob))
    course = path((await opened(api, link))["course_url"])
    names = ("%2e%2e/index.html", "..%2f..%2findex.html", "/etc/passwd", "sub", "sub/", "INDEX.HTML", "index.html%00")

    for name in names:
        answer = await api.client.get(course + name)
        assert answer.status_code in {404, 405}, name
        assert PAGE not in answer.content


async def test_what_is_no_course_says_so(api: Any) -> None:
    bob = await api.author()
    for data in (b"no zip", zipped(readme_txt=b"x"), zipped(imsmanifest_xml=b"<x>")):
        job_id = await job(bob)
        await result(api, bob, job_id, "course.zip", "application/zip", data)
        page = await api.client.get(path((await share(bob, job_id))["url"]))
        assert (page.status_code, "This course cannot be played here" in page.text) == (404, True)


async def test_a_foreign_package_begins_where_its_manifest_says(api: Any) -> None:
    bob = await api.author()
    job_id = await job(bob)
    manifest = b"""<manifest xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2">
      <resources><resource href="start.htm?a=1"/></resources></manifest>"""
    data = zipped(imsmanifest_xml=manifest, start_htm=PAGE)
    await result(api, bob, job_id, "course.zip", "application/zip", data)
    link = await share(bob, job_id)

    page = await api.client.get(path((await opened(api, link))["course_url"]), follow_redirects=True)

    assert page.content == PAGE


async def test_a_job_without_results_says_so(api: Any) -> None:
    bob = await api.author()
    link = await share(bob, await job(bob))

    assert roles(await opened(api, link)) == []
    assert "nothing to watch yet" in (await api.client.get(path(link["url"]))).text


async def test_a_store_that_browsers_reach_sends_films_itself(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Direct:
        """A store such as S3, as far as links need it."""

        def download_url(self, digest: str, **wanted: Any) -> str:
            return f"https://store.example.org:9000/{digest}?{wanted['disposition'].partition(';')[0]}"

    monkeypatch.setattr(type(api.service.store), "direct", Direct())
    bob = await api.author()
    link = await share(bob, await made(api, bob), may_download=True)

    page = await api.client.get(path(link["url"]))
    film, captions = (await opened(api, link))["files"][:2]
    sent = await api.client.get(path(film["url"]))
    saved = await api.client.get(path(film["url"]) + "?download=1")

    assert "media-src 'self' https://store.example.org:9000;" in page.headers["content-security-policy"]
    assert (sent.status_code, sent.headers["location"].endswith("?inline")) == (307, True)
    assert saved.headers["location"].endswith("?attachment")
    read = await api.client.get(path(captions["url"]))
    assert read.content == b"WEBVTT\n", "a track must come from the page's own origin"
