"""Files of people: uploading, finding, changing, deleting."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx import Response
from PIL import Image

pytestmark = pytest.mark.anyio

ASSETS = "/api/assets"


def picture(width: int = 300, height: int = 400, *, colour: str = "#a06040", kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind, **more)
    return out.getvalue()


async def upload(
    person: Any, data: bytes = b"# Notes\n", file_name: str = "notes.md", type: str = "document", **fields: str
) -> Response:
    return await person.ask("POST", ASSETS, files={"file": (file_name, data)}, data={"type": type, **fields})


async def uploaded(person: Any, *given: Any, **options: Any) -> dict[str, Any]:
    answer = await upload(person, *given, **options)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def fetched(api: Any, link: dict[str, Any], **options: Any) -> Response:
    """What a link leads to; no credentials go with it."""
    parts = urlsplit(link["url"])
    return await api.client.get(f"{parts.path}?{parts.query}", **options)


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
