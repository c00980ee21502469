"""Pipelines as the API shows them."""

from __future__ import annotations

from typing import Any

import msgspec
from coursewright.capabilities import result_type
from coursewright.catalog import Catalog
from coursewright.compile.forms import schema_of_inputs
from coursewright.compile.types import struct_type
from coursewright.expressions import names_in
from coursewright.plan import Expression, Literal, Plan, Ref, Text, Value
from coursewright.sandbox import path_text

from coursewright_api.database.states import PipelineOrigin
from coursewright_api.pipelines import structs
from coursewright_api.pipelines.reading import inputs_of


def info(row: dict[str, Any], plan: Plan | None, catalog: Catalog, **more: Any) -> structs.PipelineInfo:
    """A version in short; `plan` is None when it does not compile any more."""
    return structs.PipelineInfo(**_short(row, plan, catalog), **more)


def full(row: dict[str, Any], plan: Plan | None, catalog: Catalog, **more: Any) -> structs.Pipeline:
    """A version in full."""
    return structs.Pipeline(
        **_short(row, plan, catalog),
        current=row["current"],
        text=row["text"],
        files=msgspec.json.decode(row["files"], type=dict[str, str]),
        note=row["note"],
        graph=graph(plan) if plan else structs.Graph(nodes=[], edges=[]),
        **more,
    )


def _short(row: dict[str, Any], plan: Plan | None, catalog: Catalog) -> dict[str, Any]:
    found = {
        "name": row["name"],
        "title": row["title"],
        "description": row["description"],
        "version": row["number"],
        "version_id": row["id"],
        "origin": PipelineOrigin(row["origin"]),
        "created_at": row["created_at"],
    }
    if plan is not None:
        found |= {
            "steps": len(plan.steps),
            "capabilities": list(dict.fromkeys(step.capability for step in plan.steps)),
            "inputs": schema_of_inputs(plan),
            "outputs": [output.name for output in plan.outputs],
            "sends": sends(plan, catalog),
        }
    return found


def version(row: dict[str, Any]) -> structs.Version:
    """A version in a list of them."""
    return structs.Version(
        version=row["number"],
        version_id=row["id"],
        current=row["current"],
        title=row["title"],
        origin=PipelineOrigin(row["origin"]),
        note=row["note"],
        author=row["author.username"] or "",
        created_at=row["created_at"],
    )


def sends(plan: Plan, catalog: Catalog) -> list[structs.Sending]:
    """Which providers send an author's material elsewhere."""
    found: dict[tuple[str, bool], list[str]] = {}
    for step in plan.steps:
        for position, provider_id in enumerate(step.providers):
            if provider_id in catalog.offers and catalog.provider(provider_id).sends:
                found.setdefault((provider_id, position > 0), []).append(step.name)
    return [
        structs.Sending(provider=provider_id, what=catalog.provider(provider_id).sends, steps=steps, fallback=fallback)
        for (provider_id, fallback), steps in found.items()
    ]


def graph(plan: Plan) -> structs.Graph:
    """What depends on what."""
    nodes, edges = [], []
    for step in plan.steps:
        nodes.append(
            structs.Node(
                step=step.name,
                title=step.title,
                capability=step.capability,
                providers=list(step.providers),
                for_each=written(step.for_each),
                when=written(step.when),
                needs=list(step.needs),
                optional=step.optional,
                gives=str(struct_type(result_type(step.capability, step.returns))),
                inputs=sorted(inputs_of(step)),
            )
        )
        each = set(names_in(step.for_each)) if step.for_each is not None else set()
        edges += [
            structs.Edge(source=name, target=step.name, kind="each" if name in each else "reads") for name in step.reads
        ]
        edges += [
            structs.Edge(source=name, target=step.name, kind="needs") for name in step.needs if name not in step.reads
        ]
    return structs.Graph(nodes=nodes, edges=edges)


def written(value: Value | None) -> str:
    """A value about as the pipeline has it."""
    match value:
        case None:
            return ""
        case Ref():
            return "${" + path_text(value.path) + "}"
        case Expression():
            return "${" + value.source + "}"
        case Text():
            return "".join(str(part.value) if isinstance(part, Literal) else written(part) for part in value.parts)
        case Literal():
            return str(value.value)
        case _:
            return "…"
