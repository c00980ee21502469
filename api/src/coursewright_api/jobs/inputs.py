"""What a job is given, checked like a run's inputs, with the place of each that is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from coursewright.document.problems import did_you_mean
from coursewright.errors import InputError
from coursewright.plan import FILE_TYPES, Plan
from coursewright.run.inputs import read_inputs
from coursewright.run.references import reference_of
from coursewright.store.contract import Store

from coursewright_api.assets.records import Assets
from coursewright_api.fields import FieldError
from coursewright_api.problems import invalid
from coursewright_api.threads import Threads

MOST_CHARACTERS = 400_000
"""Prefect takes half a megabyte of parameters."""
_NOWHERE = Path(os.devnull)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs that are good: as a run gets them, and which of them are assets."""

    parameters: dict[str, Any]
    assets: dict[str, UUID]
    values: dict[str, Any]
    """As `Execution` takes them."""


async def prepare(
    assets: Assets, store: Store, in_thread: Threads, owner: UUID, plan: Plan, given: Mapping[str, Any]
) -> Prepared:
    """The inputs with files as references. Raises a 422 that names every input at fault."""
    files = {spec.name for spec in plan.inputs if spec.type in FILE_TYPES}
    there = {name: value for name, value in given.items() if value is not None and value != ""}
    usable = await assets.usable(owner, {name: str(value) for name, value in there.items() if name in files})
    parameters = {name: reference_of(usable[name][1]) if name in files else value for name, value in there.items()}
    if sum(len(value) for value in parameters.values() if isinstance(value, str)) > MOST_CHARACTERS:
        raise invalid([FieldError(pointer="/inputs", message="has too much text; upload it as a document")])
    values, errors = await in_thread(_read, plan, parameters, store)
    if errors:
        raise invalid(errors)
    return Prepared(parameters=parameters, assets={name: row["id"] for name, (row, _) in usable.items()}, values=values)


def _read(plan: Plan, parameters: Mapping[str, Any], store: Store) -> tuple[dict[str, Any], list[FieldError]]:
    names = {spec.name for spec in plan.inputs}
    errors = [
        FieldError(
            pointer=_pointer(name),
            code="unknown",
            message=f"the pipeline has no such input; {did_you_mean(name, names, what='its inputs') or 'leave it out'}",
        )
        for name in parameters
        if name not in names
    ]
    values: dict[str, Any] = {}
    for spec in plan.inputs:
        one = {spec.name: _text(parameters[spec.name])} if spec.name in parameters else {}
        try:
            values |= read_inputs(msgspec.structs.replace(plan, inputs=(spec,)), one, store, root=_NOWHERE)
        except InputError as error:
            code = "invalid" if one else "missing"
            message = error.message if one else f"is missing{f' ({spec.title})' if spec.title else ''}"
            errors.append(FieldError(pointer=_pointer(spec.name), code=code, message=message))
    return values, errors


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pointer(name: str) -> str:
    return f"/inputs/{name.replace('~', '~0').replace('/', '~1')}"
