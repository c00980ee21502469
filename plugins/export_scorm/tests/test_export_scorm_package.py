"""The package as a file: manifest, names, zip, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from coursewright.capabilities.compose import Film
from coursewright.capabilities.export import ExportRequest, Package
from coursewright.errors import BadInput, Cancelled, Unavailable
from coursewright.testing import Bench
from coursewright_export_scorm import provider, schemas
from coursewright_export_scorm.provider import ScormExport
from lxml import etree

Export = Callable[..., Package]
Opened = Callable[[Package], zipfile.ZipFile]

NAMESPACES = {
    "": "http://www.imsproject.org/xsd/imscp_rootv1p1p2",
    "adlcp": "http://www.adlnet.org/xsd/adlcp_rootv1p2",
}
TITLES = [
    "Tides",
    "<&\"'> ]]> &amp; </title>",
    "🌊🌊🌊",
    "المد والجزر: كيف يعمل القمر",
    "!!! ??? ---",
    "A" * 200,
    "Über   Öl\tund\x00Wasser\x1b \ud800 ￾",
    "2024",
]


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    """The schemas that a package carries, as one.

    Two of them are more than libxml2 takes; they are mended here in memory, never in a package:
    `ims_xml.xsd` binds the XML namespace as its default, and the wildcards of the metadata schema
    make its content model ambiguous.
    """
    folder = files("coursewright_export_scorm") / "schemas" / "1.2"
    xml = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/XML/1998/namespace">
      <xs:attribute name="lang" type="xs:language"/><xs:attribute name="base" type="xs:anyURI"/>
      <xs:attribute name="link" type="xs:string"/></xs:schema>"""

    class Mended(etree.Resolver):
        def resolve(self, url: str | None, public_id: str | None, context: Any) -> Any:
            name = (url or "").rpartition("/")[2]
            text = xml if name == "ims_xml.xsd" else (folder / name).read_text("utf-8-sig")
            text = re.sub(r"^<\?xml[^>]*\?>", "", text).replace('namespace="##any"', 'namespace="##other"')
            return self.resolve_string(text, context, base_url=name)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Mended())
    imports = "".join(
        f'<xs:import namespace="{NAMESPACES[prefix]}" schemaLocation="{name}"/>'
        for prefix, name in [("", "imscp_rootv1p1p2.xsd"), ("adlcp", "adlcp_rootv1p2.xsd")]
    )
    root = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(root, parser))


def manifest_of(archive: zipfile.ZipFile) -> etree._Element:
    return etree.fromstring(archive.read("imsmanifest.xml"))


@pytest.mark.parametrize("title", TITLES, ids=range(len(TITLES)))
def test_any_title_gives_a_valid_manifest(
    film: Film, export: Export, opened: Opened, schema: etree.XMLSchema, title: str
) -> None:
    package = export(film, title)
    with opened(package) as archive:
        manifest = manifest_of(archive)
    schema.assertValid(manifest)
    titles = [element.text for element in manifest.iterfind(".//title", NAMESPACES)]
    assert len(titles) == 2
    assert titles[0] == titles[1] == " ".join(re.sub("[\x00\x1b\ud800￾]", "", title).split())
    assert re.fullmatch(r"[a-z0-9-]{1,40}-scorm12\.zip", package.file.name)
    assert package.file.media_type == "application/zip"
    assert all(re.fullmatch("[A-Za-z_][A-Za-z0-9_-]*", name) for name in manifest.xpath("//@identifier"))


def test_the_schema_test_can_fail(film: Film, export: Export, opened: Opened, schema: etree.XMLSchema) -> None:
    with opened(export(film)) as archive:
        manifest = manifest_of(archive)
    resource = next(manifest.iterfind(".//resource", NAMESPACES))
    resource.set(f"{{{NAMESPACES['adlcp']}}}scormType", "sco")  # the spelling of SCORM 2004
    assert not schema.validate(manifest)


def test_the_manifest_describes_one_sco_and_lists_every_file(film: Film, export: Export, opened: Opened) -> None:
    with opened(export(film)) as archive:
        manifest, names = manifest_of(archive), archive.namelist()
    text = [manifest.findtext(f"metadata/{name}", None, NAMESPACES) for name in ("schema", "schemaversion")]
    assert text == ["ADL SCORM", "1.2"]
    (resource,) = manifest.iterfind(".//resource", NAMESPACES)
    (item,) = manifest.iterfind(".//item", NAMESPACES)
    assert item.get("identifierref") == resource.get("identifier")
    assert resource.get("href") == "index.html"
    assert resource.get(f"{{{NAMESPACES['adlcp']}}}scormtype") == "sco"
    listed = [file.get("href") for file in resource.iterfind("file", NAMESPACES)]
    assert listed[0] == "index.html"
    assert names == ["imsmanifest.xml", *schemas.SCHEMA_NAMES["1.2"], *listed]
    located = manifest.get("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation")
    assert located is not None
    assert set(located.split()[1::2]) <= set(names)


def test_the_zip_is_plain_and_the_same_each_time(film: Film, export: Export, opened: Opened) -> None:
    first, second = export(film), export(film)
    assert first == second
    assert first.sidecars == []
    with opened(first) as archive:
        entries = archive.infolist()
        assert archive.testzip() is None
    assert all(re.fullmatch("[a-z0-9_.-]+", entry.filename) for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    stored = [entry.filename for entry in entries if entry.compress_type == zipfile.ZIP_STORED]
    assert stored == ["poster.png", "film.mp4"]
    assert not [entry for entry in entries if entry.extra or entry.flag_bits]  # no zip64, no descriptors, no UTF-8


def test_nothing_in_the_package_is_remote_or_inline(film: Film, export: Export, opened: Opened) -> None:
    with opened(export(film)) as archive:
        page = archive.read("index.html").decode()
        texts = [archive.read(name).decode() for name in archive.namelist() if name.endswith((".js", ".css"))]
    assert not [text for text in [page, *texts] if re.search("https?:|//[a-z]+[.]", text)]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    scripts = re.findall(r"<script ([^>]*)>", page)
    assert scripts == ['type="application/json" id="course"', 'type="module" src="player.js"']


def test_the_identifier_follows_the_title_or_the_author(film: Film, export: Export, opened: Opened) -> None:
    def identifier(title: str, **options: Any) -> str:
        with opened(export(film, title, **options)) as archive:
            return str(manifest_of(archive).get("identifier"))

    longer = msgspec.structs.replace(film, scenes=film.scenes[:1])
    assert identifier("Tides") == manifest_of(opened(export(longer, "Tides"))).get("identifier")
    assert identifier("Tides") != identifier("Tides!")
    assert identifier("Tides!", identifier="tides_2024") == "tides_2024"


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"version": "2004"}, "version"),
        ({"completion_share": 0.05}, "completion_share"),
        ({"identifier": "1 x"}, "ident"),
    ],
)
def test_options_outside_their_limits_are_refused(options: dict[str, Any], where: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=where):
        msgspec.convert(options, ScormExport.Options)


def test_a_film_without_captions_or_thumbnail_still_makes_a_package(
    film: Film, workbench: Bench, export: Export, opened: Opened
) -> None:
    silent = workbench.store.put_bytes(b"WEBVTT\n", name="none.vtt", media_type="text/vtt")
    bare = msgspec.structs.replace(film, captions=silent, thumbnail=None, scenes=film.scenes[:1])
    with opened(export(bare)) as archive:
        page = archive.read("index.html").decode()
    assert "<track" not in page
    assert "poster" not in page
    assert 'class="side"' not in page


@pytest.mark.parametrize(
    ("field", "data", "words"),
    [
        ("video", b"#!/bin/sh\n", "is not an MP4 file"),
        ("audio", b"", "is not an M4A file"),
        ("thumbnail", b"<svg/>", "is not a PNG or JPEG picture"),
        ("captions", b"1\n00:00 --> 00:01\nx", "the first line is not WEBVTT"),
        ("captions", b"WEBVTT\n\n00:01.000 --> 00:00.500\nx", "ends before it starts"),
        ("captions", b"WEBVTT\n\n\xff\xfe", "is not UTF-8"),
        ("captions", b"W" * (provider.CAPTIONS_MAX_BYTES + 1), "at most 10 MB"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    film: Film, workbench: Bench, export: Export, field: str, data: bytes, words: str
) -> None:
    artifact = workbench.store.put_bytes(data, name="odd", media_type="application/octet-stream")
    changed = msgspec.structs.replace(film, **({"video": None} if field == "audio" else {}) | {field: artifact})
    with pytest.raises(BadInput, match=words) as caught:
        export(changed)
    assert caught.value.field == f"film.{field}"
    assert caught.value.remedy


def test_a_title_without_a_visible_character_is_refused(film: Film, export: Export) -> None:
    with pytest.raises(BadInput) as caught:
        export(film, " \x00\n\t")
    assert caught.value.field == "title"


def test_missing_schema_files_are_reported_with_the_remedy(
    film: Film, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ScormExport().check().state == "ready"
    monkeypatch.setitem(schemas.SCHEMA_NAMES, "1.2", ("adlcp_rootv1p2.xsd", "lost.xsd"))
    health = ScormExport().check()
    assert (health.state, health.remedy) == ("unavailable", schemas.REMEDY)
    assert "lost.xsd" in health.reason
    with pytest.raises(Unavailable, match=r"lost\.xsd"):
        export(film)


def test_a_large_package_comes_with_a_warning(film: Film, workbench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def notices() -> list[str]:
        context = workbench.context(ScormExport())
        ScormExport().run(ExportRequest(film=film, title="Tides"), context)
        return context.notices

    assert notices() == []
    monkeypatch.setattr(provider, "LARGE_BYTES", 10_000)
    (notice,) = notices()
    assert "ask yours" in notice


def test_progress_counts_bytes_and_cancelling_stops(film: Film, workbench: Bench, export: Export) -> None:
    workbench.progress.clear()
    export(film)
    done = [step[0] for step in workbench.progress]
    assert done == sorted(done)
    assert workbench.progress[-1][0] == workbench.progress[-1][1]
    context = workbench.context(ScormExport())
    context.cancel.set()
    with pytest.raises(Cancelled):
        ScormExport().run(ExportRequest(film=film, title="Tides"), context)


def test_every_language_has_the_same_words() -> None:
    data = (files("coursewright_export_scorm") / "templates" / "words.json").read_bytes()
    languages = msgspec.json.decode(data, type=dict[str, dict[str, str]])
    assert {"en", "de", "es", "fr"} <= set(languages)

    def shape(words: dict[str, str]) -> dict[str, set[str]]:
        return {name: set(re.findall(r"\{\w+\}", text)) for name, text in words.items()}

    assert all(shape(words) == shape(languages["en"]) for words in languages.values())


def test_listing_the_provider_imports_nothing_heavy() -> None:
    heavy = ("jinja2", "lxml", "av", "numpy")
    code = f"import sys, coursewright_export_scorm; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
