"""Prompt templates: files beside the pipeline, read and checked while it is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from jinja2 import nodes

from coursewright import plan
from coursewright.document import codes
from coursewright.document.nodes import Scalar
from coursewright.document.problems import Place, Report, Source, did_you_mean, quoted
from coursewright.sandbox import FILTERS, NotAllowed, parse_template

_ALLOWED = "allowed: {{ … }} with fields and filters, {% if %}, {% for %} over lists, and comments"
Read = Callable[[str], "str | None"]


def read_prompt(
    report: Report, read: Read, path: str, at: Scalar, label: str, data: frozenset[str] | None
) -> plan.Template | None:
    """The template under a relative path, or None after a problem.

    `data` are the names that the prompt may use; None when they are not known.
    """
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path or ":" in path:
        hint = "write a path relative to the pipeline, such as prompts/course.md"
        report.add(
            codes.BAD_PROMPT_PATH, at.place, f"{label} must stay beside the pipeline, found {quoted(path)}", hint
        )
        return None
    text = read(path)
    if text is None:
        message = f"the prompt file {quoted(path)} does not exist beside the pipeline, or is not text"
        report.add(codes.NO_PROMPT, at.place, message, "create it, or correct the path")
        return None
    source = Source(path, text)
    try:
        tree = parse_template(text)
    except NotAllowed as error:
        line = min(error.line, len(source.lines))
        place = _line(source, line, "{")
        hint = did_you_mean(error.wrong, FILTERS) if error.wrong else _ALLOWED if error.forbidden else ""
        report.add_elsewhere(codes.BAD_TEMPLATE, source, place, error.message, hint, at=at.place)
        return None
    if data is not None:
        _check_names(report, source, tree, data, at)
    return plan.Template(path, text)


def _check_names(report: Report, source: Source, tree: nodes.Template, data: frozenset[str], at: Scalar) -> None:
    for name, line in free_names(tree):
        if name not in data:
            hint = did_you_mean(name, data, what="data holds") or "data holds nothing"
            place = _line(source, line, name)
            message = f"'data' has no {quoted(name)}"
            report.add_elsewhere(codes.UNKNOWN_DATA, source, place, message, hint, at=at.place)


def free_names(tree: nodes.Node, bound: frozenset[str] = frozenset()) -> list[tuple[str, int]]:
    """Names that the template does not bind itself, with the line of each use."""
    if isinstance(tree, nodes.Name):
        return [] if tree.name in bound else [(tree.name, tree.lineno)]
    if isinstance(tree, nodes.For):
        inside = bound | {name.name for name in tree.target.find_all(nodes.Name)} | {"loop"}
        if isinstance(tree.target, nodes.Name):
            inside |= {tree.target.name}
        found = free_names(tree.iter, bound)
        for child in (*([tree.test] if tree.test else []), *tree.body):
            found += free_names(child, inside)
        for child in tree.else_:
            found += free_names(child, bound)
        return found
    return [found for child in tree.iter_child_nodes() for found in free_names(child, bound)]


def _line(source: Source, line: int, needle: str) -> Place:
    text = source.lines[line - 1]
    found = re.search(rf"\b{re.escape(needle)}\b" if needle.isidentifier() else re.escape(needle), text)
    column = found.start() + 1 if found else 1
    return Place(line, column, line, column + len(needle))
