"""Files from templates: rendered all, then written all or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import jinja2

from coursewright.errors import InputError

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("coursewright.cli"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701  # source code, not HTML
)


def rendered(template: str, values: Mapping[str, object]) -> str:
    """The template under `templates/` with the values in it."""
    return _TEMPLATES.get_template(template).render(values)


def write_files(files: Mapping[Path, str], *, force: bool) -> None:
    """Write the files, making their folders.

    Raises InputError when one exists and `force` is not given, or cannot be written; new files are then taken
    back. A file appears under its name only when it is complete.
    """
    existing = [path for path in files if path.exists() or path.is_symlink()]
    if existing and not force:
        raise InputError(f"{existing[0]} exists already", remedy="choose another name, or overwrite it with --force")
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode())
        except OSError as error:
            for made in files.keys() - existing:
                with contextlib.suppress(OSError):
                    made.unlink(missing_ok=True)
            raise InputError(
                f"{path} cannot be written: {error.strerror}", remedy="choose a folder that you may write to"
            ) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write or replace the file in one move. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
