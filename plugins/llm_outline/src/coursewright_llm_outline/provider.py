"""`llm.outline`: the provider."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from coursewright.capabilities.artifacts import Artifact, Language
from coursewright.capabilities.llm import LlmRequest, Script
from coursewright.errors import BadInput, Unsuited
from coursewright.providers import Context, Estimate, Provider
from msgspec import Meta

MAX_CHARACTERS = 4_000_000
"""Some 600,000 words, more than a script of 500 scenes should hold."""


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of the request's `data` that are read here; any others are for models."""

    notes: str = ""
    topic: str = ""
    title: str = ""
    minutes: Annotated[float, Meta(gt=0)] | None = None
    language: Language | None = None
    images: list[Artifact] = []


class OutlineScript(Provider[LlmRequest, Script]):
    """Divides the author's own notes into scenes. It is no model and writes nothing of its own."""

    capability = "llm"
    name = "outline"
    summary = "your own notes → a script in your own sentences; no model, offline"
    version = "4"

    def estimate(self, request: LlmRequest) -> Estimate:
        """Some 500,000 characters a second. Raises Unsuited for what only a model can write."""
        return Estimate(seconds=0.1 + len(_suited(request).notes) / 500_000, money=0.0)

    def run(self, request: LlmRequest, context: Context) -> Script:
        """A script of the notes. Raises Unsuited for what only a model can write, BadInput without usable notes."""
        material = _suited(request)
        context.raise_if_cancelled()
        if not material.notes.strip():
            raise BadInput(
                "there are no notes to make a script of",
                field="data.notes",
                remedy='give notes with at least one sentence (`data: {notes: "${text.markdown}"}`)',
            )
        if len(material.notes) > MAX_CHARACTERS:
            raise BadInput(
                f"the notes have {len(material.notes):,} characters, the limit is {MAX_CHARACTERS:,}",
                field="data.notes",
                remedy="give the chapter that the course is about",
            )
        from coursewright_llm_outline.script import write

        context.notice("llm.outline is no model: the script is your notes, in your own sentences, divided into scenes")
        return write(material, context.notice, context.raise_if_cancelled)


def material_of(data: dict[str, Any]) -> Material:
    """The values this provider reads. Raises BadInput naming the one of the wrong type; null counts as absent."""
    known = {key: data[key] for key in Material.__struct_fields__ if data.get(key) not in (None, "")}
    for key, value in known.items():
        try:
            msgspec.convert({key: value}, Material, from_attributes=True)
        except msgspec.ValidationError as error:
            reason = str(error).partition(" - at ")[0]
            raise BadInput(
                f"'{key}' cannot be used: {reason[:1].lower()}{reason[1:]}",
                field=f"data.{key}",
                remedy=f"correct '{key}' under `data` in the pipeline, or the input it comes from",
            ) from None
    return msgspec.convert(known, Material, from_attributes=True)


def _suited(request: LlmRequest) -> Material:
    """What there is to write of. Raises Unsuited when that takes a model."""
    if request.returns != "script":
        raise Unsuited(
            f"llm.outline is no model: it makes a script out of notes, and cannot write a {request.returns}",
            remedy="set `returns: script`, or let an installed model write: `provider: openai` in this step",
        )
    material = material_of(request.data)
    if material.topic and not material.notes.strip():
        raise Unsuited(
            f"llm.outline is no model and cannot write about “{material.topic[:100]}” by itself: it needs your notes",
            remedy="give notes (`data: {notes: …}`), or let an installed model write: `provider: openai` in this step",
        )
    return material
