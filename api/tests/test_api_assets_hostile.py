"""Files that lie about what they are, are broken, or are meant to do harm."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import math
import os
import struct
import sys
import time
import types
import wave
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coursewright.errors import InputError
from coursewright_api.assets import inspection
from coursewright_api.assets.inspection import Found, Inspector, Task
from coursewright_api.assets.structs import UploadType
from coursewright_api.problems import ApiError
from PIL import Image

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)  # no row is of interest here

ROOT = Path(__file__).parents[2]
GPS = 0x8825


class Looking:
    """What an inspector finds in bytes."""

    def __init__(self, inspector: Inspector, folder: Path) -> None:
        self._inspector = inspector
        self._folder = folder

    async def at(self, type: UploadType, data: bytes, name: str = "file", *, max_s: float = 60.0) -> Found:
        source = self._folder / "source"
        source.write_bytes(data)
        work = self._folder / "work"
        work.mkdir(exist_ok=True)
        return await self._inspector.inspect(
            Task(type=type, source=source, folder=work, name=name, max_s=max_s), timeout_s=20
        )

    async def refused(self, type: UploadType, data: bytes, name: str = "file", **options: Any) -> str:
        with pytest.raises(InputError) as caught:
            await self.at(type, data, name, **options)
        assert caught.value.remedy
        assert "Error" not in caught.value.message, "the name of a class says nothing to a person"
        return caught.value.message


@pytest.fixture
def looking(inspector: Inspector, tmp_path: Path) -> Looking:
    return Looking(inspector, tmp_path)


def picture(image: Image.Image, kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def sound(seconds: float = 4.0, level: float = 0.3) -> bytes:
    """Something like speech: bursts with pauses between them."""
    rate = 16_000
    moments = np.arange(int(rate * seconds)) / rate
    wave_form = level * np.sin(2 * math.pi * 180 * moments) * (np.sin(2 * math.pi * 3 * moments) > 0)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((wave_form * 32767).astype("<i2").tobytes())
    return out.getvalue()


def archive(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return out.getvalue()


OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"}
IMAGE = Image.new("RGB", (200, 120), "#204060")


async def test_where_a_photo_was_taken_does_not_remain(looking: Looking) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010F] = "A camera"
    exif[GPS] = {1: "N", 2: (52.0, 31.0, 12.0)}
    photo = picture(IMAGE, "JPEG", exif=exif, comment=b"at home")
    assert b"A camera" in photo

    found = await looking.at(UploadType.portrait, photo)
    kept = found.path.read_bytes()
    assert (found.width_px, found.height_px, found.media_type) == (120, 200, "image/jpeg")
    assert b"camera" not in kept
    assert b"at home" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert image.size == (120, 200)
        assert not image.getexif()
    assert found.preview is not None
    with Image.open(found.preview) as preview:
        assert (preview.format, max(preview.size)) == ("WEBP", 200)


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("WEBP", "image/webp")])
async def test_what_hangs_behind_a_picture_does_not_remain(looking: Looking, kind: str, media_type: str) -> None:
    both = picture(IMAGE, kind) + archive({"evil.html": b"<script>alert(1)</script>"})
    found = await looking.at(UploadType.portrait, both, "me.html")
    assert (found.media_type, found.suffix) == (media_type, f".{kind.lower()}")
    assert b"evil.html" not in found.path.read_bytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
async def test_pictures_of_any_depth_are_taken(looking: Looking, mode: str) -> None:
    image = Image.new(mode, (80, 90))
    found = await looking.at(UploadType.portrait, picture(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert (found.width_px, found.height_px) == (80, 90)
    assert found.notes[-1].startswith("the picture is small (80 × 90 pixels)")


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


async def test_a_picture_of_50000_pixels_is_refused_by_its_header(looking: Looking) -> None:
    said = await looking.refused(UploadType.portrait, png_of_size(50_000, 50_000))
    assert said.startswith("the picture has 50,000 × 50,000 pixels; at most 20,000 a side")
    assert "64 million" in await looking.refused(UploadType.portrait, png_of_size(19_000, 19_000))
    assert "only 20 × 900" in await looking.refused(UploadType.portrait, png_of_size(20, 900))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_half_a_picture_is_refused(looking: Looking, kind: str) -> None:
    noise = Image.frombytes("RGB", (200, 200), os.urandom(120_000))
    whole = picture(noise, kind)
    assert "damaged or incomplete" in await looking.refused(UploadType.portrait, whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
        b"<html><script>alert(1)</script></html>",
        b"push graphic-context\nviewbox 0 0 640 480\nimage over 0,0 0,0 'https://example.org/x'",
        os.urandom(500),
        picture(IMAGE, "TIFF"),
        picture(IMAGE, "BMP"),
        picture(IMAGE, "ICO"),
    ],
    ids=["gif", "postscript", "html", "mvg", "noise", "tiff", "bmp", "ico"],
)
async def test_other_kinds_are_no_portraits(looking: Looking, data: bytes) -> None:
    assert "no picture that can be read" in await looking.refused(UploadType.portrait, data)


async def test_the_drawn_presenter_is_taken_whole(looking: Looking) -> None:
    data = (ROOT / "examples" / "presenter.svg").read_bytes()
    found = await looking.at(UploadType.portrait, data)
    assert (found.media_type, found.width_px, found.height_px) == ("image/svg+xml", 480, 600)
    text = found.path.read_text("utf-8")
    for part in ('id="mouth"', 'id="eyes"', "data-width", "linearGradient", "url(#skin)"):
        assert part in text


async def test_a_drawing_runs_and_fetches_nothing(looking: Looking) -> None:
    drawing = """<?xml version="1.0"?><?xml-stylesheet href="https://example.org/a.css"?>
    <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 90 80"
         onload="steal()">
      <script>steal()</script><style>@import "https://example.org/b.css";</style>
      <a href="javascript:steal()"><rect width="9" height="9" OnClick="steal()" fill="url(https://example.org/c)"/></a>
      <image xlink:href="https://example.org/d.png"/><image href="file:///etc/passwd"/>
      <image href="data:image/svg+xml;base64,PHN2Zy8+"/><image href="data:image/png;base64,iVBORw0K"/>
      <foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><iframe src="https://example.org/e"/></body>
      </foreignObject><set attributeName="onmouseover" to="steal()"/><use href="#a"/>
    </svg>"""
    found = await looking.at(UploadType.portrait, drawing.encode())
    text = found.path.read_text("utf-8")
    for part in ("steal", "example.org", "passwd", "svg+xml", "iframe", "foreignObject", "stylesheet"):
        assert part not in text, part
    assert 'href="data:image/png;base64,iVBORw0K"' in text
    assert 'href="#a"' in text


@pytest.mark.parametrize(
    "drawing",
    [
        '<!DOCTYPE svg [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&c;</svg>',
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg">&x;</svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">' + "<g>" * 500 + "</g>" * 500 + "</svg>",
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">' + "<g/>" * 20_001 + "</svg>",
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><g>',
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        '<svg viewBox="0 0 9 9"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">' + " " * 1_000_001 + "</svg>",
    ],
    ids=["entities", "outside", "deep", "many", "cut", "no size", "no svg", "large"],
)
async def test_bad_drawings_are_refused(looking: Looking, drawing: str) -> None:
    said = await looking.refused(UploadType.portrait, drawing.encode())
    assert "drawing" in said or "no SVG picture" in said


async def test_a_recording_is_kept_as_its_sound_alone(looking: Looking) -> None:
    both = sound() + archive({"evil.html": b"x"})
    found = await looking.at(UploadType.voice_sample, both, "me.wav")
    assert (found.media_type, found.suffix, found.duration_s) == ("audio/flac", ".flac", 4.0)
    assert found.path.read_bytes().startswith(b"fLaC")
    assert b"evil.html" not in found.path.read_bytes()
    assert found.preview is not None
    assert found.preview.read_text().startswith("<svg")
    again = await looking.at(UploadType.voice_sample, found.path.read_bytes())
    assert again.duration_s == 4.0


async def test_its_owner_hears_what_is_wrong_with_a_recording(looking: Looking) -> None:
    notes = (await looking.at(UploadType.voice_sample, sound(1.0, 0.01))).notes
    assert "the recording is quiet; it is made louder for cloning" in notes
    assert any("s of speech" in note for note in notes)
    assert "nearly silent" in (await looking.at(UploadType.voice_sample, sound(2.0, 0.0))).notes[0]


async def test_bad_recordings_are_refused(looking: Looking, tmp_path: Path) -> None:
    whole = sound()
    assert "missing at the end" in await looking.refused(UploadType.voice_sample, whole[: len(whole) // 2])
    assert "lasts 4 s; at most 3 s" in await looking.refused(UploadType.voice_sample, whole, max_s=3)
    assert "cannot be decoded" in await looking.refused(UploadType.voice_sample, os.urandom(5_000))
    assert "cannot be" in await looking.refused(UploadType.voice_sample, picture(IMAGE, "PNG"))
    secret = tmp_path / "secret.wav"
    secret.write_bytes(whole)
    lists = [
        f"#EXTM3U\n#EXTINF:4,\nfile://{secret}\n".encode(),
        f"ffconcat version 1.0\nfile {secret}\n".encode(),
    ]
    for playlist in lists:
        await looking.refused(UploadType.voice_sample, playlist, "list.m3u8")


async def test_documents_are_what_they_seem(looking: Looking) -> None:
    kinds = [
        (b"# Tides\n", "notes.md", "text/markdown", ".md"),
        ("größer".encode("utf-16"), "notes.exe", "text/plain", ".txt"),
        (
            archive(DOCX),
            "notes.zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            ".docx",
        ),
        (
            archive({"[Content_Types].xml": b"<Types/>", "ppt/presentation.xml": b"<p/>"}),
            "x",
            f"{OFFICE}.presentationml.presentation",
            ".pptx",
        ),
        (pdf(), "x.txt", "application/pdf", ".pdf"),
    ]
    for data, name, media_type, suffix in kinds:
        found = await looking.at(UploadType.document, data, name)
        assert (found.media_type, found.suffix) == (media_type, suffix)
        assert found.path.read_bytes() == data
    assert found.preview is not None


def pdf() -> bytes:
    return picture(IMAGE, "PDF")


def bomb(count: int = 1, size: int = 600_000_000) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in DOCX.items():
            file.writestr(name, data)
        for index in range(count):
            with file.open(f"word/media/{index}.png", "w", force_zip64=True) as entry:
                for _ in range(size // 1_000_000):
                    entry.write(bytes(1_000_000))
    return out.getvalue()


def lying(data: bytes) -> bytes:
    """An archive whose directory says that its last entry has one byte."""
    place = data.rindex(b"PK\x01\x02")
    return data[: place + 24] + struct.pack("<I", 1) + data[place + 28 :]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (bytes(500), "neither text nor a document"),
        (b"\xff\xfe\x00\xd8\x00", "neither text nor a document"),
        (os.urandom(500), "neither text nor a document"),
        (picture(IMAGE, "PNG"), "neither text nor a document"),
        (archive({"a.txt": b"x"}), "ZIP archive, not a document"),
        (archive(DOCX)[:-30], "cannot be unpacked"),
        (archive({**DOCX, "../../evil.sh": b"x"}), "leads out of it"),
        (archive({**DOCX, "word/document.xml": b"<document>"}), "damaged"),
        (archive({**DOCX, "word/document.xml": b'<!DOCTYPE d [<!ENTITY a "b">]><d>&a;</d>'}), "damaged"),
        (bomb(size=20_000_000), "unpacks to 20 MB"),
        (lying(archive({**DOCX, "word/media/a.bin": b"\0" * 5_000_000})), "cannot be unpacked"),
        (pdf()[:300], "the PDF is damaged"),
        (b"%PDF-1.7\nnothing", "the PDF is damaged"),
    ],
    ids=[
        "empty",
        "zeros",
        "half utf-16",
        "noise",
        "picture",
        "zip",
        "cut",
        "path",
        "xml",
        "entities",
        "bomb",
        "lie",
        "half pdf",
        "no pdf",
    ],
)
async def test_bad_documents_are_refused(looking: Looking, data: bytes, said: str) -> None:
    assert said in await looking.refused(UploadType.document, data)


async def test_scripts_and_themes(looking: Looking) -> None:
    script = {"title": "Tides", "scenes": [{"id": "one", "title": "Moon", "narration": "The moon pulls."}]}
    found = await looking.at(UploadType.script, json.dumps(script).encode(), "s.txt")
    assert (found.media_type, found.suffix) == ("application/json", ".json")
    assert (await looking.at(UploadType.script, b"Once upon a time", "s.doc")).suffix == ".md"
    assert "no script" in await looking.refused(UploadType.script, b'{"title": 1}')
    assert "no script" in await looking.refused(UploadType.script, b"[" * 100_000, "s.json")
    assert (await looking.at(UploadType.slide_theme, b'font = "Inter"\n', "t.toml")).suffix == ".toml"
    assert "no TOML" in await looking.refused(UploadType.slide_theme, b"= =", "t.toml")
    assert "no slide theme" in await looking.refused(UploadType.slide_theme, b"#set page()", "t.typ")
    assert "neither text" in await looking.refused(
        UploadType.slide_theme, archive({"t.toml": b"x"}) + b"\xff", "t.toml"
    )


BREAKING = """
import os, time
def sleeps(task):
    time.sleep(60)
def dies(task):
    os.kill(os.getpid(), 9)
def eats(task):
    bytearray(3_000_000_000)
def tells(task):
    return list(os.environ)
"""


@pytest.fixture
def breaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What may go wrong in a process that looks at a file."""
    (tmp_path / "breaking.py").write_text(BREAKING)
    monkeypatch.syspath_prepend(str(tmp_path))
    return importlib.import_module("breaking")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(type=UploadType.portrait, source=tmp_path / "x", folder=tmp_path, name="x", max_s=1)


@pytest.mark.parametrize(
    ("how", "said"), [("sleeps", "takes more than 1 s"), ("dies", "cannot be read"), ("eats", "cannot be read")]
)
async def test_what_takes_too_long_or_breaks_its_process_is_refused(
    breaking: Any, task: Task, monkeypatch: pytest.MonkeyPatch, how: str, said: str
) -> None:
    inspector = Inspector()  # its processes find the module
    try:
        monkeypatch.setattr(inspection, "look", getattr(breaking, how))
        with pytest.raises(InputError, match=said):
            await inspector.inspect(task, timeout_s=1 if how == "sleeps" else 20)
    finally:
        inspector.close()


async def test_a_service_that_stops_waits_for_no_decoder(
    breaking: Any, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "look", breaking.sleeps)
    inspector = Inspector()
    looking = asyncio.create_task(inspector.inspect(task))
    await asyncio.sleep(0)  # it has been asked
    began = time.monotonic()
    inspector.close()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert time.monotonic() - began < 10


async def test_a_decoder_has_no_secrets(breaking: Any, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEWRIGHT_SECRET_JWT_KEY", "x")
    inspector = Inspector()
    try:
        monkeypatch.setattr(inspection, "look", breaking.tells)
        found: Any = await inspector.inspect(task)
    finally:
        inspector.close()
    assert "PATH" in found
    assert not [name for name in found if "SECRET" in name]


async def test_an_inspector_whose_pool_broke_begins_anew(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    inspector = Inspector()
    here_only = types.ModuleType("here_only")
    exec("def look(task): pass", here_only.__dict__)
    try:
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, "here_only", here_only)  # no other process can import it
            patched.setattr(inspection, "look", here_only.look)
            with pytest.raises(ApiError, match="could not be looked at now") as told:
                await inspector.inspect(task)
            assert told.value.status == 503
        with pytest.raises(FileNotFoundError):
            await inspector.inspect(task)
    finally:
        inspector.close()


NAMES = {
    "../../etc/passwd": "passwd.md",
    "..\\..\\boot.ini.md": "boot.ini.md",
    "a\x00b.md": "ab.md",
    "\u202egnp.exe": "gnp.md",
    "x" * 300 + ".md": "x" * 117 + ".md",
    "": "file.md",
    "...": "file.md",
    "CON": "_CON.md",
    'a"b\r\nSet-Cookie: x=1.md': "a_bSet-Cookie_ x=1.md",
    "größe 漢字.md": "größe 漢字.md",
    "evil.html": "evil.md",
}


@on_sqlite
@pytest.mark.parametrize("name", NAMES)
async def test_names_are_made_harmless(api: Any, name: str) -> None:
    bob = await api.author()
    body = {"file_name": name or ".", "type": "document", "size_bytes": 4}
    ticket = (await bob.ask("POST", "/api/assets/uploads", json=body)).json()
    place = ticket["upload"]["url"].removeprefix("http://127.0.0.1:8400")
    await api.client.put(place, content=b"# ab")
    made = (await bob.ask("POST", f"/api/assets/{ticket['asset']['id']}/confirm")).json()
    assert made["state"] == "ready"
    assert made["file_name"].replace(".txt", ".md") == NAMES[name]
    answer = await api.client.get(made["download"]["url"].removeprefix("http://127.0.0.1:8400"))
    assert answer.content == b"# ab"
    assert "set-cookie" not in answer.headers


BOUNDARY = b"--b\r\n"
TYPE = b'Content-Disposition: form-data; name="type"\r\n\r\ndocument\r\n'
FILE = b'Content-Disposition: form-data; name="file"; filename="n.md"\r\n\r\n# Notes\r\n'
WRONG = {
    "empty": (b"", 400),
    "no end": (BOUNDARY + TYPE + BOUNDARY + FILE, 400),
    "cut": (BOUNDARY + TYPE + BOUNDARY + FILE[:70], 400),
    "no form": (b"hello", 400),
    "no file": (BOUNDARY + TYPE + b"--b--\r\n", 422),
    "no type": (BOUNDARY + FILE + b"--b--\r\n", 422),
    "two files": (BOUNDARY + TYPE + BOUNDARY + FILE + BOUNDARY + FILE + b"--b--\r\n", 422),
    "two types": (BOUNDARY + TYPE + BOUNDARY + TYPE + BOUNDARY + FILE + b"--b--\r\n", 422),
    "odd type": (BOUNDARY + TYPE.replace(b"document", b"result") + BOUNDARY + FILE + b"--b--\r\n", 422),
    "odd field": (BOUNDARY + TYPE + BOUNDARY + TYPE.replace(b'"type"', b'"x"') + BOUNDARY + FILE + b"--b--\r\n", 422),
    "no text": (BOUNDARY + TYPE.replace(b"document", b"\xff") + BOUNDARY + FILE + b"--b--\r\n", 400),
    "long field": (BOUNDARY + TYPE.replace(b"document", b"x" * 20_000) + BOUNDARY + FILE + b"--b--\r\n", 413),
    "many": ((BOUNDARY + TYPE) * 40 + b"--b--\r\n", 422),
    "long header": (BOUNDARY + b"X: " + b"x" * 10_000 + b"\r\n\r\n", 400),
}


@on_sqlite
@pytest.mark.parametrize("kind", WRONG)
async def test_wrong_forms_are_refused(api: Any, kind: str) -> None:
    bob = await api.author()
    data, status = WRONG[kind]
    headers = {**bob.headers, "Content-Type": "multipart/form-data; boundary=b"}
    answer = await api.client.post("/api/assets", content=data, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert list((api.service.settings.data_dir / "uploads").iterdir()) == []
    assert (await bob.ask("GET", "/api/assets")).json()["items"] == []


@on_sqlite
@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("", b"x", 415),
        ("text/plain", b"x", 415),
        ("multipart/form-data", b"x", 415),
        ("application/json", b"{", 400),
        ("application/json", b"\xff", 400),
        ("application/json", b"[]", 422),
        ("application/json", b'{"asset_id": "x"}', 422),
        ("application/json", b" " * 70_000, 413),
        ("application/json", b'{"asset_id": "00000000-0000-4000-8000-000000000000"}', 404),
    ],
)
async def test_other_bodies_are_refused(api: Any, content_type: str, body: bytes, status: int) -> None:
    bob = await api.author()
    answer = await api.client.post("/api/assets", content=body, headers={**bob.headers, "Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
