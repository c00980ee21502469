"""Jobs that are to end before their pipeline does: to let their author look at something first."""

from __future__ import annotations

from typing import Any

import msgspec
from coursewright.capabilities import result_type
from coursewright.capabilities.llm import Scene, Script
from coursewright.plan import Plan, Step
from coursewright.run.parts import Part
from coursewright.run.references import reference_of
from coursewright.run.selecting import ancestors
from coursewright.store.contract import Store

from coursewright_api.database.states import JobState, Purpose
from coursewright_api.jobs.structs import NewJob, Retry, Sample
from coursewright_api.problems import conflict


def gives_script(step: Step) -> bool:
    """Is a script what the step makes?"""
    return result_type(step.capability, step.returns) is Script


def part_of(wanted: NewJob, plan: Plan, store: Store) -> Part:
    """What a new job is to make. Blocks."""
    sample = wanted.preview.sample if wanted.preview else None
    if sample is None:
        return Part(until_step=wanted.until)
    data = msgspec.json.encode(_script(sample))
    artifact = store.put_bytes(data, name="sample.json", media_type="application/json")
    scripts = [step.name for step in plan.steps if gives_script(step) and step.name != wanted.until]
    return Part(until_step=wanted.until, supplied=dict.fromkeys(scripts, reference_of(artifact)))


def _script(sample: Sample) -> Script:
    scene = Scene(id="sample", title=sample.title, bullets=sample.bullets, narration=sample.narration)
    return Script(title=sample.title, language=sample.language, scenes=[scene])


def purpose_of(wanted: NewJob, plan: Plan) -> Purpose:
    """What a new job is for."""
    if wanted.preview is not None:
        return Purpose.preview
    until = next((step for step in plan.steps if step.name == wanted.until), None)
    more = until is not None and len(ancestors(plan, until.name)) < len(plan.steps)
    return Purpose.review if until is not None and more and gives_script(until) else Purpose.course


def retried_until(row: dict[str, Any], wanted: Retry, plan: Plan) -> str:
    """With which step another attempt ends: where the last one was to, unless that is there and is not made anew."""
    if row["purpose"] == Purpose.preview.value:
        raise conflict("a preview is not repeated", code="is_preview", remedy="ask for another: POST /api/jobs")
    until = msgspec.json.decode(row["part"], type=Part).until_step if row["part"] else ""
    if not until or row["state"] != JobState.completed.value or wanted.whole:
        return until
    return until if wanted.from_step in ancestors(plan, until) else ""
