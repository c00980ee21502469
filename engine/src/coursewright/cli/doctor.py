"""`coursewright doctor`."""

from __future__ import annotations

import os
import textwrap

import click

from coursewright.catalog import installed
from coursewright.cli import epilog
from coursewright.cli.diagnosis import Diagnosis, Finding, diagnose
from coursewright.cli.options import environment_settings
from coursewright.cli.output import WIDTH, counted, print_json
from coursewright.run import server

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_MAX_SUBJECT = 24
"""Columns; a longer one pushes its message to the right."""


@click.command(
    "doctor",
    epilog=epilog(
        "coursewright doctor",
        "coursewright doctor --json",
        "coursewright doctor --prepare",
        "coursewright doctor --stop-server",
    ),
)
@click.option("--prepare", is_flag=True, help="Prepare Prefect's database first, so that the first run starts quickly.")
@click.option("--stop-server", is_flag=True, help="Stop the embedded Prefect server first, if it runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(prepare: bool, stop_server: bool, as_json: bool) -> int:
    """Look whether this machine is ready, and say what to do if not.

    Exits with 1 when something stands in the way of making a course.
    """
    if stop_server:
        stopped = server.stop(environment_settings())
        click.echo("the embedded Prefect server " + ("is stopped" if stopped else "was not running"), err=True)
    if prepare and server.prepared() is None:
        click.echo("preparing Prefect's database; this takes about 20 s, once …", err=True)
        server.prepare()
    diagnosis = diagnose(os.environ, installed())
    if as_json:
        print_json(diagnosis)
    else:
        _show(diagnosis)
    return 1 if diagnosis.state == "fail" else 0


def _show(diagnosis: Diagnosis) -> None:
    column = min(_MAX_SUBJECT, max(len(finding.subject) for finding in diagnosis.findings))
    for finding in diagnosis.findings:
        _show_finding(finding, column)
    number = {state: sum(finding.state == state for finding in diagnosis.findings) for state in ("warn", "fail")}
    if number["fail"]:
        click.echo(f"not ready: {counted(number['fail'], 'problem')}, each with what to do about it")
    else:
        click.echo("ready" + (f", with {counted(number['warn'], 'limit')}" if number["warn"] else ""))


def _show_finding(finding: Finding, column: int) -> None:
    state = click.style(f"{finding.state:<4}", fg=_COLOURS[finding.state])
    room, indent = WIDTH - column - 7, " " * (column + 7)
    for number, line in enumerate(_lines(finding.message, room)):
        click.echo((f"{state}  {finding.subject:<{column}} " if number == 0 else indent) + line)
    for number, line in enumerate(_lines(finding.remedy, room - 2)):
        click.echo(indent + ("→ " if number == 0 else "  ") + line)


def _lines(text: str, room: int) -> list[str]:
    """Lines of at most `room` columns; a word that is longer, such as a path, stays whole."""
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
