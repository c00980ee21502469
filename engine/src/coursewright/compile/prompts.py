"""Prompt templates: files beside the pipeline, read and checked while it is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from jinja2 import nodes

from coursewright import plan
from coursewright.compile import literals
from coursewright.compile.front_matter import FrontMatter, divided, read_front_matter
from coursewright.document import codes, scalars
from coursewright.document import nodes as document
from coursewright.document.codes import Code
from coursewright.document.nodes import Entry, Node, Scalar
from coursewright.document.problems import Place, Report, Source, did_you_mean, listed, near, quoted
from coursewright.sandbox import FILTERS, NotAllowed, parse_template

_ALLOWED = "allowed: {{ … }} with fields and filters, {% if %}, {% for %} over lists, and comments"
Read = Callable[[str], "str | None"]


def read_prompt(
    report: Report, read: Read, path: str, at: Scalar, label: str, data: Entry | None
) -> plan.Template | None:
    """The template under a relative path, or None after a problem.

    `data` is what the step gives the prompt, as written, if anything.
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
    front, body = divided(text)
    try:
        tree = parse_template("\n" * front.count("\n") + body)  # places are those of the whole file
    except NotAllowed as error:
        line = min(error.line, len(source.lines))
        place = _line(source, line, "{")
        hint = did_you_mean(error.wrong, FILTERS) if error.wrong else _ALLOWED if error.forbidden else ""
        report.add_elsewhere(codes.BAD_TEMPLATE, source, place, error.message, hint, at=at.place)
        return None
    given = _given(data)
    if front:
        declared = read_front_matter(report, front, path, at)
        if declared is None:
            return None
        hint = f"it declares: {listed(declared.inputs)}" if declared.inputs else "it declares nothing"
        _check_names(report, source, tree, declared.inputs, at, codes.UNDECLARED, "the front matter declares no", hint)
        if given is not None:
            _check_data(report, path, declared, given, data.key.place if data else at.place)
        return plan.Template(path, body, declared.version, declared.defaults, declared.required)
    if given is not None:
        hint = f"data holds: {listed(sorted(given))}" if given else "data holds nothing"
        _check_names(report, source, tree, given, at, codes.UNKNOWN_DATA, "'data' has no", hint)
    return plan.Template(path, body)


def _given(data: Entry | None) -> dict[str, Entry] | None:
    """The keys of `data` as written; None when it is no mapping, which is reported elsewhere."""
    if data is None:
        return {}
    return data.value.entries if isinstance(data.value, document.Mapping) else None


def _check_names(
    report: Report,
    source: Source,
    tree: nodes.Template,
    known: Iterable[str],
    at: Scalar,
    code: Code,
    lacking: str,
    otherwise: str,
) -> None:
    for name, line in free_names(tree):
        if name not in known:
            close = did_you_mean(name, known)
            place = _line(source, line, name)
            hint = close if close.startswith("did") else otherwise
            report.add_elsewhere(code, source, place, f"{lacking} {quoted(name)}", hint, at=at.place)


def _check_data(report: Report, path: str, declared: FrontMatter, given: Mapping[str, Entry], at: Place) -> None:
    """What the step gives against what the prompt declares."""
    for name, entry in given.items():
        if name not in declared.inputs:
            hint = did_you_mean(name, declared.inputs, what="it takes")
            message = f"the prompt {quoted(path)} takes no {quoted(name)}"
            report.add(codes.NOT_DECLARED, entry.key.place, message, hint)
        elif _written(entry.value) and isinstance(entry.value, Scalar):
            try:
                literals.literal(entry.value, declared.inputs[name].type)
            except literals.Mistake as mistake:
                report.add(mistake.code, entry.value.place, f"'{name}' in 'data' {mistake.wants}", mistake.hint)
    there = {name for name, entry in given.items() if not _nothing(entry.value)}
    there |= {meant for name in given if name not in declared.inputs for meant in near(name, declared.inputs)}
    for group in declared.required:
        if there.isdisjoint(group):
            wanted = " or ".join(f"'{name}'" for name in group)
            words = "; ".join(f"{name}: {text}" for name in group if (text := declared.inputs[name].description))
            report.add(codes.PROMPT_LACKS, at, f"the prompt {quoted(path)} needs {wanted} in 'data'", words)


def _written(node: Node) -> bool:
    """Is it a value of its own, neither a reference nor nothing?"""
    return isinstance(node, Scalar) and "${" not in node.text and not _nothing(node)


def _nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and scalars.untyped(node) is None


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
