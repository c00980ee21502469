"""The service with an S3 store: bytes go to it and come from it directly, by addresses that the store checks."""

from __future__ import annotations

import contextlib
import io
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner
from coursewright.cli import cli
from coursewright.settings import S3, Settings
from coursewright_api.app import create_app
from coursewright_api.assets.inspection import Inspector
from coursewright_api.assets.parts import PART_BYTES
from coursewright_api.service import Service
from coursewright_api.settings import server_settings
from httpx import ASGITransport, AsyncClient
from PIL import Image

from tools.processes import Guard
from tools.s3_server import ACCESS_KEY, s3_server

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)]

EMAIL, PASSWORD = "bob@example.org", "correct horse battery"


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a real S3 server, and the secret key to it."""
    with contextlib.closing(Guard()) as guard, s3_server(tmp_path_factory.mktemp("swift"), guard) as server:
        yield server.endpoint, server.secret


@pytest.fixture
def settings(swift: tuple[str, str], tmp_path: Path, ready_url: str) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        s3=S3(endpoint=swift[0], bucket=f"b{secrets.token_hex(8)}", secure=False),
        secrets={"S3_ACCESS_KEY": ACCESS_KEY, "S3_SECRET_KEY": swift[1]},
        server={"database_url": ready_url, "pipelines_dir": ""},
    )


class Bob:
    """Somebody who is logged in to the service."""

    def __init__(self, client: AsyncClient, service: Service, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}
        self.service = service

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._client.request(method, path, headers=self._headers, **options)


@pytest.fixture
async def bob(settings: Settings, inspector: Inspector) -> AsyncIterator[Bob]:
    service = Service(settings, server_settings(settings), inspector=inspector)
    assert service.store.direct is not None
    service.store.direct.prepare([service.server.url])
    app = create_app(service)
    async with contextlib.AsyncExitStack() as held:
        await held.enter_async_context(app.lifespan())
        transport = ASGITransport(app)  # type: ignore[arg-type]  # two spellings of the ASGI types
        client = await held.enter_async_context(AsyncClient(transport=transport, base_url="http://127.0.0.1:8400"))
        body = {"email": EMAIL, "username": "bob", "password": PASSWORD}
        await client.post("/api/auth/register", json=body)
        login = await client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD})
        yield Bob(client, service, login.json()["access_token"])


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 400), "#a06040").save(out, "PNG")
    return out.getvalue()


async def test_a_file_goes_to_the_store_and_comes_from_it(bob: Bob) -> None:
    data = picture()
    body = {"file_name": "größe.png", "type": "portrait", "size_bytes": len(data), "media_type": "image/png"}
    ticket = (await bob.ask("POST", "/api/assets/presigned-url", json=body)).json()
    path = f"/api/assets/{ticket['asset']['id']}"
    target = ticket["upload"]
    assert (await bob.ask("POST", f"{path}/confirm")).json()["code"] == "upload_missing"

    assert httpx.put(target["url"], content=data[:-1]).status_code == 200
    short = await bob.ask("POST", f"{path}/confirm")
    assert (short.status_code, short.json()["code"]) == (422, "wrong_length")
    assert httpx.put(target["url"], content=data, headers=target["headers"]).status_code == 200
    made = (await bob.ask("POST", f"{path}/confirm")).json()
    assert (made["state"], made["width_px"]) == ("ready", 300)
    direct = bob.service.store.direct
    assert direct is not None
    assert direct.uploaded_bytes(ticket["asset"]["id"]) is None
    assert list((bob.service.settings.data_dir / "uploads").iterdir()) == []

    answer = httpx.get(made["download"]["url"], headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"\x89PNG")
    assert answer.headers["content-disposition"].endswith("filename*=UTF-8''gr%C3%B6%C3%9Fe.png")
    assert answer.headers["content-type"] == "image/png"
    preview = (await bob.ask("GET", f"{path}/preview")).headers["location"]
    assert httpx.get(preview).headers["content-type"] == "image/webp"


async def test_a_large_file_goes_to_the_store_in_parts(bob: Bob) -> None:
    data = b"# Notes\n" + b"x" * (2 * PART_BYTES)
    body = {"file_name": "n.md", "type": "document", "size_bytes": len(data)}
    ticket = (await bob.ask("POST", "/api/assets/presigned-url", json=body)).json()
    path = f"/api/assets/{ticket['asset']['id']}"
    target = ticket["upload"]
    assert (len(target["parts"]), target["part_bytes"]) == (3, PART_BYTES)
    pieces = [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]
    for number in (2, 0, 2):
        sent = httpx.put(target["parts"][number], content=pieces[number], headers=target["headers"])
        assert sent.status_code == 200
    lacking = await bob.ask("POST", f"{path}/confirm")
    assert (lacking.status_code, lacking.json()["code"]) == (422, "wrong_length")
    assert lacking.json()["detail"] == f"{len(data):,} bytes were announced, and {PART_BYTES + 8:,} came"

    target = (await bob.ask("POST", f"{path}/presigned-url")).json()["upload"]  # whose parts are the same
    assert httpx.put(target["parts"][1], content=pieces[1]).status_code == 200
    made = (await bob.ask("POST", f"{path}/confirm")).json()
    assert made["state"] == "ready"
    assert httpx.get(made["download"]["url"]).content == data
    direct = bob.service.store.direct
    assert direct is not None
    assert direct.uploaded_bytes(ticket["asset"]["id"]) is None
    assert list((bob.service.settings.data_dir / "uploads").iterdir()) == []


async def test_forms_and_sweeps_work_as_well(bob: Bob) -> None:
    files = {"file": ("n.md", b"# Notes")}
    made = (await bob.ask("POST", "/api/assets", files=files, data={"type": "document"})).json()
    assert httpx.get(made["download"]["url"]).content == b"# Notes"
    usable = await bob.service.assets.usable(
        UUID((await bob.ask("GET", "/api/auth/profile")).json()["id"]), {"notes": made["id"]}
    )
    assert bob.service.store.fetch(usable["notes"][1]).read_bytes() == b"# Notes"


def test_the_command_prepares_the_bucket(settings: Settings, swift: tuple[str, str], tmp_path: Path) -> None:
    assert settings.s3 is not None
    file = tmp_path / "settings.toml"
    file.write_text(
        f"[s3]\nendpoint = '{settings.s3.endpoint}'\nbucket = '{settings.s3.bucket}'\nsecure = false\n"
        f"[secrets]\nS3_ACCESS_KEY = '{ACCESS_KEY}'\nS3_SECRET_KEY = '{swift[1]}'\n"
        "[server]\npublic_url = 'https://courses.example.org'\n"
    )
    given = {"COURSEWRIGHT_DATA_DIR": str(tmp_path / "data"), "COURSEWRIGHT_SETTINGS": str(file)}
    result = CliRunner().invoke(cli, ["storage", "init"], env=given, catch_exceptions=False)
    assert result.exit_code == 0
    made, cors = result.output.splitlines()
    assert made == f"made the bucket '{settings.s3.bucket}'"
    assert "allow https://courses.example.org" in cors

    result = CliRunner().invoke(cli, ["storage", "init"], env={"COURSEWRIGHT_DATA_DIR": str(tmp_path / "data")})
    assert result.output == f"the store is the folder {tmp_path / 'data' / 'store'}; there is nothing to do\n"
