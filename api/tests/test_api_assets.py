"""Files of people: uploading, finding, changing, deleting."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from coursewright.capabilities.artifacts import Artifact
from coursewright.store.gc import collect
from coursewright_api.assets.parts import MOST_PARTS, PART_BYTES, cut
from coursewright_api.assets.uploads import PROCESSING_S
from coursewright_api.database.columns import now
from coursewright_api.database.states import AssetState, JobState
from coursewright_api.database.tables import Asset, Job, PipelineVersion
from coursewright_api.problems import ApiError
from httpx import Response
from PIL import Image

pytestmark = pytest.mark.anyio

ASSETS = "/api/assets"


def picture(width: int = 300, height: int = 400, *, colour: str = "#a06040", kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind, **more)
    return out.getvalue()


def problem(answer: Response) -> tuple[int, str]:
    """Status and code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def upload(
    person: Any, data: bytes = b"# Notes\n", file_name: str = "notes.md", type: str = "document", **fields: str
) -> Response:
    answer: Response = await person.ask(
        "POST", ASSETS, files={"file": (file_name, data)}, data={"type": type, **fields}
    )
    return answer


async def uploaded(person: Any, *given: Any, **options: Any) -> dict[str, Any]:
    answer = await upload(person, *given, **options)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def fetched(api: Any, link: dict[str, Any], **options: Any) -> Response:
    """What a link leads to; no credentials go with it."""
    parts = urlsplit(link["url"])
    answer: Response = await api.client.get(f"{parts.path}?{parts.query}", **options)
    return answer


async def test_a_portrait_is_uploaded_listed_shown_and_fetched(api: Any) -> None:
    bob = await api.author()
    made = await uploaded(bob, picture(), "me.png", "portrait", name="Me", description="at work")
    assert (made["state"], made["type"], made["name"], made["description"]) == ("ready", "portrait", "Me", "at work")
    assert (made["media_type"], made["file_name"]) == ("image/png", "me.png")
    assert (made["width_px"], made["height_px"], made["has_preview"]) == (300, 400, True)
    assert made["notes"] == ["no face was found; talking heads need one that looks into the camera"]

    page = (await bob.ask("GET", ASSETS)).json()
    assert [each["id"] for each in page["items"]] == [made["id"]]
    shown = (await bob.ask("GET", f"{ASSETS}/{made['id']}")).json()
    answer = await fetched(api, shown["download"])
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).getpixel((5, 5)) == (0xA0, 0x60, 0x40)
    assert answer.headers["content-disposition"].startswith('attachment; filename="me.png"')


async def test_a_file_that_is_sent_directly_is_announced_and_confirmed(api: Any) -> None:
    bob = await api.author()
    data = picture()
    body = {"file_name": "me.png", "type": "portrait", "size_bytes": len(data), "media_type": "image/png"}
    answer = await bob.ask("POST", f"{ASSETS}/presigned-url", json=body)
    assert answer.status_code == 201, answer.text
    ticket = answer.json()
    asset, target = ticket["asset"], ticket["upload"]
    assert (asset["state"], asset["size_bytes"], target["method"]) == ("pending", len(data), "PUT")
    path = f"{ASSETS}/{asset['id']}"
    assert problem(await bob.ask("POST", f"{path}/confirm")) == (409, "upload_missing")
    assert problem(await bob.ask("GET", f"{path}/download")) == (409, "not_ready")

    place = urlsplit(target["url"])
    where = f"{place.path}?{place.query}"
    assert (await api.client.put(where, content=data, headers=target["headers"])).status_code == 204
    made = (await bob.ask("POST", f"{path}/confirm")).json()
    assert (made["state"], made["width_px"], made["upload_expires_at"]) == ("ready", 300, None)
    assert (await bob.ask("POST", f"{path}/confirm")).json()["download"]["url"].split("?")[0] == (
        made["download"]["url"].split("?")[0]
    )
    named = await bob.ask("POST", ASSETS, json={"asset_id": asset["id"], "name": "Me"})
    assert (named.status_code, named.json()["name"], named.json()["state"]) == (201, "Me", "ready")
    assert problem(await api.client.put(where, content=data)) == (409, "not_pending")


async def test_the_announced_length_counts(api: Any) -> None:
    bob = await api.author()
    body = {"file_name": "n.md", "type": "document", "size_bytes": 10}
    target = (await bob.ask("POST", f"{ASSETS}/uploads", json=body)).json()["upload"]
    place = urlsplit(target["url"])
    where = f"{place.path}?{place.query}"
    assert problem(await api.client.put(where, content=b"x" * 11)) == (422, "wrong_length")

    async def pieces() -> Any:
        yield b"x" * 10

    assert problem(await api.client.put(where, content=pieces())) == (411, "length_required")
    short = {"Content-Length": "10"}
    assert problem(await api.client.put(where, content=pieces_of(b"x" * 9), headers=short)) == (422, "wrong_length")
    assert problem(await api.client.put(where, content=pieces_of(b"x" * 90), headers=short)) == (422, "wrong_length")
    other = where.replace("size=10", "size=11")
    assert problem(await api.client.put(other, content=b"x" * 11)) == (403, "link_invalid")


async def put(api: Any, url: str, data: bytes) -> Response:
    """What an address of a ticket says to the bytes."""
    place = urlsplit(url)
    answer: Response = await api.client.put(f"{place.path}?{place.query}", content=data)
    return answer


async def announced(person: Any, size_bytes: int) -> dict[str, Any]:
    """A ticket for notes of that size."""
    body = {"file_name": "n.md", "type": "document", "size_bytes": size_bytes}
    ticket: dict[str, Any] = (await person.ask("POST", f"{ASSETS}/presigned-url", json=body)).json()
    return ticket


@pytest.mark.parametrize("size_bytes", [1, PART_BYTES, PART_BYTES + 1, 10**8, MOST_PARTS * PART_BYTES + 1, 2**40])
def test_a_file_is_cut_without_a_gap_into_a_bounded_number_of_parts(size_bytes: int) -> None:
    part_bytes, sizes = cut(size_bytes)
    assert sum(sizes) == (size_bytes if size_bytes > part_bytes else 0)
    assert len(sizes) <= MOST_PARTS
    assert part_bytes >= PART_BYTES
    assert set(sizes[:-1]) <= {part_bytes}


async def test_a_large_file_is_sent_in_parts_of_which_only_the_missing_ones_are_repeated(api: Any) -> None:
    bob, eve = await api.author(), await api.author("eve")
    data = b"# Notes\n" + b"x" * (2 * PART_BYTES)
    pieces = [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]
    assert (await announced(bob, PART_BYTES))["upload"]["parts"] == []
    ticket = await announced(bob, len(data))
    path = f"{ASSETS}/{ticket['asset']['id']}"
    parts = ticket["upload"]["parts"]
    assert (len(parts), ticket["upload"]["part_bytes"]) == (3, PART_BYTES)
    assert problem(await bob.ask("POST", f"{path}/confirm")) == (409, "upload_missing")
    assert (await put(api, parts[2], pieces[2])).status_code == 204
    assert (await put(api, parts[0], b"?" * PART_BYTES)).status_code == 204
    assert (await put(api, parts[0], pieces[0])).status_code == 204
    lacking = await bob.ask("POST", f"{path}/confirm")
    assert problem(lacking) == (422, "wrong_length")
    assert lacking.json()["detail"] == f"{len(data):,} bytes were announced, and {PART_BYTES + 8:,} came"

    assert problem(await put(api, parts[1], pieces[1][:-1])) == (422, "wrong_length")
    assert problem(await put(api, parts[1].replace("part=1", "part=0"), pieces[1])) == (403, "link_invalid")
    assert problem(await put(api, parts[1].replace("&part=1", ""), pieces[1])) == (403, "link_invalid")
    assert problem(await put(api, f"{ticket['upload']['url']}&part=1", data)) == (403, "link_invalid")
    foreign = (await announced(eve, len(data)))["upload"]["parts"][1]
    stolen = parts[1].partition("&signature=")[0] + foreign[foreign.index("&signature=") :]
    assert problem(await put(api, stolen, pieces[1])) == (403, "link_invalid")
    for odd in ("-1", MOST_PARTS, "1.5", "../1", "1%00", "9" * 30, ""):
        refused = await put(api, parts[1].replace("part=1", f"part={odd}"), pieces[1])
        assert refused.status_code in {403, 422}, odd
    assert problem(await eve.ask("POST", f"{path}/presigned-url")) == (404, "not_found")

    renewed = (await bob.ask("POST", f"{path}/presigned-url")).json()
    assert renewed["asset"]["upload_expires_at"] > ticket["asset"]["upload_expires_at"]
    assert (await put(api, renewed["upload"]["parts"][1], pieces[1])).status_code == 204
    made = (await bob.ask("POST", f"{path}/confirm")).json()
    assert (made["state"], made["size_bytes"]) == ("ready", len(data))
    assert (await fetched(api, made["download"])).content == data
    assert list((api.service.settings.data_dir / "uploads").iterdir()) == []
    assert problem(await put(api, parts[1], pieces[1])) == (409, "not_pending")
    assert problem(await bob.ask("POST", f"{path}/presigned-url")) == (409, "not_pending")


async def test_parts_that_are_never_confirmed_are_swept(api: Any) -> None:
    bob = await api.author()
    ticket = await announced(bob, PART_BYTES + 1)
    assert (await put(api, ticket["upload"]["parts"][1], b"x")).status_code == 204
    long_ago = now() - timedelta(days=1)
    this = Asset.id == UUID(ticket["asset"]["id"])
    await Asset.update({Asset.upload_expires_at: long_ago, Asset.updated_at: long_ago}).where(this)
    await api.service.uploads.sweep()
    assert list((api.service.settings.data_dir / "uploads").iterdir()) == []
    assert problem(await bob.ask("POST", f"{ASSETS}/{ticket['asset']['id']}/presigned-url")) == (404, "not_found")


async def pieces_of(data: bytes) -> Any:
    """A body whose length the client does not count."""
    yield data


async def test_a_file_that_is_refused_says_why(api: Any) -> None:
    bob = await api.author()
    answer = await upload(bob, b"no picture", "me.png", "portrait")
    assert problem(answer) == (422, "file_refused")
    assert answer.json()["errors"][0]["pointer"] == "/file"
    assert (await bob.ask("GET", ASSETS)).json()["items"] == []

    ticket = (
        await bob.ask(
            "POST", f"{ASSETS}/presigned-url", json={"file_name": "me.png", "type": "portrait", "size_bytes": 10}
        )
    ).json()
    place = urlsplit(ticket["upload"]["url"])
    await api.client.put(f"{place.path}?{place.query}", content=b"no picture")
    path = f"{ASSETS}/{ticket['asset']['id']}"
    for _ in range(2):
        failed = (await bob.ask("POST", f"{path}/confirm")).json()
        assert (failed["state"], failed["download"], failed["size_bytes"]) == ("failed", None, 0)
        assert failed["reason"] == "the file is no picture that can be read; give a JPEG, PNG, WebP or SVG picture"


async def test_the_list_has_filters_sorts_and_pages(api: Any) -> None:
    bob = await api.author()
    for name, size in [("Tides", 30), ("Moon", 10), ("Ébb", 20), ("Moon", 40), ("Sun", 10)]:
        await uploaded(bob, b"#" * size, f"{name}.md", name=name, description=f"about {size}")
    await uploaded(bob, b"a script", "s.txt", "script", name="Script")

    async def names(**params: Any) -> list[str]:
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await bob.ask("GET", ASSETS, params={"limit": 2, "cursor": cursor, **params})).json()
            found += [each["name"] for each in page["items"]]
            cursor = page["next_cursor"]
        return found

    assert await names() == ["Script", "Sun", "Moon", "Ébb", "Moon", "Tides"]
    assert await names(order="asc") == ["Tides", "Moon", "Ébb", "Moon", "Sun", "Script"]
    by_name = await names(sort="name", order="asc")
    assert by_name == list(reversed(await names(sort="name")))
    assert sorted(by_name) == ["Moon", "Moon", "Script", "Sun", "Tides", "Ébb"]
    assert sorted((await names(sort="size"))[-3:]) == ["Moon", "Script", "Sun"]
    assert (await names(sort="size", order="asc"))[-1] == "Moon"
    assert await names(type="script") == ["Script"]
    assert await names(status="failed") == []
    assert await names(text="moo") == ["Moon", "Moon"]
    assert await names(text="ABOUT 3") == ["Tides"]
    assert await names(text="_%\\\x00") == await names()
    for params in ({"sort": "colour"}, {"type": "x"}, {"cursor": "%%"}, {"limit": 0}, {"cursor": "WzEsMl0"}):
        assert (await bob.ask("GET", ASSETS, params=params)).status_code == 422, params


async def test_an_asset_is_renamed_deleted_and_restored(api: Any) -> None:
    bob = await api.author()
    path = f"{ASSETS}/{(await uploaded(bob))['id']}"
    changed = (await bob.ask("PUT", path, json={"name": "Tides", "description": "draft"})).json()
    assert (changed["name"], changed["description"]) == ("Tides", "draft")
    assert (await bob.ask("PATCH", path, json={"name": "Ebb"})).json()["description"] == "draft"
    for body in ({"name": ""}, {"name": "a\x00b"}, {"name": "\u202egnp.exe"}, {"name": "x" * 201}, {"colour": "red"}):
        assert (await bob.ask("PATCH", path, json=body)).status_code == 422, body

    assert (await bob.ask("DELETE", path)).status_code == 204
    assert (await bob.ask("GET", path)).status_code == 404
    assert (await bob.ask("DELETE", path)).status_code == 404
    assert (await bob.ask("GET", ASSETS)).json()["items"] == []
    assert (await bob.ask("GET", f"{ASSETS}/usage")).json()["used_bytes"] == 0
    assert (await bob.ask("POST", f"{path}/restore")).json()["name"] == "Ebb"
    assert (await bob.ask("POST", f"{path}/restore")).status_code == 200
    assert (await bob.ask("GET", path)).status_code == 200


async def test_nobody_reaches_the_files_of_others(api: Any) -> None:
    bob, eve = await api.author(), await api.author("eve")
    made = await uploaded(bob, picture(), "me.png", "portrait")
    path = f"{ASSETS}/{made['id']}"
    for method, place, body in [
        ("GET", path, None),
        ("PUT", path, {"name": "x"}),
        ("PATCH", path, {"name": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}/restore", None),
        ("POST", f"{path}/confirm", None),
        ("POST", ASSETS, {"asset_id": made["id"], "name": "x"}),
        ("GET", f"{path}/download", None),
        ("GET", f"{path}/preview", None),
    ]:
        assert problem(await eve.ask(method, place, json=body)) == (404, "not_found"), place
        assert (await api.client.request(method, place, json=body)).status_code == 401, place
    assert (await eve.ask("GET", ASSETS)).json()["items"] == []
    with pytest.raises(ApiError) as refused:
        await api.service.assets.usable(UUID(eve.id), {"portrait": made["id"]})
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/inputs/portrait", "unknown")]


async def test_equal_bytes_are_stored_once_and_belong_to_each_owner(api: Any) -> None:
    bob, eve = await api.author(), await api.author("eve")
    first, second = await uploaded(bob), await uploaded(bob)
    third = await uploaded(eve)
    rows = await Asset.select(Asset.id, Asset.digest)
    assert len({row["digest"] for row in rows}) == 1
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert len(list(api.service.store.digests())) == 1

    await bob.ask("DELETE", f"{ASSETS}/{first['id']}")
    await eve.ask("DELETE", f"{ASSETS}/{third['id']}")
    await Asset.update({Asset.deleted_at: now() - timedelta(days=30)}).where(Asset.deleted_at.is_not_null())
    assert await api.service.assets.purge() == 2
    assert (await eve.ask("POST", f"{ASSETS}/{third['id']}/restore")).status_code == 404
    collect(api.service.store, older_than_s=0, grace_s=-60)
    assert (await fetched(api, second["download"])).content == b"# Notes\n"

    await bob.ask("DELETE", f"{ASSETS}/{second['id']}")
    collect(api.service.store, older_than_s=0, grace_s=-60)
    assert (await bob.ask("POST", f"{ASSETS}/{second['id']}/restore")).status_code == 200
    assert (await fetched(api, second["download"])).status_code == 200  # what can be restored is kept
    await Asset.update({Asset.deleted_at: now() - timedelta(days=30)}).where(Asset.id == UUID(second["id"]))
    assert await api.service.assets.purge() == 1
    assert collect(api.service.store, older_than_s=0, grace_s=-60).artifacts == 1
    assert list(api.service.store.records()) == []


async def a_job(owner_id: str, state: JobState, **inputs: str) -> Job:
    version = PipelineVersion(
        id=uuid4(), name=f"p{uuid4().hex[:8]}", number=1, bundle_digest="0" * 64, created_at=now()
    )
    await version.save()
    job = Job(
        id=uuid4(),
        owner=UUID(owner_id),
        pipeline_version=version.id,
        pipeline="p",
        title="Tides for beginners",
        inputs=json.dumps(inputs),
        state=state,
        created_at=now(),
        updated_at=now(),
    )
    await job.save()
    return job


async def test_what_a_job_uses_is_not_deleted(api: Any) -> None:
    bob = await api.author()
    made = await uploaded(bob)
    path = f"{ASSETS}/{made['id']}"
    job = await a_job(bob.id, JobState.running, notes=made["id"])
    await a_job(bob.id, JobState.pending, topic=f"about {made['id']}")
    listed = (await bob.ask("GET", "/api/jobs", params={"asset": made["id"]})).json()["items"]
    assert str(job.id) in {each["id"] for each in listed}
    assert (await bob.ask("GET", "/api/jobs", params={"asset": str(uuid4())})).json()["items"] == []
    answer = await bob.ask("DELETE", path)
    assert problem(answer) == (409, "asset_in_use")
    assert "Tides for beginners" in answer.json()["detail"]
    assert (await bob.ask("GET", path)).status_code == 200
    await Job.update({Job.state: JobState.completed}).where(Job.id == job.id)
    assert (await bob.ask("DELETE", path)).status_code == 204


async def test_jobs_get_what_their_inputs_name(api: Any) -> None:
    bob = await api.author()
    made = await uploaded(bob)
    body = {"file_name": "n.md", "type": "document", "size_bytes": 10}
    pending = (await bob.ask("POST", f"{ASSETS}/uploads", json=body)).json()["asset"]
    async with api.service.database.transaction():
        usable = await api.service.assets.usable(UUID(bob.id), {"notes": made["id"]})
    row, artifact = usable["notes"]
    assert str(row["id"]) == made["id"]
    assert api.service.store.fetch(artifact).read_bytes() == b"# Notes\n"
    inputs = {"a": made["id"], "b": pending["id"], "c": str(uuid4()), "d/e": "no id"}
    with pytest.raises(ApiError) as refused:
        await api.service.assets.usable(UUID(bob.id), inputs)
    assert refused.value.status == 422
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/inputs/b", "not_ready"),
        ("/inputs/c", "unknown"),
        ("/inputs/d~1e", "unknown"),
    ]


async def test_results_of_jobs_are_assets(api: Any) -> None:
    bob = await api.author()
    job = await a_job(bob.id, JobState.completed)
    artifact = api.service.store.put_bytes(b"film", name="film.mp4", media_type="video/mp4")
    for _ in range(2):
        async with api.service.database.transaction():
            result = await api.service.assets.add_result(
                owner_id=UUID(bob.id), job_id=job.id, output="film", artifact=artifact, name="Tides"
            )
    [listed] = (await bob.ask("GET", ASSETS, params={"type": "result", "job_id": str(job.id)})).json()["items"]
    assert (listed["id"], listed["name"], listed["output"]) == (str(result), "Tides", "film")
    assert [row["id"] for row in await api.service.assets.results_of(job.id)] == [result]
    collect(api.service.store, older_than_s=0, grace_s=-60)
    assert api.service.store.verify(artifact)
    await api.service.assets.release_results([job.id])
    await Job.delete().where(Job.id == job.id)
    assert (await bob.ask("GET", ASSETS)).json()["items"] == []
    collect(api.service.store, older_than_s=0, grace_s=-60)
    assert not api.service.store.verify(artifact)


async def test_limits_and_quota_say_what_is_used(start: Any) -> None:
    api = await start(document_max_bytes=2_000, quota_bytes=2_500)
    bob = await api.author()
    large = await upload(bob, b"x" * 2_001)
    assert problem(large) == (413, "too_large")
    assert "2,000 bytes" in large.json()["detail"]
    body = {"file_name": "n.md", "type": "document", "size_bytes": 2_001}
    assert problem(await bob.ask("POST", f"{ASSETS}/presigned-url", json=body)) == (413, "too_large")
    huge = {"Content-Length": "9999999999", "Content-Type": "multipart/form-data; boundary=x"}
    assert problem(await bob.api.client.post(ASSETS, headers={**bob.headers, **huge}, content=b"--x")) == (
        413,
        "too_large",
    )

    first = await uploaded(bob, b"x" * 2_000)
    full = await upload(bob, b"y" * 600)
    assert problem(full) == (413, "quota_exceeded")
    assert full.json()["detail"] == "the file has 600 bytes; of your 2,500 bytes 2,000 are used"
    body["size_bytes"] = 501
    assert problem(await bob.ask("POST", f"{ASSETS}/presigned-url", json=body)) == (413, "quota_exceeded")
    await bob.ask("DELETE", f"{ASSETS}/{first['id']}")
    second = await uploaded(bob, b"y" * 600)
    assert problem(await bob.ask("POST", f"{ASSETS}/{first['id']}/restore")) == (413, "quota_exceeded")
    usage = (await bob.ask("GET", f"{ASSETS}/usage")).json()
    assert (usage["used_bytes"], usage["quota_bytes"], usage["max_bytes"]["document"]) == (600, 2_500, 2_000)
    assert second["state"] == "ready"


async def test_announced_files_that_never_come_are_swept(api: Any) -> None:
    bob = await api.author()
    body = {"file_name": "n.md", "type": "document", "size_bytes": 4}
    tickets = [(await bob.ask("POST", f"{ASSETS}/uploads", json=body)).json() for _ in range(2)]
    place = urlsplit(tickets[0]["upload"]["url"])
    await api.client.put(f"{place.path}?{place.query}", content=b"# ab")
    long_ago = now() - timedelta(days=1)
    late = UUID(tickets[0]["asset"]["id"])
    await Asset.update({Asset.upload_expires_at: long_ago, Asset.updated_at: long_ago}).where(Asset.id == late)
    await api.service.uploads.sweep()
    assert [each["id"] for each in (await bob.ask("GET", ASSETS)).json()["items"]] == [tickets[1]["asset"]["id"]]
    assert list((api.service.settings.data_dir / "uploads").iterdir()) == []


async def test_a_file_whose_process_died_is_looked_at_again(api: Any) -> None:
    bob = await api.author()
    body = {"file_name": "n.md", "type": "document", "size_bytes": 4}
    ticket = (await bob.ask("POST", f"{ASSETS}/uploads", json=body)).json()
    place = urlsplit(ticket["upload"]["url"])
    await api.client.put(f"{place.path}?{place.query}", content=b"# ab")
    path = f"{ASSETS}/{ticket['asset']['id']}"
    this = Asset.id == UUID(ticket["asset"]["id"])
    await Asset.update({Asset.state: AssetState.processing, Asset.updated_at: now()}).where(this)
    assert (await bob.ask("POST", f"{path}/confirm")).json()["state"] == "processing"
    await Asset.update({Asset.updated_at: now() - timedelta(seconds=PROCESSING_S + 1)}).where(this)
    assert (await bob.ask("POST", f"{path}/confirm")).json()["state"] == "ready"


async def test_a_store_that_is_gone_loses_no_upload(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from coursewright.errors import StoreError

    bob = await api.author()
    body = {"file_name": "n.md", "type": "document", "size_bytes": 4}
    ticket = (await bob.ask("POST", f"{ASSETS}/uploads", json=body)).json()
    place = urlsplit(ticket["upload"]["url"])
    await api.client.put(f"{place.path}?{place.query}", content=b"# ab")

    def gone(*_: Any, **__: Any) -> Artifact:
        raise StoreError("the disk is full", remedy="free some space")

    path = f"{ASSETS}/{ticket['asset']['id']}/confirm"
    with monkeypatch.context() as patched:
        patched.setattr(api.service.store, "put_file", gone)
        assert problem(await bob.ask("POST", path)) == (503, "store_unavailable")
        assert problem(await upload(bob)) == (503, "store_unavailable")
    assert (await bob.ask("POST", path)).json()["state"] == "ready"
    assert len((await bob.ask("GET", ASSETS)).json()["items"]) == 1


async def test_an_api_key_to_read_cannot_upload(api: Any) -> None:
    bob = await api.author()
    made = await bob.ask("POST", "/api/auth/api-keys", json={"name": "r", "scopes": ["read"]})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    assert (await api.client.get(ASSETS, headers=headers)).status_code == 200
    answer = await api.client.post(ASSETS, headers=headers, files={"file": ("n.md", b"x")}, data={"type": "document"})
    assert problem(answer) == (403, "scope_missing")
