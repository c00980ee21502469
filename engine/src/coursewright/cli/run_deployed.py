"""`coursewright run-deployed`: what a worker starts for one run."""

from __future__ import annotations

import click


@click.command("run-deployed", hidden=True)
@click.argument("pipeline", metavar="REFERENCE")
def command(pipeline: str) -> int:
    """Run the flow run that the worker's environment names."""
    from coursewright.run.deployed import main

    return main(pipeline)
