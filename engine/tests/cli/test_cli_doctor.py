"""`coursewright doctor`."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coursewright.catalog import Catalog, catalog_of
from coursewright.cli.diagnosis import Finding, diagnose
from coursewright.cli.fonts import SCRIPTS, scripts_covered
from coursewright.cli.health import health_of
from coursewright.providers import Health, NoOptions, Provider
from coursewright.settings import Settings

Call = Callable[..., Any]


def voice(name: str, health: Health | Callable[[], Health]) -> type[Provider[Any, Any]]:
    class Voice(Provider[Any, Any]):
        capability = "tts"
        summary = "a voice for tests"
        version = "1"
        Options = NoOptions

        def check(self) -> Health:
            return health if isinstance(health, Health) else health()

        def run(self, request: Any, context: Any) -> Any:
            raise NotImplementedError

    Voice.name = name
    return Voice


READY = Health()
GONE = Health(state="unavailable", reason="no network", remedy="connect to one")


def findings(catalog: Catalog, **env: str) -> dict[str, Finding]:
    return {finding.subject: finding for finding in diagnose(env, catalog).findings}


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "data")


def test_a_machine_with_all_plugins_is_ready(coursewright: Call) -> None:
    ended = coursewright("doctor")

    assert ended.code == 0, ended.out
    assert ended.out.splitlines()[-1].startswith("ready")
    assert "ok    artifact store" in ended.out
    assert "ok    tts.espeak" in ended.out
    assert "\x1b" not in ended.out


def test_nothing_is_left_in_the_store(coursewright: Call) -> None:
    coursewright("doctor")

    assert coursewright("store", "usage").out.startswith("0 artifacts, 0 bytes\n")


def test_json_has_a_finding_for_each_line(coursewright: Call) -> None:
    diagnosis = json.loads(coursewright("doctor", "--json").out)

    assert diagnosis["state"] in ("ok", "warn")
    assert {"subject", "state", "message", "remedy"} == set(diagnosis["findings"][0])
    assert {"Python", "coursewright", "plugin", "locale", "settings", "data folder", "free space"} <= {
        finding["subject"] for finding in diagnosis["findings"]
    }


def test_a_data_folder_that_cannot_be_written_fails(
    coursewright: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("COURSEWRIGHT_DATA_DIR", str(file / "data"))

    ended = coursewright("doctor")

    assert ended.code == 1
    assert "fail  data folder" in ended.out
    assert "→ set COURSEWRIGHT_DATA_DIR to a folder that you may write to" in " ".join(ended.out.split())
    assert "fail  artifact store" in ended.out
    assert ended.out.splitlines()[-1].startswith("not ready: ")


def test_wrong_settings_fail_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("workers = 'many'")

    found = findings(catalog_of({}), COURSEWRIGHT_SETTINGS=str(settings))

    assert found["settings"].state == "fail"
    assert found["settings"].message == f"workers in the settings file {settings}: Expected `int`, got `str`"
    assert "fonts" in found


def test_a_plugin_that_cannot_be_loaded_fails(install: Callable[..., None], coursewright: Call) -> None:
    install("coursewright-tts-broken", "import no_such_library")

    ended = coursewright("doctor", "--json")

    assert ended.code == 1
    [finding] = [finding for finding in json.loads(ended.out)["findings"] if finding["state"] == "fail"]
    assert finding == {
        "subject": "plugin",
        "state": "fail",
        "message": "coursewright-tts-broken cannot be used: ModuleNotFoundError: No module named 'no_such_library'",
        "remedy": "install a version of it that fits, or uninstall it",
    }


def test_an_unavailable_provider_fails_only_when_no_other_serves(data: str) -> None:
    alone = findings(catalog_of({"voices": [voice("gone", GONE)]}), COURSEWRIGHT_DATA_DIR=data)
    beside = findings(catalog_of({"voices": [voice("gone", GONE), voice("good", READY)]}), COURSEWRIGHT_DATA_DIR=data)

    assert alone["tts.gone"] == Finding(
        subject="tts.gone", state="fail", message="unavailable: no network", remedy="connect to one"
    )
    assert beside["tts.gone"].state == "warn"
    assert beside["tts.good"].state == "ok"


def test_a_capability_without_provider_is_a_limit(data: str) -> None:
    found = findings(catalog_of({}), COURSEWRIGHT_DATA_DIR=data)

    assert found["tts"] == Finding(
        subject="tts",
        state="warn",
        message="no provider is installed (text → speech)",
        remedy="install a plugin for tts",
    )


def test_a_provider_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    forever = threading.Event()
    catalog = catalog_of({"voices": [voice("hangs", lambda: Health() if forever.wait(60) else GONE)]})

    health = health_of(catalog.offers.values(), Settings(data_dir=tmp_path), patience_s=0.1)

    forever.set()
    assert health["tts.hangs"].reason == "it did not answer within 0.1 s"


def test_a_prefect_server_that_does_not_answer_fails(data: str) -> None:
    url = "http://127.0.0.1:1/api"

    found = findings(catalog_of({}), COURSEWRIGHT_DATA_DIR=data, COURSEWRIGHT_PREFECT_API_URL=url)

    assert found["Prefect server"].state == "fail"
    assert found["Prefect server"].message.startswith(f"{url} does not answer")


def test_a_store_without_keys_fails_with_the_remedy(data: str, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[s3]\nendpoint = "127.0.0.1:1"\nbucket = "courses"\n')

    found = findings(catalog_of({}), COURSEWRIGHT_DATA_DIR=data, COURSEWRIGHT_SETTINGS=str(settings))

    assert found["artifact store"].state == "fail"
    assert found["artifact store"].message == "the secret S3_ACCESS_KEY is not set"
    assert found["settings"].message == str(settings)


def test_little_space_is_a_limit(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursewright.cli.diagnosis.LITTLE_SPACE_BYTES", 1 << 62)

    assert findings(catalog_of({}), COURSEWRIGHT_DATA_DIR=data)["free space"].state == "warn"


def test_another_encoding_is_a_limit(command: Any) -> None:
    ended = command("doctor", "--json", LC_ALL="POSIX", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")

    [finding] = [finding for finding in json.loads(ended.stdout)["findings"] if finding["subject"] == "locale"]
    assert finding["state"] == "warn"
    assert finding["remedy"] == "export LANG=C.UTF-8"


def test_doctor_does_not_import_prefect(command: Any) -> None:
    ended = command("doctor", "--json", PYTHONPROFILEIMPORTTIME="1")

    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time")}
    assert "coursewright.cli.diagnosis" in imported
    assert "prefect" not in imported


# -- fonts ---------------------------------------------------------------------------------------


def face(*scripts: str, at: int = 0) -> bytes:
    """A font of one table, OS/2, that says it covers these scripts; `at` is where it stands in the file."""
    bits = sum(1 << SCRIPTS[script] for script in scripts)
    words = [bits >> 32 * number & 0xFFFFFFFF for number in range(4)]
    directory = struct.pack(">4sH6x", b"\0\1\0\0", 1) + struct.pack(">4sLLL", b"OS/2", 0, at + 28, 58)
    return directory + bytes(42) + struct.pack(">4L", *words)


@pytest.fixture
def fonts(tmp_path: Path) -> Path:
    folder = tmp_path / "fonts" / "below"
    folder.mkdir(parents=True)
    return folder


def test_the_scripts_of_fonts_are_read(fonts: Path) -> None:
    first = face("Chinese", "Ethiopic", at=20)
    (fonts / "two.ttc").write_bytes(
        struct.pack(">4sLLLL", b"ttcf", 0x10000, 2, 20, 20 + len(first)) + first + face("Korean", at=20 + len(first))
    )
    (fonts / "one.TTF").write_bytes(face("Arabic"))

    assert scripts_covered([fonts.parent]) == {"Arabic", "Chinese", "Ethiopic", "Korean"}


@pytest.mark.parametrize("length", [0, 3, 11, 20, 40, 80])
def test_a_damaged_font_counts_for_nothing(fonts: Path, length: int) -> None:
    (fonts / "cut.ttf").write_bytes(face("Arabic")[:length])
    (fonts / "whole.otf").write_bytes(face("Thai"))
    (fonts / "link.ttf").symlink_to(fonts / "nowhere.ttf")

    assert scripts_covered([fonts, fonts / "missing"]) == {"Thai"}
