"""`coursewright schema`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from coursewright.catalog import installed
from coursewright.cli import epilog
from coursewright.cli.scaffold import write_files
from coursewright.compile.schema import pipeline_schema


@click.command(
    "schema",
    epilog=epilog(
        "coursewright schema",
        "coursewright schema -o pipeline.schema.json",
    ),
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to FILE, replacing an older one."
)
def command(output: Path | None) -> None:
    """Print the JSON Schema of pipelines, for editors.

    It knows the providers that are installed, with their options. An editor uses it for every pipeline that
    begins with the line

    \b
      # yaml-language-server: $schema=pipeline.schema.json
    """
    schema = msgspec.json.format(msgspec.json.encode(pipeline_schema(installed())), indent=2)
    if output is None:
        click.echo(schema)
    else:
        write_files({output: schema.decode() + "\n"}, force=True)
        click.echo(f"made {output}")
