"""The examples in `--help` are commands that work."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from coursewright.cli import cli

LOOKED_AFTER = ("plugins", "doctor", "schema", "store", "new")


def commands(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if words or name in LOOKED_AFTER:
            yield (*words, name), command
            if isinstance(command, click.Group):
                yield from commands(command, (*words, name))


def examples() -> Iterator[Any]:
    for words, command in commands(cli, ()):
        lines = (command.epilog or "").splitlines()
        for line in lines[lines.index("Examples:") + 1 :]:
            yield pytest.param(words, line.strip(), id=line.strip())


@pytest.mark.parametrize(("words", "example"), list(examples()))
def test_an_example_runs(words: tuple[str, ...], example: str, coursewright: Callable[..., Any]) -> None:
    program, *arguments = shlex.split(example)
    if "--force" in arguments:
        coursewright(*[word for word in arguments if word != "--force"])

    ended = coursewright(*arguments)

    assert program == "coursewright"
    assert tuple(arguments[: len(words)]) == words
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err


@pytest.mark.parametrize("words", [words for words, _ in commands(cli, ())], ids=" ".join)
def test_help_shows_examples_and_fits_a_terminal(words: tuple[str, ...], coursewright: Callable[..., Any]) -> None:
    ended = coursewright(*words, "--help")

    assert ended.code == 0
    assert "Examples:\n    coursewright " + " ".join(words) in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
