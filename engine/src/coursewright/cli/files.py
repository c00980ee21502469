"""Reading pipeline files for the commands: the file itself, and the prompts beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from coursewright.errors import InputError

MAX_BYTES = 1 << 20
"""More than any pipeline or prompt is; the checker sets a tighter limit with a message of its own."""


def read_pipeline(name: str) -> tuple[bytes, Callable[[str], str | None]]:
    """The bytes of a pipeline file (`-` is standard input), and a reader of files beside it."""
    if name == "-":
        return sys.stdin.buffer.read(MAX_BYTES), beside(Path.cwd())
    path = Path(name)
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES), beside(path.parent)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the pipeline {name} cannot be read: {reason}", remedy="check the path") from None


def beside(folder: Path) -> Callable[[str], str | None]:
    """A reader of text files in or below `folder`; anything else is not there."""

    def read(relative: str) -> str | None:
        root = folder.resolve()
        path = (root / relative).resolve()
        if not path.is_relative_to(root):
            return None
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES).decode("utf-8")
        except (OSError, ValueError):
            return None

    return read
