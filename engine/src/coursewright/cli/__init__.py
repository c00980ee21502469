"""The `coursewright` command. Each subcommand is a module of its own, imported when it is called."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import sys
from typing import Any

import click

from coursewright import __version__
from coursewright.errors import CoursewrightError

COMMANDS = {
    "check": "Check pipelines, and show every problem in them.",
    "plan": "Show what a run would do, before anything is made.",
    "run": "Make what a pipeline describes.",
    "plugins": "List what is installed: providers, their options and health.",
    "providers": "Try a provider with the smallest real call.",
    "consent": "File that a person agrees to a clone of their voice, or take it back.",
    "deploy": "Register pipelines with Prefect: a form, runs and schedules for each.",
    "worker": "Run deployed pipelines.",
    "doctor": "Look whether this machine is ready, and say what to do if not.",
    "schema": "Print the JSON Schema of pipelines, for editors.",
    "store": "Look after the artifact store: usage, verify, gc.",
    "new": "Begin a pipeline or a provider plugin of your own.",
}


_HIDDEN = ("run-deployed", "run-echo")
"""Commands that programs call."""

MORE = "coursewright.commands"
"""The entry-point group of commands from other distributions, such as the service's `serve`."""


class _Lazy(click.Group):
    """Lists its commands without importing them: most need more than they would save."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *_more()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS or cmd_name in _HIDDEN:
            module = importlib.import_module(f"coursewright.cli.{cmd_name.replace('-', '_')}")
            command: click.Command = module.command
            return command
        entry = _more().get(cmd_name)
        return entry.load() if entry is not None else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if more := _more():
            with formatter.section("More commands"):
                formatter.write_dl([(name, entry.load().get_short_help_str()) for name, entry in more.items()])


def _more() -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in sorted(importlib.metadata.entry_points(group=MORE))}


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every command has --help with examples. Exit codes: 0 done, 1 failed, 2 wrong input, 130 cancelled.",
)
@click.version_option(__version__, prog_name="coursewright")
def cli() -> None:
    """Notes, a portrait and a voice become a finished course."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with 0 (done), 1 (failed), 2 (wrong input) or 130 (cancelled)."""
    if arguments is None:
        _speak_utf8()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a locale without UTF-8 must not end in a traceback
    code = _exit_code(arguments)
    flow = sys.modules.get("coursewright.run.flow")
    if flow is not None and not flow.all_recorded():
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(code)  # else the interpreter would wait for a Prefect server that is gone
    sys.exit(code)


def _exit_code(arguments: list[str] | None) -> int:
    try:
        code: Any = cli.main(args=arguments, standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CoursewrightError as error:
        fail(error)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `coursewright … | head`
        return 0
    return code if isinstance(code, int) else 0


def _speak_utf8() -> None:
    """Begin again in Python's UTF-8 mode under a locale that has no words for most files' names."""
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"  # for worker processes
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  # no shell is meant


def fail(error: CoursewrightError) -> None:
    """Print an error for a person: what is wrong, then what to do."""
    click.echo(f"error: {error.message}", err=True)
    if error.remedy:
        click.echo(f"  → {error.remedy}", err=True)


def epilog(*examples: str) -> str:
    """An epilog of examples that click leaves unwrapped."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)
