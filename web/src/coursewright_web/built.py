"""What the build made: which file stands for which name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

DIST = Path(str(files(__package__) / "dist"))
STATIC = DIST / "static"


class Script(msgspec.Struct, frozen=True):
    """A script, and those that it imports."""

    file: str
    needs: list[str]


class Manifest(msgspec.Struct, frozen=True):
    """File names with hashes."""

    icons: str
    icon_names: frozenset[str]
    styles: str
    fonts: list[str]
    scripts: dict[str, Script]


class Language(msgspec.Struct, frozen=True):
    """A language that there is a catalogue for. English needs none."""

    name: str
    script: str


class Built:
    """Reads the build's lists, and again when they have changed: pages are worked on while the service runs."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[float, Any]] = {}

    @property
    def manifest(self) -> Manifest:
        found: Manifest = self._latest("manifest.json", Manifest)
        return found

    @property
    def languages(self) -> dict[str, Language]:
        """By code; English first."""
        found: dict[str, Language] = self._latest("languages.json", dict[str, Language])
        return found

    def _latest(self, name: str, kind: Any) -> Any:
        path = DIST / name
        try:
            changed = path.stat().st_mtime
        except FileNotFoundError:
            raise RuntimeError("the pages were not built; run: python web/hatch_build.py") from None
        if name not in self._read or self._read[name][0] != changed:
            self._read[name] = (changed, msgspec.json.decode(path.read_bytes(), type=kind))
        return self._read[name][1]
