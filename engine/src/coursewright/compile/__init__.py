"""The compiler: pipeline text becomes a plan, or every problem in it. Opens nothing and starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from coursewright.catalog import Catalog
from coursewright.compile.pipeline import CheckResult, check
from coursewright.errors import CompileFailed
from coursewright.plan import Plan

__all__ = ["CheckResult", "check_pipeline", "compile_pipeline"]

_NONE: Mapping[str, str] = MappingProxyType({})


def check_pipeline(
    text: str | bytes,
    *,
    name: str,
    catalog: Catalog,
    read: Callable[[str], str | None],
    overrides: Mapping[str, str] = _NONE,
    preferred: Mapping[str, str] = _NONE,
) -> CheckResult:
    """All problems of a pipeline, and its plan when none of them is an error. Never raises for any text.

    `name` labels messages; `read` gives the text of a file beside the pipeline by its relative path, or
    None; `overrides` are the providers chosen for this run, by step or capability; `preferred` those of
    the settings, by capability.
    """
    return check(text, name=name, catalog=catalog, read=read, overrides=overrides, preferred=preferred)


def compile_pipeline(
    text: str | bytes,
    *,
    name: str,
    catalog: Catalog,
    read: Callable[[str], str | None],
    overrides: Mapping[str, str] = _NONE,
    preferred: Mapping[str, str] = _NONE,
) -> Plan:
    """The plan of a pipeline; the arguments are those of `check_pipeline`. Raises CompileFailed."""
    result = check(text, name=name, catalog=catalog, read=read, overrides=overrides, preferred=preferred)
    if result.plan is None:
        raise CompileFailed(result.problems)
    return result.plan
