"""`coursewright plan`."""

from __future__ import annotations

import click
import msgspec

from coursewright.catalog import Catalog, installed
from coursewright.cli import epilog
from coursewright.cli.options import environment_settings, pairs, plan_of, provider_option
from coursewright.plan import InputSpec, Plan, Step


@click.command(
    "plan",
    epilog=epilog(
        "coursewright plan pipelines/talking_head_course.yaml",
        "coursewright plan pipelines/talking_head_course.yaml --provider tts=espeak",
        "coursewright plan --json pipelines/audio_lesson.yaml",
    ),
)
@click.argument("file", metavar="FILE")
@provider_option
@click.option("--json", "as_json", is_flag=True, help="Print the compiled plan as JSON.")
def command(file: str, providers: tuple[str, ...], as_json: bool) -> int:
    """Show what a run would do, before anything is made.

    The inputs it wants, the steps in order, who serves each of them and what that costs.
    """
    catalog = installed()
    plan = plan_of(file, catalog, environment_settings(), pairs(providers, "--provider", "tts=espeak"))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(plan), indent=2))
    else:
        click.echo("\n".join(_lines(plan, catalog)))
    return 0


def _lines(plan: Plan, catalog: Catalog) -> list[str]:
    lines = [plan.title or plan.name]
    lines += [f"  {plan.description}"] if plan.description else []
    lines += ["", "inputs"] + [f"  {_input(spec)}" for spec in plan.inputs] if plan.inputs else []
    lines += ["", "steps"] + [f"  {number}. {_step(step, catalog)}" for number, step in enumerate(plan.steps, 1)]
    lines += ["", "outputs"] + [f"  {output.name}" for output in plan.outputs] if plan.outputs else []
    return lines


def _input(spec: InputSpec) -> str:
    default = f"default {spec.default}" if spec.default is not None else ""
    need = "required" if spec.required and spec.default is None else default or "optional"
    limits = [
        f"{name} {value:g}" for name, value in (("from", spec.minimum), ("to", spec.maximum)) if value is not None
    ]
    return f"{spec.name:<12} {spec.type}, {', '.join([need, *limits])}" + (f"  ({spec.title})" if spec.title else "")


def _step(step: Step, catalog: Catalog) -> str:
    each = " for each item" if step.for_each is not None else ""
    extras = [
        *(["may be left out"] if step.optional else []),
        *(["only under a condition"] if step.when is not None else []),
        *([f"at most {step.timeout_s:g} s a task"] if step.timeout_s else []),
    ]
    who = ", else ".join(_provider(provider_id, catalog) for provider_id in step.providers)
    return f"{step.name:<12} {who}{each}" + (f"  [{'; '.join(extras)}]" if extras else "")


def _provider(provider_id: str, catalog: Catalog) -> str:
    offer = catalog.offers.get(provider_id)
    return f"{provider_id} ({offer.provider.cost})" if offer else f"{provider_id} (not installed)"
