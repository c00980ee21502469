"""What pip installs is what the checkout holds: every distribution builds, and its wheel is complete and works."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = sorted(path.parent for path in [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")])


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """The wheel of each distribution, by the distribution's folder."""
    built = {}
    for folder in FOLDERS:
        target = tmp_path_factory.mktemp(folder.name)
        list(WheelBuilder(str(folder)).build(directory=str(target)))
        [built[folder]] = target.iterdir()
    return built


def test_a_wheel_holds_every_file_of_its_package(wheels: dict[Path, Path]) -> None:
    for folder, wheel in wheels.items():
        source = folder / "src"
        files = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

        assert held == {path.relative_to(source).as_posix() for path in files}


def test_the_wheels_serve_all_providers_without_the_checkout(wheels: dict[Path, Path], tmp_path: Path) -> None:
    for wheel in wheels.values():
        zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        "import coursewright.catalog as c; found = c.installed();"
        "print(c.__file__, len(found.offers), *[failure.reason for failure in found.failures])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )

    file, count, *failures = done.stdout.split()
    assert Path(file).is_relative_to(tmp_path)
    assert failures == []
    assert int(count) == sum(folder.parent.name == "plugins" for folder in wheels)
