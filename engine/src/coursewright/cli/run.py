"""`coursewright run`."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from coursewright.catalog import installed
from coursewright.cli import epilog
from coursewright.cli.options import environment_settings, pairs, plan_of, provider_option
from coursewright.cli.output import counted
from coursewright.document.problems import did_you_mean
from coursewright.errors import InputError, RunCancelled, RunFailed
from coursewright.run.execute import Execution, replay
from coursewright.run.inputs import read_inputs
from coursewright.run.outputs import OutputFolder, Written
from coursewright.run.report import RunReport, StepFailure
from coursewright.run.selecting import labels, select
from coursewright.settings import Settings
from coursewright.store import open_store

if TYPE_CHECKING:
    from coursewright.cli.display import Display

_LABELS_SHOWN = 5


@click.command(
    "run",
    epilog=epilog(
        "coursewright run pipelines/talking_head_course.yaml -i notes=notes.md -i portrait=me.jpg -o my-course",
        "coursewright run pipelines/narrated_slides.yaml -i notes=notes.md -i language=de -o kurs",
        "coursewright run pipelines/text_to_speech.yaml -i text='Good morning.' -o hello",
        "coursewright run course.yaml -i notes=notes.md --until script      # look at the script first",
        "coursewright run course.yaml -i notes=notes.md --only intro        # one scene as a sample",
        "coursewright run course.yaml -i notes=notes.md --supply script=edited.json --force",
    ),
)
@click.argument("file", metavar="FILE")
@click.option(
    "-i", "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input: a value, or a file's path."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Folder for the results.  [default: output/NAME]",
)
@click.option(
    "--force", is_flag=True, help="Write into OUT although it holds something; files of the same name are replaced."
)
@click.option("--from", "from_step", metavar="STEP", help="Make STEP anew, and all that depends on it.")
@click.option("--until", "until_step", metavar="STEP", help="Stop after STEP.")
@click.option("--only", "only_item", metavar="ITEM", help="Work on this item (scene) only; finished others count.")
@click.option("--no-cache", is_flag=True, help="Make everything anew.")
@provider_option
@click.option(
    "--supply", "supplied", multiple=True, metavar="STEP=FILE", help="Use FILE as the result of STEP, or of STEP[ITEM]."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON at the end, and no progress.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    file: str,
    inputs: tuple[str, ...],
    output: Path | None,
    force: bool,
    from_step: str | None,
    until_step: str | None,
    only_item: str | None,
    no_cache: bool,
    providers: tuple[str, ...],
    supplied: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> int:
    """Make what a pipeline describes.

    What is finished is never made twice: the same command again goes on where the last one stopped, and
    after a change only what depends on it is made.
    """
    from coursewright.cli.display import Display

    settings = environment_settings()
    catalog = installed()
    overrides = pairs(providers, "--provider", "tts=espeak")
    given = pairs(inputs, "-i", "notes=notes.md")
    plan = plan_of(file, catalog, settings, overrides)
    folder = OutputFolder(output or Path("output") / plan.name, force=force)
    store = open_store(settings)
    values = read_inputs(plan, given, store)
    selection = select(
        plan,
        from_step=from_step,
        until_step=until_step,
        only_item=only_item,
        supplied=labels(supplied),
        store=store,
    )
    parts: dict[str, Any] = {"catalog": catalog, "store": store, "settings": settings, "selection": selection}
    display = Display(plan, shown=not (as_json or quiet))
    report = None if no_cache else asyncio.run(replay(plan, values, **parts))
    if report is None:
        with display:
            report = _flow_run(
                lambda: Execution(plan, values, observer=display, no_cache=no_cache, **parts), values, settings, display
            )
    if report.state == "cancelled":
        raise RunCancelled("cancelled; finished steps are kept", remedy=f"go on with: {_again()}")
    if report.state == "failed":
        raise _failure(report)
    _item_must_exist(report, only_item)
    written = folder.write(report, store)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    else:
        _tell(report, folder.folder, written)
    return 0


def _flow_run(make: Callable[[], Execution], inputs: dict[str, Any], settings: Settings, display: Display) -> RunReport:
    """The run as a Prefect flow run. The server comes up while its client is imported."""
    from coursewright.run.server import environment, prefect_api, uncollected

    display.say("starting Prefect")
    with prefect_api(settings) as api:
        os.environ.update(environment(settings, api.url))  # Prefect reads them while it is imported
        with uncollected():
            from coursewright.run.flow import NotRecorded, run_in_flow

        api.wait()
        display.say("")

        async def cancellable() -> RunReport:
            execution = make()
            loop = asyncio.get_running_loop()

            def cancel() -> None:
                execution.cancel()
                for wanted in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(wanted, os._exit, RunCancelled.exit_code)  # the second time: at once

            def cancel_on_signals() -> None:
                for wanted in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(wanted, cancel)

            return await run_in_flow(execution, inputs, cancel_on_signals)

        try:
            return asyncio.run(cancellable())
        except NotRecorded as error:
            raise api.refused(error.__cause__) from error


def _item_must_exist(report: RunReport, item: str | None) -> None:
    known = dict.fromkeys(each.item for each in report.items if each.item)
    if item is not None and item not in known:
        raise InputError(
            f"--only: there is no item '{item}'", field="--only", remedy=did_you_mean(item, known, what="the items")
        )


def _failure(report: RunReport) -> RunFailed:
    """Which step, which item, which provider, why, and the one next action."""
    required = [failure for failure in report.failures if not failure.optional]
    lines = []
    for alike in _alike(required):
        cause = alike[0].cause
        noun = "step" if len(alike) == 1 else "steps"
        lines.append(f"{noun} {_labels(alike)} failed ({cause.provider or 'before any provider'}, {cause.error})")
        lines.append(f"       {cause.sentence}")
        if cause.detail and cause.detail not in cause.sentence:
            lines.append(f"       in its own words: {cause.detail}")
        lines += [
            f"       before that {each.provider} did not serve: {each.sentence}" for each in alike[0].refusals[:-1]
        ]
    remedies = dict.fromkeys(failure.cause.remedy for failure in required if failure.cause.remedy)
    error = RunFailed(
        "\n".join(lines),
        required,
        remedy="\n  → ".join([*remedies, f"then go on with: {_again()}"]),
    )
    if all(failure.cause.error == "BadInput" for failure in required):
        error.exit_code = 2  # what was given is at fault, not the run
    return error


def _alike(failures: list[StepFailure]) -> Iterable[list[StepFailure]]:
    """Items of a step that failed for the same reason, together: twenty scenes have one portrait."""
    groups: dict[Any, list[StepFailure]] = {}
    for failure in failures:
        groups.setdefault((failure.step, failure.refusals), []).append(failure)
    return groups.values()


def _labels(failures: list[StepFailure]) -> str:
    shown = ", ".join(f"'{failure.label}'" for failure in failures[:_LABELS_SHOWN])
    more = len(failures) - _LABELS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _again() -> str:
    """The command that resumes this run: the same one, reusing what is finished."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--no-cache"]
    program = sys.argv[0] if Path(sys.argv[0]).name == "coursewright" else "coursewright"
    if shutil.which("coursewright") == program:
        program = "coursewright"  # found on PATH
    return shlex.join([program, *arguments])


def _tell(report: RunReport, folder: Path, written: list[Written]) -> None:
    made = sum(item.state == "done" for item in report.items)
    reused = sum(item.state == "reused" for item in report.items)
    left_out = sum(item.state == "left_out" for item in report.items)
    counts = [f"{counted(made, 'task')} made", f"{reused} reused"] + ([f"{left_out} left out"] if left_out else [])
    click.echo(f"done in {report.seconds:.1f} s: {', '.join(counts)}")
    for failure in report.failures:
        click.echo(f"  without '{failure.label}', which is optional and failed: {failure.cause.sentence}")
    for item in report.items:
        for refusal in item.fell_back:
            click.echo(f"  '{item.label}' was served by {item.provider}, because {refusal.provider}: {refusal.message}")
    for notice in report.notices:
        click.echo(f"  note: {notice}")
    click.echo(f"results in {folder}:")
    for each in written:
        click.echo(f"  {each.output:<12} {each.path}  ({_size(each.size_bytes)})")


def _size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"
