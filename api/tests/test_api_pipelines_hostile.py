"""Pipelines from strangers: whatever the text or the zip is, the answer is a problem, and soon."""

from __future__ import annotations

import io
import json
import socket
import struct
import zipfile
from typing import Any

import pytest
from coursewright.document.reader import MAX_BYTES, MAX_DEPTH, MAX_NODES
from coursewright_api.pipelines.archive import MAX_ENTRIES, MAX_UNPACKED_BYTES
from coursewright_api.pipelines.compiling import Compiler

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("ready_url", ["sqlite"], indirect=True)
"""For what no database has a part in."""

GOOD = 'name: speak\ninputs: {text: {type: text}}\nsteps:\n  a: {uses: tts.espeak, with: {text: "${inputs.text}"}}\n'
GOOD += 'outputs: {audio: "${a.audio}"}\n'
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)

TEXTS = {
    "empty": "",
    "nothing": "~",
    "a list": "[1, 2]",
    "not yaml": "a: [",
    "aliases": BOMB,
    "an alias in itself": "a: &a [*a]\nsteps: *a\n",
    "a tag": "name: !!python/object/apply:os.system [id]\nsteps: {}\n",
    "deep": "steps: " + "[" * 10_000,
    "deep mappings": "steps: " + "{a: " * 5_000,
    "large": "# " + "x" * (MAX_BYTES + 1),
    "many keys": "".join(f"k{n}: 1\n" for n in range(MAX_NODES)),
    "many steps": "steps:\n" + "".join(f"  s{n}: {{uses: tts}}\n" for n in range(1_500)),
    "NUL": "name: a\0b\nsteps: {}\n",
    "a non-character": "name: \ufffe\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "a number past all bounds": GOOD.replace("{type: text}", "{type: integer, default: " + "9" * 5_000 + "}"),
    "an exponent": GOOD.replace("{type: text}", "{type: number, default: 1e999999999}"),
    "a long name": GOOD.replace("speak", "x" * 70_000),
    "a name with a path": GOOD.replace("speak", "../../etc/passwd"),
    "a call": GOOD.replace("${inputs.text}", "${inputs.__class__.__mro__}"),
    "a template's way out": GOOD.replace("${inputs.text}", "${''.__class__.mro()[1].__subclasses__()}"),
    "a power": GOOD.replace("${inputs.text}", "${9 ** 9 ** 9}"),
    "a product of texts": GOOD.replace("${inputs.text}", "${'a' * 9999999999}"),
    "a prompt elsewhere": GOOD.replace("tts.espeak, with: {text", "llm.outline, with: {prompt: /etc/passwd, data"),
    "a prompt above": GOOD.replace("tts.espeak, with: {text", "llm.outline, with: {prompt: ../../x, data"),
    "a prompt of a server": GOOD.replace(
        "tts.espeak, with: {text", "llm.outline, with: {prompt: 'http://[::1]/x', data"
    ),
    "a service of one's own": GOOD.replace("tts.espeak, with: {", "tts.openai, with: {url: 'http://127.0.0.1:1/', "),
}


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where anything but the database has connected to."""
    asked: list[Any] = []
    connect = socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:
        asked.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    return asked


@on_sqlite
async def test_no_text_makes_the_checker_fail_or_fetch(api: Any, no_connections: list[Any]) -> None:
    ada = await api.admin()
    before = len(no_connections)
    for what, text in TEXTS.items():
        answer = await ada.ask("POST", "/api/pipelines/check", json={"text": text})
        assert answer.status_code == 200, (what, answer.text)
        assert answer.json()["ok"] is False, what
        assert answer.json()["problems"], what
        answer = await ada.ask("POST", "/api/pipelines", json={"text": text})
        assert (answer.status_code, answer.json()["code"]) == (422, "pipeline_invalid"), (what, answer.text)
    assert no_connections[before:] == []


@on_sqlite
async def test_the_limits_named_are_those_of_the_checker(api: Any) -> None:
    bob = await api.author()
    for what, limit in (("deep", MAX_DEPTH), ("aliases", MAX_NODES), ("large", MAX_BYTES // 1024)):
        problems = (await bob.ask("POST", "/api/pipelines/check", json={"text": TEXTS[what]})).json()["problems"]
        assert problems[0]["code"] == "CW002"
        assert str(limit) in problems[0]["message"]


@on_sqlite
async def test_a_body_of_many_megabytes_is_refused_before_it_is_read(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = await api.author()
    monkeypatch.setattr(Compiler, "check", None)
    answer = await bob.ask("POST", "/api/pipelines/check", json={"text": "x" * 10_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


BODIES: list[Any] = [
    {},
    {"text": 5},
    {"text": GOOD, "files": {"": "x"}},
    {"text": GOOD, "files": {"x" * 300: "x"}},
    {"text": GOOD, "files": {"a": None}},
    {"text": GOOD, "files": {str(number): "" for number in range(200)}},
    {"text": GOOD, "note": "x" * 201},
    {"text": GOOD, "note": "a\0b"},
    {"text": GOOD, "name": "other"},
    [],
]


@on_sqlite
async def test_a_body_of_another_shape_is_a_422(api: Any) -> None:
    ada = await api.admin()
    for body in BODIES:
        answer = await ada.ask("POST", "/api/pipelines", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), (body, answer.text)


@on_sqlite
async def test_half_a_character_is_no_text(api: Any) -> None:
    ada = await api.admin()
    for body in (b'{"text": "\\ud800"}', b'{"text": "a", "files": {"a": "\\udfff"}}', b'{"text": "\xff"}'):
        for path in ("/check", ""):
            answer = await ada.ask("POST", f"/api/pipelines{path}", content=body)
            assert answer.status_code in (400, 422) or path == "/check", answer.text
            assert answer.status_code < 500, answer.text


@on_sqlite
async def test_an_estimate_ends_whatever_its_inputs_are(api: Any) -> None:
    ada = await api.admin()
    text = GOOD.replace('"${inputs.text}"', "\"${inputs.text | replace('a', inputs.text)}\"")
    assert (await ada.ask("POST", "/api/pipelines", json={"text": text})).status_code == 201
    for value in ("a" * 200_000, "{{ 7 * 7 }} ${inputs.text}", "", "\0"):
        answer = await ada.ask("POST", "/api/pipelines/speak/estimate", json={"inputs": {"text": value}})
        assert answer.status_code == 200, answer.text
    answer = await ada.ask("POST", "/api/pipelines/speak/estimate", json={"inputs": {"text": "a" * 200_001}})
    assert answer.status_code == 422
    for body in (
        "[]",
        '{"inputs": []}',
        '{"inputs": {"text": ' + "[" * 2_000 + "]" * 2_000 + "}}",
        '{"providers": {"a": 1}}',
    ):
        answer = await ada.ask("POST", "/api/pipelines/speak/estimate", content=body)
        assert answer.status_code in (400, 422), answer.text


async def test_texts_that_no_database_likes_are_kept_as_they_are(api: Any) -> None:
    ada = await api.admin()
    title = "\u202e" + "\N{CYRILLIC CAPITAL LETTER ZHE}" * 400 + "'\"; DROP TABLE job; -- {{ 7 * 7 }} <script>"
    prompt = "\u2028{% if 0 %}{{ 7 * 7 }}{% endif %}\0\N{GRINNING FACE}"
    text = (
        f"name: odd\ntitle: {json.dumps(title, ensure_ascii=False)}\n"
        "steps:\n  a: {uses: llm.outline, with: {prompt: p.md, data: {}, returns: text}}\noutputs: {a: '${a.text}'}\n"
    )
    answer = await ada.ask("POST", "/api/pipelines", json={"text": text, "files": {"p.md": prompt}})
    assert answer.status_code == 201, answer.text
    shown = (await ada.ask("GET", "/api/pipelines/odd")).json()
    assert (shown["text"], shown["files"], shown["title"]) == (text, {"p.md": prompt}, title[:200])
    assert (await ada.ask("GET", "/api/pipelines", params={"text": "'\"; DROP\0%_\\"})).status_code == 200
    assert (await ada.ask("GET", "/api/pipelines/odd/export")).status_code == 200


NAMES = ("%00", "a%00b", "x" * 500, "Speak", "a b", "';--", "%f0%9f%98%80", "1")


async def test_a_name_that_no_pipeline_can_have_is_a_404(api: Any) -> None:
    ada = await api.admin()
    for name in NAMES:
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/versions", None),
            ("GET", "/versions/1", None),
            ("GET", "/export", None),
            ("PUT", "", {"text": GOOD, "base_version": 1}),
            ("POST", "/restore", {"version": 1}),
            ("DELETE", "", None),
        ):
            answer = await ada.ask(method, f"/api/pipelines/{name}{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path, answer.text)


async def test_numbers_past_all_bounds_are_no_version(api: Any) -> None:
    ada = await api.admin()
    assert (await ada.ask("POST", "/api/pipelines", json={"text": GOOD})).status_code == 201
    for number in ("0", "-1", str(2**31), str(2**63), "9" * 400):
        answer = await ada.ask("GET", f"/api/pipelines/speak/versions/{number}")
        assert answer.status_code in (404, 422), answer.text
        answer = await ada.ask("POST", "/api/pipelines/speak/restore", content=f'{{"version": {number}}}')
        assert answer.status_code in (400, 404, 422), answer.text
        answer = await ada.ask("PUT", "/api/pipelines/speak", content=f'{{"text": "", "base_version": {number}}}')
        assert answer.status_code in (400, 404, 409, 422), answer.text


def zipped(entries: dict[str, bytes], *, stored: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def lying_about_its_size() -> bytes:
    """A bomb whose directory says that it unpacks to ten bytes."""
    data = bytearray(zipped({"speak.yaml": GOOD.encode(), "bomb": b"\0" * 50_000_000}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


ZIPS: dict[str, tuple[bytes, int]] = {
    "a bomb": (zipped({"speak.yaml": GOOD.encode(), "bomb": b"\0" * 50_000_000}), 413),
    "a bomb as the pipeline": (zipped({"speak.yaml": b" " * (MAX_UNPACKED_BYTES + 1)}), 413),
    "a bomb in parts": (zipped({"speak.yaml": GOOD.encode()} | {f"{n}": b"\0" * 500_000 for n in range(5)}), 413),
    "a bomb that lies": (lying_about_its_size(), 422),
    "many files": (zipped({f"{n}": b"" for n in range(MAX_ENTRIES + 1)}), 413),
    "a way out": (zipped({"speak.yaml": GOOD.encode(), "../../x.md": b"x"}), 422),
    "an absolute path": (zipped({"speak.yaml": GOOD.encode(), "/etc/passwd": b"x"}), 422),
    "a drive": (zipped({"speak.yaml": GOOD.encode(), "C:\\x.md": b"x"}), 422),
    "a long name": (zipped({"speak.yaml": GOOD.encode(), "x" * 300: b"x"}), 422),
    "a control character": (zipped({"speak.yaml": GOOD.encode(), "a\nb": b"x"}), 422),
    "no pipeline": (zipped({"readme.md": b"x"}), 422),
    "two pipelines": (zipped({"a.yaml": GOOD.encode(), "b.yaml": GOOD.encode()}), 422),
    "no text": (zipped({"a.yaml": b"\xff\xfe\x00"}), 422),
    "cut off": (zipped({"a.yaml": GOOD.encode()})[:-30], 422),
    "garbage": (b"PK\x03\x04" + bytes(range(256)), 422),
    "not text at all": (b"\xff\xd8\xff\xe0" * 10, 422),
    "nothing": (b"", 422),
    "encrypted": (
        zipped({"a.yaml": GOOD.encode()}).replace(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x01\x00\x08\x00"),
        422,
    ),
}


@on_sqlite
async def test_no_zip_does_harm(api: Any) -> None:
    ada = await api.admin()
    for what, (data, status) in ZIPS.items():
        answer = await ada.ask("POST", "/api/pipelines/import", files={"file": ("a.zip", data, "application/zip")})
        assert answer.status_code == status, (what, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


@on_sqlite
async def test_a_zip_may_have_a_folder_and_pictures(api: Any) -> None:
    ada = await api.admin()
    text = GOOD.replace(
        'tts.espeak, with: {text: "${inputs.text}"',
        'llm.outline, with: {prompt: p/q.md, data: {t: "${inputs.text}"}, returns: text',
    )
    text = text.replace("a.audio", "a.text")
    data = zipped(
        {"x/speak.yaml": text.encode(), "x/p/q.md": b"{{ t }}", "x/p/a.png": b"\x89PNG\xff", "y/other.md": b"x"}
    )
    answer = await ada.ask("POST", "/api/pipelines/import", files={"file": ("a.zip", data, "application/zip")})
    assert answer.status_code == 201, answer.text
    assert answer.json()["files"] == {"p/q.md": "{{ t }}"}


@on_sqlite
async def test_a_form_without_a_file_is_a_422(api: Any) -> None:
    ada = await api.admin()
    forms: tuple[dict[str, Any], ...] = ({"files": {"other": ("a", b"x")}}, {"data": {"file": "x"}}, {"json": {}}, {})
    for options in forms:
        answer = await ada.ask("POST", "/api/pipelines/import", **options)
        assert answer.status_code in (400, 415, 422), answer.text
