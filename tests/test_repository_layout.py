"""The tree is what the documentation says it is: names agree, the lists in the root pyproject.toml are complete."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from coursewright import catalog

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = sorted(path.parent for path in [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")])
PLUGINS = [folder for folder in DISTRIBUTIONS if folder.parent.name == "plugins"]
LONGEST_MODULE = 400
"""Lines. Past that a module answers more than one question."""


def metadata(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def name_of(folder: Path) -> str:
    """The import name that the layout asks of a distribution's folder."""
    return "coursewright" if folder.name == "engine" else f"coursewright_{folder.name}"


def module_names(folders: list[Path]) -> list[str]:
    return [name_of(folder) for folder in folders]


def id_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=id_of)
def test_a_folder_its_distribution_and_its_import_name_agree(folder: Path) -> None:
    project, name = metadata(folder)["project"], name_of(folder)

    assert project["name"] == name.replace("_", "-")
    assert project["license"] == "Apache-2.0"
    assert project["requires-python"] == ">=3.11"
    assert [path.name for path in (folder / "src").iterdir() if not path.name.startswith(".")] == [name]
    assert (folder / "src" / name / "py.typed").is_file()
    assert importlib.metadata.version(project["name"]) == project["version"]


@pytest.mark.parametrize("folder", PLUGINS, ids=id_of)
def test_a_plugin_offers_the_provider_that_its_folder_names(folder: Path) -> None:
    assert metadata(folder)["project"]["entry-points"] == {"coursewright": {folder.name: name_of(folder)}}

    offers = catalog.installed().offers
    assert offers[folder.name.replace("_", ".", 1)].plugin == name_of(folder).replace("_", "-")


def test_every_plugin_loads() -> None:
    assert catalog.installed().failures == ()


def test_the_checks_cover_every_distribution() -> None:
    root = metadata(ROOT)["tool"]
    contracts = {contract["name"]: contract for contract in root["importlinter"]["contracts"]}
    protected = contracts["Nobody imports a plugin, not even another plugin"]["protected_modules"]
    bound = contracts["A plugin needs neither the service nor the way a run is executed"]["source_modules"]

    assert sorted(root["importlinter"]["root_packages"]) == sorted(module_names(DISTRIBUTIONS))
    assert sorted(protected) == sorted(bound) == sorted(module_names(PLUGINS))
    assert sorted(root["mypy"]["mypy_path"]) == sorted(f"{id_of(folder)}/src" for folder in DISTRIBUTIONS)


def test_no_module_is_too_long() -> None:
    modules = [path for folder in DISTRIBUTIONS for path in (folder / "src").rglob("*.py")]
    lines = {id_of(path): path.read_text("utf-8").count("\n") for path in modules}

    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE} == {}


def files_of_the_project() -> list[Path]:
    """The text files below the root, without what set-up, tools and runs put there."""
    made = re.compile(r"^(\..*|node_modules|__pycache__|output|scratch|build|dist|.*\.egg-info|schemas)$")
    found: list[Path] = []
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if path.is_dir():
                environment = (path / "pyvenv.cfg").is_file()
                if path.name in {".ci", ".github"} or not (environment or made.match(path.name)):
                    folders.append(path)
            elif b"\0" not in path.read_bytes():
                found.append(path)
    return found


# Written so that this file does not match itself.
HOSTS = re.compile(r"py[p]i\.org|pythonhoste[d]|npmj[s]\.|debia[n]\.org|ubunt[u]\.com|gh[c]r\.io|docke[r]\.io")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:wor[k]|far[m]|hom[e]/\w+|roo[t]|User[s]/\w+)/")


def test_files_name_no_package_registry_and_no_path_of_one_machine() -> None:
    found = [
        f"{id_of(path)}:{number}: {match.group()}"
        for path in files_of_the_project()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        for match in [HOSTS.search(line) or MACHINE_PATHS.search(line)]
        if match
    ]

    assert found == []
