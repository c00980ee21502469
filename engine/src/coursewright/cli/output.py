"""Printing for people at 80 columns, and JSON for programs."""

from __future__ import annotations

import textwrap
from typing import Any

import click
import msgspec

WIDTH = 80


def print_json(value: Any) -> None:
    """Print a struct, list or dict as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def wrapped(text: str, *, indent: int = 0, hang: int = 0) -> str:
    """The text in lines of at most 80 columns; `hang` indents the second and later lines further."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )


def size(count: int) -> str:
    """A size in bytes for people, in powers of 1000: `1.5 GB`."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{count:,} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def counted(number: int, noun: str) -> str:
    """`1 artifact`, `2 artifacts`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
