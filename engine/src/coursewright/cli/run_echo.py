"""`coursewright run-echo`: what a worker starts to show that it works."""

from __future__ import annotations

import click


@click.command("run-echo", hidden=True)
def command() -> int:
    """Say back what the flow run that the worker's environment names was given."""
    from coursewright.run.echoing import main

    return main()
