"""What the commands say."""

from __future__ import annotations

import click
from coursewright.cli.output import counted, size

from coursewright_api.backup.form import Manifest
from coursewright_api.backup.making import Made


def tell_made(made: Made) -> None:
    """Where it is, and what is in it."""
    click.echo(f"wrote {made.path}   {size(made.size_bytes)}")
    _tell_contents(made.manifest)
    if made.manifest.missing:
        missing = counted(made.manifest.missing, "artifact")
        click.echo(f"warning: {missing} that the database names are not in the store any more", err=True)


def tell_restored(manifest: Manifest) -> None:
    """What is there again."""
    click.echo(f"restored what Coursewright {manifest.version} had on {manifest.made_at:%Y-%m-%d %H:%M} UTC")
    _tell_contents(manifest)


def _tell_contents(manifest: Manifest) -> None:
    rows = sum(table.rows for table in manifest.tables)
    click.echo(
        f"  database  {counted(rows, 'row')} in {counted(len(manifest.tables), 'table')}, from {manifest.database}"
    )
    if manifest.with_files:
        artifacts = f"{counted(manifest.artifacts, 'artifact')}, {size(manifest.artifact_bytes)}"
        click.echo(f"  store     {artifacts}, {counted(manifest.records, 'record')}")
    else:
        click.echo("  store     left out")
