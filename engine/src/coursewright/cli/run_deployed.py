"""`coursewright run-deployed`: what a worker starts for one run."""

from __future__ import annotations

import click

from coursewright.cli.options import pairs, provider_option
from coursewright.run.forking import run_in_fork


@click.command("run-deployed", hidden=True)
@click.argument("pipeline", metavar="REFERENCE")
@click.option("--from", "from_step", default="", metavar="STEP", help="Make this step and what follows anew.")
@click.option("--until", "until_step", default="", metavar="STEP", help="Make only this step and what it needs.")
@click.option("--only", "item", default="", metavar="ITEM", help="Of every for_each only this item.")
@click.option("--no-cache", "anew", is_flag=True, help="Reuse nothing.")
@click.option("--supply", multiple=True, metavar="STEP=REFERENCE", help="An artifact that stands for a result.")
@click.option("--job", default="", metavar="ID", help="The service's job that this is an attempt of.")
@provider_option
def command(
    pipeline: str,
    from_step: str,
    until_step: str,
    item: str,
    anew: bool,
    supply: tuple[str, ...],
    job: str,
    providers: tuple[str, ...],
) -> int:
    """Run the flow run that the worker's environment names."""
    if (code := run_in_fork()) is not None:
        return code
    from coursewright.run.parts import Part
    from coursewright.run.server import uncollected

    with uncollected():
        from coursewright.run.deployed import Wanted, main

    supplied = pairs(supply, "--supply", "STEP=REFERENCE")
    part = Part(from_step=from_step, until_step=until_step, item=item, anew=anew, supplied=supplied)
    chosen = pairs(providers, "--provider", "tts=espeak")
    return main(Wanted(pipeline=pipeline, part=part, providers=chosen, job=job))
