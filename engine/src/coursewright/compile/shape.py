"""Keys and plainly written values of the pipeline itself: which may stand where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from coursewright.compile import literals
from coursewright.compile.references import Found, Unclosed, split
from coursewright.compile.types import BOOLEAN, Type
from coursewright.document import codes
from coursewright.document import nodes as document
from coursewright.document.nodes import Entry, Node, Scalar, called
from coursewright.document.problems import Report, did_you_mean, quoted

NAME = re.compile("[a-z][a-z0-9_]{0,62}")
# words with a meaning of their own inside `${…}`
RESERVED = frozenset(
    ("inputs", "item", "index", "true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "self", "loop")
)


def entries(report: Report, node: Node, what: str) -> dict[str, Entry]:
    """The entries of what must be a mapping; nothing at all stands for an empty one."""
    if isinstance(node, document.Mapping):
        return node.entries
    if not (isinstance(node, Scalar) and node.blank):
        report.add(codes.WRONG_SHAPE, node.place, f"{what} is a mapping, found {called(node)}")
    return {}


def known(
    report: Report, found: Mapping[str, Entry], keys: Iterable[str], what: str, renamed: Mapping[str, str] | None = None
) -> dict[str, Entry]:
    """The entries whose keys are known, under their present names; all others are problems."""
    keys, kept = list(keys), {}
    for name, entry in found.items():
        key = name
        if renamed and name in renamed and renamed[name] not in found:
            key = renamed[name]
            report.add(codes.RENAMED_KEY, entry.key.place, f"{quoted(name)} is now written '{key}'")
        if key in keys:
            kept[key] = entry
        else:
            hint = did_you_mean(name, keys)
            report.add(codes.UNKNOWN_KEY, entry.key.place, f"{what} has no key {quoted(name)}", hint)
    return kept


def named(report: Report, found: Mapping[str, Entry], what: str, reserved: Iterable[str] = ()) -> dict[str, Entry]:
    """The entries whose keys follow the rules for names."""
    kept = {}
    for name, entry in found.items():
        if name in reserved:
            report.add(codes.BAD_NAME, entry.key.place, f"{quoted(name)} is reserved and cannot name {what}")
        elif not NAME.fullmatch(name):
            report.add(
                codes.BAD_NAME,
                entry.key.place,
                f"{quoted(name)} cannot name {what}",
                "a name is lower-case letters, digits and _, and begins with a letter" + _suggestion(name),
            )
        else:
            kept[name] = entry
    return kept


def _suggestion(name: str) -> str:
    cleaned = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
    return f", such as {cleaned}" if NAME.fullmatch(cleaned) else ""


def written(report: Report, node: Node, wanted: Type, label: str) -> Any:
    """The value that is written out at this place, or None after a problem."""
    if not isinstance(node, Scalar):
        report.add(codes.WRONG_SHAPE, node.place, f"{label} wants {wanted}, found {called(node)}")
        return None
    text = unreferenced(report, node, label)
    if text is None:
        return None
    try:
        return literals.literal(Scalar(text, node.plain, node.place), wanted)
    except literals.Mistake as mistake:
        report.add(mistake.code, node.place, f"{label} {mistake.wants}", mistake.hint)
        return None


def flag(report: Report, found: Mapping[str, Entry], key: str, what: str) -> bool | None:
    """The `true` or `false` under a key; None when there is none, or after a problem."""
    value = written(report, found[key].value, BOOLEAN, f"'{key}' of {what}") if key in found else None
    return value if isinstance(value, bool) else None


def unreferenced(report: Report, node: Scalar, label: str) -> str | None:
    """The text of a value in which `${…}` may not stand, or None after a problem."""
    try:
        parts = split(node.text)
    except Unclosed:
        return node.text
    if any(isinstance(part, Found) for part in parts):
        report.add(codes.LITERAL_WANTED, node.place, f"{label} must be written out, found a reference")
        return None
    return "".join(map(str, parts))


def several(report: Report, node: Node, label: str) -> list[Scalar]:
    """One name, or a list of names."""
    found: list[Scalar] = []
    for item in node.items if isinstance(node, document.Sequence) else (node,):
        if not isinstance(item, Scalar) or not item.text:
            report.add(codes.WRONG_SHAPE, item.place, f"{label} is a name or a list of names, found {called(item)}")
        elif item.text in [other.text for other in found]:
            report.add(codes.DUPLICATE_KEY, item.place, f"{quoted(item.text)} is written twice")
        elif unreferenced(report, item, label) is not None:
            found.append(item)
    return found
