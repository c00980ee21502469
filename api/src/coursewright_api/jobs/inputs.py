"""What a job is given, checked like a run's inputs, with the place of each that is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from coursewright.errors import InputError
from coursewright.plan import InputSpec, Plan
from coursewright.run.inputs import read_inputs
from coursewright.run.references import reference_of
from coursewright.store.contract import Store

from coursewright_api.assets.records import Assets
from coursewright_api.fields import FieldError
from coursewright_api.pipelines.given import sorted_out
from coursewright_api.problems import ApiError, invalid
from coursewright_api.threads import Threads

MOST_CHARACTERS = 400_000
"""Prefect takes half a megabyte of parameters."""
SUBJECT_CHARACTERS = 80
_NOWHERE = Path(os.devnull)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs that are good: as a run gets them, and which of them are assets."""

    parameters: dict[str, Any]
    assets: dict[str, UUID]
    values: dict[str, Any]
    """As `Execution` takes them."""
    subject: str
    """What it is about, as far as the first text or document tells; may be empty."""


async def prepare(
    assets: Assets, store: Store, in_thread: Threads, owner: UUID, plan: Plan, given: Mapping[str, Any]
) -> Prepared:
    """The inputs with files as references. Raises a 422 that names every input at fault."""
    there = {name: value for name, value in given.items() if value != ""}
    parameters, files, errors = sorted_out(plan, there)
    used: dict[str, UUID] = {}
    names: dict[str, str] = {}
    try:
        for name, (row, artifact) in (await assets.usable(owner, {k: str(v) for k, v in files.items()})).items():
            parameters[name], used[name], names[name] = reference_of(artifact), row["id"], row["name"]
    except ApiError as error:
        errors += error.errors
    if sum(len(value) for value in parameters.values() if isinstance(value, str)) > MOST_CHARACTERS:
        errors.append(FieldError(pointer="/inputs", message="has too much text; upload it as a document"))
    wrong = {error.pointer for error in errors}
    specs = [spec for spec in plan.inputs if _pointer(spec) not in wrong]
    values, more = await in_thread(_read, plan, specs, parameters, store)
    if errors := [*errors, *more]:
        raise invalid(errors)
    return Prepared(parameters=parameters, assets=used, values=values, subject=_subject(plan, parameters, names))


def read_parameters(plan: Plan, parameters: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Inputs that were good once, as `Execution` takes them. Raises InputError when a file is gone. Blocks."""
    given = {name: _text(value) for name, value in parameters.items() if value is not None}
    return read_inputs(plan, given, store, root=_NOWHERE)


def _subject(plan: Plan, parameters: Mapping[str, Any], names: Mapping[str, str]) -> str:
    for spec in plan.inputs:
        if spec.type == "text" and (lines := str(parameters.get(spec.name, "")).strip().splitlines()):
            return _shortened(lines[0])
        if spec.type == "document" and spec.name in names:
            return _shortened(Path(names[spec.name]).stem)
    return ""


def _shortened(line: str) -> str:
    words = " ".join(line.split())
    return words if len(words) <= SUBJECT_CHARACTERS else f"{words[: SUBJECT_CHARACTERS - 1].rstrip()}…"


def _read(
    plan: Plan, specs: list[InputSpec], parameters: Mapping[str, Any], store: Store
) -> tuple[dict[str, Any], list[FieldError]]:
    """Each input by itself, as a run reads it: defaults, what is missing, files of another kind."""
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for spec in specs:
        one = {spec.name: _text(parameters[spec.name])} if spec.name in parameters else {}
        try:
            values |= read_inputs(msgspec.structs.replace(plan, inputs=(spec,)), one, store, root=_NOWHERE)
        except InputError as error:
            message = f"expected {error.remedy.removeprefix('give ')}" if one and error.remedy else error.message
            errors.append(FieldError(pointer=_pointer(spec), code="invalid" if one else "missing", message=message))
    return values, errors


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pointer(spec: InputSpec) -> str:
    return f"/inputs/{spec.name}"
