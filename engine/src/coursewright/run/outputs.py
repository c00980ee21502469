"""The results of a run, written where a person finds them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.export import Package
from coursewright.disk import FULL
from coursewright.errors import CoursewrightError, InputError
from coursewright.run.folders import PREFIX, temporary_folder
from coursewright.run.keys import artifacts_in
from coursewright.run.report import RunReport
from coursewright.store.contract import Store


class Written(msgspec.Struct, frozen=True):
    """One file of the results: the output it belongs to, and where it is."""

    output: str
    path: Path
    size_bytes: int


class OutputFolder:
    """A folder for results that appears, or changes, only when all of them are complete.

    Raises InputError at once when it cannot be used, so that nobody learns it after the work.
    """

    def __init__(self, folder: Path, *, force: bool) -> None:
        self.folder = folder
        with self._explained():
            place = self._place()
            if not place.is_dir():
                raise InputError(
                    f"{place} is a file, wanted is a folder for the results",
                    field="-o",
                    remedy="choose another folder with -o",
                )
            if self._holds_something() and not force:
                raise InputError(
                    f"{folder} already holds something",
                    field="-o",
                    remedy="choose another folder with -o, or add --force",
                )
            with temporary_folder(place):
                pass

    def write(self, report: RunReport, store: Store) -> list[Written]:
        """Write all outputs and `report.json`. On failure the folder is as it was."""
        with self._explained(), temporary_folder(self._place()) as temporary:
            results = temporary / "results"
            results.mkdir()
            written = _stage(report, store, results)
            if self.folder.exists():
                self._replace_files(results)
            else:
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                results.replace(self.folder)
        return [Written(each.output, self.folder / each.path.name, each.size_bytes) for each in written]

    def _place(self) -> Path:
        """What exists of the path to the folder; temporary files there are on the same file system."""
        return next(each for each in (self.folder, *self.folder.absolute().parents) if each.exists())

    def _holds_something(self) -> bool:
        return self.folder.is_dir() and any(not each.name.startswith(PREFIX) for each in self.folder.iterdir())

    def _replace_files(self, results: Path) -> None:
        moves = [(each, self.folder / each.name) for each in results.iterdir()]
        for _, target in moves:
            if target.is_dir():
                raise InputError(
                    f"{target} is a folder, and a result has this name", field="-o", remedy="move that folder away"
                )
        for each, target in moves:
            each.replace(target)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _refused(self.folder, error) from None


def _refused(folder: Path, error: OSError) -> CoursewrightError:
    if error.errno in FULL:
        return CoursewrightError(
            f"the disk of {folder} is full", remedy="free some space and run again: finished steps are kept"
        )
    return InputError(
        f"the results cannot be written to {folder}: {error.strerror or error}",
        field="-o",
        remedy="choose a folder you may write to with -o",
    )


def _stage(report: RunReport, store: Store, staging: Path) -> list[Written]:
    written: list[Written] = []
    names = _Names()
    for output, value in report.outputs.items():
        for artifact in {each.digest: each for each in artifacts_in(value)}.values():
            path = staging / names.free(artifact.name, output)
            with store.open(artifact) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            written.append(Written(output, path, artifact.size_bytes))
        if not _only_files(value):
            written.append(_data(output, value, staging, names))
    summary = msgspec.json.format(msgspec.json.encode(report), indent=2)
    (staging / "report.json").write_bytes(summary + b"\n")
    return written


def _only_files(value: Any) -> bool:
    """Does an output hold nothing but files, so that its data would tell nothing?"""
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, Artifact) for each in value)
    return isinstance(value, Artifact | Package)


def _data(output: str, value: Any, staging: Path, names: _Names) -> Written:
    """An output that is no file: text as text, anything else as JSON."""
    if isinstance(value, str):
        data, name = value.encode() + b"\n", f"{output}.txt"
    else:
        data, name = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n", f"{output}.json"
    path = staging / names.free(name, output)
    path.write_bytes(data)
    return Written(output, path, len(data))


class _Names:
    """File names from artifacts, made harmless and unique. A name never becomes a path."""

    def __init__(self) -> None:
        self._taken = {"report.json"}

    def free(self, wanted: str, output: str) -> str:
        name = re.sub(r'[\x00-\x1f/\\:*?"<>|]+', "-", wanted).strip(". ")[-120:] or output
        candidates = [name, f"{output}-{name}"]
        number = 2
        while (candidate := candidates.pop(0)).casefold() in self._taken:
            if not candidates:
                candidates.append(f"{output}-{number}-{name}")
                number += 1
        self._taken.add(candidate.casefold())
        return candidate


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when complete."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
