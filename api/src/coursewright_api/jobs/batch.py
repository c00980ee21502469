"""A table of jobs: one row, one job; columns are the pipeline's inputs."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable
from typing import Any

import msgspec
from coursewright.plan import InputSpec

from coursewright_api.fields import FieldError, errors_of
from coursewright_api.jobs.structs import NewJob
from coursewright_api.problems import invalid

MOST_ROWS = 500
_MOST_COLUMNS = 100
_OF_JOBS = ("title", "description", "priority")


def jobs_in(data: bytes, common: dict[str, Any], inputs: Iterable[InputSpec]) -> list[NewJob]:
    """The jobs of a CSV table for a pipeline with these inputs.

    The first row names inputs, or title, description and priority of the job. An
    empty cell counts as nothing given. Raises a 422 that names every row at fault by its number.
    """
    table = _rows(data)
    types = {spec.name: spec.type for spec in inputs}
    errors: list[FieldError] = []
    jobs: list[NewJob] = []
    for number, row in enumerate(table, start=1):
        given = {name: cell for name, cell in row.items() if cell}
        body = (
            common
            | {name: given.pop(name) for name in _OF_JOBS if name in given}
            | {"inputs": {name: _typed(types.get(name, ""), cell) for name, cell in given.items()}}
        )
        if wrong := errors_of(body, NewJob):
            errors += [placed(each, number) for each in wrong]
        else:
            jobs.append(msgspec.convert(body, NewJob))
    if errors:
        raise invalid(errors)
    return jobs


def placed(error: FieldError, row: int) -> FieldError:
    """The error with the row's number; rows count from 1 below the head."""
    pointer = error.pointer.removeprefix("/inputs")
    return msgspec.structs.replace(error, pointer=f"/rows/{row}{pointer}")


def _typed(kind: str, cell: str) -> str | int | float | bool:
    """A cell as JSON would have it; one that is not of its kind stays text, and is refused with the inputs."""
    if kind == "boolean":
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(cell.lower(), cell)
    if kind in ("integer", "number"):
        with contextlib.suppress(ValueError):
            return int(cell) if kind == "integer" else float(cell)
    return cell


def _rows(data: bytes) -> list[dict[str, str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid([FieldError(message="the table is not UTF-8; save it as CSV UTF-8")]) from None
    if "\0" in text:
        raise invalid([FieldError(message="the table holds NUL")])
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), _dialect(text), strict=True))
    except csv.Error as error:
        raise invalid([FieldError(message=f"the table cannot be read: {error}")]) from None
    lines = [[cell.strip() for cell in line] for line in found if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise invalid([FieldError(message="the table needs a row of names and at least one row below it")])
    head = lines[0]
    if len(set(head)) < len(head) or "" in head or len(head) > _MOST_COLUMNS:
        raise invalid([FieldError(message="each column needs a name of its own in the first row")])
    if len(lines) - 1 > MOST_ROWS:
        raise invalid([FieldError(message=f"the table has {len(lines) - 1} rows; {MOST_ROWS} at once are possible")])
    errors = [
        FieldError(pointer=f"/rows/{number}", message=f"has {len(line)} cells, the first row names {len(head)}")
        for number, line in enumerate(lines[1:], start=1)
        if len(line) != len(head)
    ]
    if errors:
        raise invalid(errors)
    return [dict(zip(head, line, strict=True)) for line in lines[1:]]


def _dialect(text: str) -> type[csv.Dialect]:
    """Commas, or what the spreadsheets of other countries write instead."""
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)

    class Dialect(csv.excel):
        delimiter = separator

    return Dialect
