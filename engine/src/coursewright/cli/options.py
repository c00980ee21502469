"""Options that several commands share, and what they mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from coursewright.catalog import Catalog
from coursewright.cli.files import read_pipeline
from coursewright.compile import check_pipeline
from coursewright.errors import CompileFailed, InputError
from coursewright.plan import Plan
from coursewright.settings import Settings, settings_from

F = TypeVar("F", bound=Callable[..., Any])


def provider_option(function: F) -> F:
    """`--provider tts=espeak`."""
    return click.option(
        "--provider",
        "providers",
        multiple=True,
        metavar="WHAT=NAME",
        help="Choose a provider by capability (tts=espeak) or by step (voice=espeak). May be repeated.",
    )(function)


def pairs(items: Iterable[str], option: str, example: str) -> dict[str, str]:
    """`name=value` options as a mapping. Raises InputError naming the option."""
    found: dict[str, str] = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not name or not separator:
            raise InputError(f"{option}: '{item}' has no value", field=option, remedy=f"write {option} {example}")
        if name in found:
            raise InputError(f"{option}: '{name}' is given twice", field=option, remedy="leave one of them out")
        found[name] = value
    return found


def environment_settings() -> Settings:
    """The settings of this process. Raises InputError."""
    return settings_from(os.environ)


def plan_of(name: str, catalog: Catalog, settings: Settings, overrides: dict[str, str]) -> Plan:
    """Compile a pipeline file; its warnings go to standard error. Raises CompileFailed."""
    text, read = read_pipeline(name)
    result = check_pipeline(
        text, name=name, catalog=catalog, read=read, overrides=overrides, preferred=settings.providers
    )
    if result.plan is None:
        raise CompileFailed(result.problems)
    for problem in result.problems:
        click.echo(str(problem), err=True)
    return result.plan
