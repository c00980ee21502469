"""`coursewright deploy`."""

from __future__ import annotations

import asyncio
import os

import click

from coursewright.catalog import installed
from coursewright.cli import epilog
from coursewright.cli.files import read_pipeline
from coursewright.cli.options import environment_settings
from coursewright.cli.output import print_json
from coursewright.run.bundles import Bundle, bundle_of, keep
from coursewright.run.server import environment, prefect_api
from coursewright.store import open_store


@click.command(
    "deploy",
    epilog=epilog(
        "coursewright deploy pipelines/text_to_speech.yaml",
        "coursewright deploy pipelines/*.yaml --json",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="PIPELINE...")
@click.option("--json", "as_json", is_flag=True, help="Print the deployments as JSON.")
def command(files: tuple[str, ...], as_json: bool) -> int:
    """Register pipelines with Prefect, so that its pages show a form for each, run it and schedule it.

    Deploying again registers the new version; runs that exist keep theirs. `coursewright worker` runs them.
    """
    settings = environment_settings()
    catalog = installed()
    bundles = [_bundle(name) for name in files]
    store = open_store(settings)
    with prefect_api(settings) as api:
        os.environ.update(environment(settings, api.url))
        from coursewright.run.deployments import deploy_all

        api.wait()
        deployed = asyncio.run(deploy_all((bundle.plan(catalog), keep(bundle, store)) for bundle in bundles))
    if as_json:
        print_json(deployed)
        return 0
    for each in deployed:
        click.echo(f"deployed {each.name}")
    click.echo("run them with: coursewright worker")
    return 0


def _bundle(name: str) -> Bundle:
    text, read = read_pipeline(name)
    return bundle_of(name, text, read, installed())
