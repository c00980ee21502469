"""What the rules read from a request's `data`; the other keys are for the prompt."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import Artifact, Language
from coursewright.capabilities.llm import Script
from coursewright.errors import BadInput


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of `data` that have a meaning for every writer."""

    notes: str = ""
    images: list[Artifact] = []
    minutes: Annotated[float, Meta(gt=0)] | None = None
    language: Language | None = None
    script: Script | None = None
    questions: Annotated[int, Meta(ge=1, le=200)] | None = None
    words: Annotated[int, Meta(ge=1)] | None = None


def material_of(data: dict[str, Any]) -> Material:
    """The values that are there; null counts as absent. Raises BadInput naming the one of the wrong type."""
    known = {key: data[key] for key in Material.__struct_fields__ if data.get(key) not in (None, "")}
    for key, value in known.items():
        try:
            msgspec.convert({key: value}, Material, from_attributes=True)
        except msgspec.ValidationError as error:
            reason = str(error)
            raise BadInput(
                f"'{key}' cannot be used: {reason[:1].lower()}{reason[1:]}",
                field=f"data.{key}",
                remedy=f"correct '{key}' under `data` in the pipeline, or the input it comes from",
            ) from None
    return msgspec.convert(known, Material, from_attributes=True)


def script_of(material: Material, purpose: str) -> Script:
    """The script among the data. Raises BadInput when there is none."""
    if material.script is None:
        raise BadInput(
            f"{purpose} is made of a script, and there is none",
            field="data.script",
            remedy='give it the script: `data: {script: "${script}"}`',
        )
    return material.script
