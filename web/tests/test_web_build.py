"""What is built: languages without gaps, and a policy that lets nothing foreign in."""

from __future__ import annotations

import gettext
import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from coursewright.settings import S3, Settings
from coursewright.store import open_store
from coursewright_web.built import DIST, Built, Language
from coursewright_web.language import chosen
from coursewright_web.pages.doors import own
from coursewright_web.rendering import Renderer
from litestar.testing import RequestFactory

WEB = Path(__file__).resolve().parents[1]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def module(name: str) -> ModuleType:
    """A program of this folder."""
    spec = importlib.util.spec_from_file_location(name, WEB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


messages = module("messages")
hatch_build = module("hatch_build")


@pytest.mark.parametrize("language", messages.languages(), ids=lambda folder: folder.name)
def test_a_language_has_every_message_once_and_none_besides(language: Path) -> None:
    found: list[Any] = []
    for path in sorted(language.glob("*.po")):
        found += [message for message in messages.read(path) if message.id]
    keys = [message.id if isinstance(message.id, str) else tuple(message.id) for message in found]
    said = messages.said()
    assert len(said) > 100
    assert sorted(map(str, said.keys() - set(keys))) == []
    assert sorted(map(str, set(keys) - said.keys())) == []
    assert len(keys) == len(set(keys))
    for message in found:
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        translations = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(translations), message.id
        names = set(PLACEHOLDER.findall(originals[-1]))
        assert all(set(PLACEHOLDER.findall(text)) <= names for text in translations), message.id


def test_what_is_served_was_built_from_what_is_here() -> None:
    assert hatch_build.complete(WEB), "run: python web/hatch_build.py"


def test_a_language_is_added_by_its_catalogue_alone(tmp_path: Path) -> None:
    folder, dist = tmp_path / "locale", tmp_path / "dist"
    (dist / "static").mkdir(parents=True)
    shutil.copytree(WEB / "locale", folder)
    (folder / "fr").mkdir()
    (folder / "fr" / "common.po").write_text(
        'msgid ""\nmsgstr ""\n"Language: fr\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
        'msgid "Jobs"\nmsgstr "Tâches"\n\n'
        'msgid "Attempt %(n)s"\nmsgid_plural "Attempt %(n)s"\nmsgstr[0] "Essai %(n)s"\nmsgstr[1] "Essai %(n)s"\n',
        "utf-8",
    )
    hatch_build._compile_catalogues(folder, dist)
    languages = json.loads((dist / "languages.json").read_text("utf-8"))
    assert {code: each["name"] for code, each in languages.items()} == {
        "en": "English",
        "de": "Deutsch",
        "fr": "Français",
    }
    script = (dist / "static" / languages["fr"]["script"]).read_text("utf-8")
    assert '"Jobs":"Tâches"' in script
    assert re.search(r"plural:n=>\+\(+n > 1\)+,", script)
    with (dist / "fr.mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    assert catalogue.gettext("Jobs") == "Tâches"
    assert catalogue.gettext("Dashboard") == "Dashboard"  # what is not translated stays as it is


@pytest.mark.parametrize(
    ("cookie", "accepted", "expected"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "fr,en;q=0.4,de;q=0.6", "de"),
        ("", "fr, nl;q=x, *", "en"),
        ("en", "de", "en"),
        ("xx", "de", "de"),
    ],
)
def test_a_page_speaks_the_language_that_is_liked_best(cookie: str, accepted: str, expected: str) -> None:
    languages = {"en": Language("English", ""), "de": Language("Deutsch", "x.js")}
    headers = {"accept-language": accepted, "cookie": f"coursewright_language={cookie}"}
    assert chosen(RequestFactory().get("/", headers=headers), languages) == expected


def policy_of(settings: Settings) -> str:
    page = Renderer(open_store(settings)).page(RequestFactory().get("/forgot"), "forgot.html")
    found: str = page.headers["Content-Security-Policy"]
    return found


def test_the_policy_lets_nothing_run_that_is_not_ours(tmp_path: Path) -> None:
    policy, other = policy_of(Settings(data_dir=tmp_path)), policy_of(Settings(data_dir=tmp_path))
    nonces = [re.findall(r"'nonce-([\w-]{22})'", each) for each in (policy, other)]
    assert len(nonces[0]) == 1
    assert nonces[0] != nonces[1]
    assert policy.replace(nonces[0][0], "…") == (
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-…'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self' blob:; "
        "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def test_files_may_also_come_from_an_s3_store_and_go_there(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        s3=S3(endpoint="files.example.org:9000", bucket="courses"),
        secrets={"S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"},
    )
    policy = policy_of(settings)
    assert "connect-src 'self' https://files.example.org:9000 blob:;" in policy
    assert "media-src 'self' https://files.example.org:9000 blob:" in policy
    assert "script-src 'self';" in policy


@pytest.mark.parametrize("path", ["/", "/jobs?status=failed", "/jobs/1"])
def test_one_comes_back_to_own_pages(path: str) -> None:
    assert own(path) == path


@pytest.mark.parametrize(
    "path", ["", "//a.example", "https://a.example", "/\\a.example", "/\tx", "javascript:alert(1)"]
)
def test_one_comes_back_to_no_other_site(path: str) -> None:
    assert own(path) == "/"


def test_an_icon_that_was_not_built_is_told_of() -> None:
    manifest = Built().manifest
    assert {"home", "trash"} <= manifest.icon_names
    assert all((DIST / "static" / name).is_file() for name in [manifest.icons, manifest.styles, *manifest.fonts])
