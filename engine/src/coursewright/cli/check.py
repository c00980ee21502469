"""`coursewright check`."""

from __future__ import annotations

import click
import msgspec

from coursewright.catalog import installed
from coursewright.cli import epilog
from coursewright.cli.files import read_pipeline
from coursewright.cli.output import counted
from coursewright.compile import check_pipeline


@click.command(
    "check",
    epilog=epilog(
        "coursewright check pipelines/talking_head_course.yaml",
        "coursewright check --json pipelines/*.yaml",
        "coursewright check - < pipelines/audio_lesson.yaml",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON, a list per file.")
def command(files: tuple[str, ...], as_json: bool) -> int:
    """Check pipelines, and show every problem in them.

    Nothing is run and nobody is asked over the network. FILE may be - for standard input.
    """
    catalog = installed()
    results = {}
    for name in files:
        text, read = read_pipeline(name)
        results[name] = check_pipeline(text, name=name, catalog=catalog, read=read)
    if as_json:
        problems = {name: result.problems for name, result in results.items()}
        click.echo(msgspec.json.format(msgspec.json.encode(problems), indent=2))
    else:
        for name, result in results.items():
            for problem in result.problems:
                click.echo(str(problem))
            if result.plan is not None:
                click.echo(f"{name}: ok, {counted(len(result.plan.steps), 'step')}")
    return 0 if all(result.plan is not None for result in results.values()) else 2
