"""The folder of pipelines that the operator offers: what is in it, and what of that can be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from coursewright.cli.files import beside
from coursewright.errors import CoursewrightError, StoreError

from coursewright_api.fields import FieldError
from coursewright_api.pipelines.compiling import Compiled
from coursewright_api.problems import ApiError

MAX_FILES = 2_000
"""More than any folder of pipelines has: what somebody sets to a disk's root costs no more than this."""
MAX_BYTES = 1 << 20
_SUFFIXES = (".yaml", ".yml")

Stamp = tuple[tuple[str, int, int], ...]
Make = Callable[[bytes, Callable[[str], "str | None"], str], Compiled]


class FileProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the folder that is not taken."""

    file: str
    message: str
    errors: tuple[FieldError, ...] = ()


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder holds."""

    pipelines: dict[str, Compiled] = {}
    problems: tuple[FileProblem, ...] = ()


def stamp_of(folder: Path) -> Stamp:
    """What changes when a file of the folder, or below it, does. Empty when there is no folder."""
    return tuple(sorted(_stats(folder)))


def _stats(folder: Path) -> Iterator[tuple[str, int, int]]:
    for count, path in enumerate(_walk(folder)):
        if count >= MAX_FILES:
            return
        try:
            found = path.stat()
        except OSError:
            continue
        yield str(path), found.st_mtime_ns, found.st_size


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(files) if not name.startswith("."))


def scan(folder: Path, make: Make) -> Scanned:
    """Compile the folder's pipelines, not those of folders in it. Raises StoreError, and nothing for any file."""
    pipelines: dict[str, Compiled] = {}
    files: dict[str, str] = {}
    problems: list[FileProblem] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    except FileNotFoundError:
        return Scanned()
    except OSError as error:
        return Scanned(problems=(FileProblem(file=".", message=f"the folder cannot be read: {error.strerror}"),))
    for path in paths[:MAX_FILES]:
        try:
            with path.open("rb") as file:
                found = make(file.read(MAX_BYTES), beside(folder), path.name)
        except ApiError as error:
            problems.append(FileProblem(file=path.name, message=error.message, errors=error.errors))
        except StoreError:  # says nothing about the file: it is tried again
            raise
        except (OSError, CoursewrightError) as error:
            problems.append(FileProblem(file=path.name, message=f"it cannot be read: {error}"))
        else:
            name = found.plan.name
            if name in pipelines:
                message = f"{files[name]} has the name '{name}' already; give this one another"
                problems.append(FileProblem(file=path.name, message=message))
            else:
                pipelines[name], files[name] = found, path.name
    return Scanned(pipelines=pipelines, problems=tuple(problems))
