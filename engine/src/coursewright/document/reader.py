"""From bytes to a tree of nodes, in bounded time and memory, whatever the bytes are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import msgspec
import yaml

from coursewright.document import codes
from coursewright.document.nodes import Entry, Mapping, Node, Scalar, Sequence, called
from coursewright.document.problems import Abandoned, Place, Report, Source, quoted

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
"""Values in one file, each use of an alias counted as if it were written out."""
MAX_DEPTH = 24
# Tab and line breaks are the only controls that YAML 1.1 allows; surrogates and the two
# non-characters are no text at all.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is 20 times faster; some platforms lack it


def read(
    text: str | bytes, report_name: str, *, what: str = "a pipeline", begin: str = "steps:"
) -> tuple[Report, Mapping | None]:
    """The top-level mapping of a pipeline file, or None when the report says why there is none.

    `what` the text is, and how to `begin` it, are for messages.
    """
    decoded, fault = _decode(text)
    source = Source(report_name, decoded)
    report = Report(source)
    try:
        if fault is not None:
            report.add(codes.NOT_TEXT, _place_of(decoded, fault), "this is not UTF-8 text", "save the file as UTF-8")
            raise Abandoned
        _check_characters(decoded, report)
        root = _Builder(report, source).build(decoded)
    except Abandoned:
        return report, None
    if not isinstance(root, Mapping):
        report.add(codes.WRONG_SHAPE, root.place, f"{what} is a mapping, found {called(root)}", f"begin with '{begin}'")
        return report, None
    return report, root


def _decode(text: str | bytes) -> tuple[str, int | None]:
    """The text without its byte order mark, and where it stops being UTF-8, if anywhere."""
    if isinstance(text, bytes):
        # one byte more than is allowed is enough to know that the file is too large
        text = text[: MAX_BYTES + 4]
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError as error:
            decoded = text.decode("utf-8", "replace")
            if error.end < MAX_BYTES:
                return decoded, len(text[: error.start].decode("utf-8"))
        return decoded.removeprefix("\ufeff"), None
    return text[: MAX_BYTES + 1].removeprefix("\ufeff"), None


def _place_of(text: str, offset: int) -> Place:
    lines = Source("", text[:offset]).lines
    line, column = len(lines), len(lines[-1]) + 1
    return Place(line, column, line, column + 1)


def _check_characters(text: str, report: Report) -> None:
    if found := _NOT_TEXT.search(text):
        report.add(
            codes.NOT_TEXT,
            _place_of(text, found.start()),
            f"the character U+{ord(found[0]):04X} is not allowed in text",
            "is this really a pipeline file? save it as UTF-8 text",
        )
        raise Abandoned
    if len(text.encode()) > MAX_BYTES:
        place = Place(1, 1, 1, 1)
        report.add(codes.TOO_LARGE, place, f"the file is larger than {MAX_BYTES // 1024} kB", "a pipeline fits a page")
        raise Abandoned


class _Open(msgspec.Struct):
    """A list or mapping whose end is not reached yet; in a mapping keys and values alternate."""

    start: yaml.CollectionStartEvent
    children: list[Node]

    @property
    def wants_key(self) -> bool:
        return isinstance(self.start, yaml.MappingStartEvent) and len(self.children) % 2 == 0


class _Builder:
    """Builds the tree from parser events with a stack of its own, so that no depth exhausts Python's.

    Aliases share the node they name. `_sizes` and `_heights` count what each node would be if written
    out, which bounds everything that later walks the tree.
    """

    def __init__(self, report: Report, source: Source) -> None:
        self._report = report
        self._source = source
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None: not complete, so an alias to it would be endless
        self._sizes: dict[int, int] = {}
        self._heights: dict[int, int] = {}
        self._nodes = 0
        self._documents = 0
        self._root: Node | None = None

    def build(self, text: str) -> Node:
        """The root node. Raises Abandoned."""
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            self._not_yaml(error)
        except (yaml.YAMLError, RecursionError, UnicodeError, ValueError) as error:
            self._fail(codes.NOT_YAML, Place(1, 1, 1, 1), f"this is not YAML: {type(error).__name__}")
        if self._root is None or (isinstance(self._root, Scalar) and self._root.blank):
            self._fail(codes.EMPTY, Place(1, 1, 1, 1), "the file is empty", "begin with 'steps:'")
        return self._root

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._fail(
                    codes.ONE_DOCUMENT,
                    _place(event),
                    "a second document begins here",
                    "one file holds one pipeline: remove '---'",
                )
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._begin(event)
            plain = event.style in (None, "")
            self._end(Scalar(event.value, plain, _place(event)), event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
            self._stack.append(_Open(event, []))
            if len(self._stack) > MAX_DEPTH:
                self._fail(codes.TOO_LARGE, _place(event), f"this is nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            opened = self._stack.pop()
            place = _place(opened.start, event)
            node = Sequence(tuple(opened.children), place) if isinstance(event, yaml.SequenceEndEvent) else None
            self._end(node or self._mapping(opened.children, place), opened.start.anchor, opened.children)

    def _begin(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            written = tag.replace("tag:yaml.org,2002:", "!!")
            self._report.add(
                codes.NO_TAGS, _place(event), f"the tag {quoted(written)} has no meaning here", "remove it"
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = None

    def _end(self, node: Node, anchor: str | None, children: list[Node] | None = None) -> None:
        children = children or []
        size = 1 + sum(self._sizes[id(child)] for child in children)
        self._sizes[id(node)] = size
        self._heights[id(node)] = 1 + max((self._heights[id(child)] for child in children), default=0)
        self._nodes += 1
        if size > MAX_NODES or self._nodes > MAX_NODES:
            self._fail(
                codes.TOO_LARGE, node.place, f"this stands for more than {MAX_NODES} values", "write less with aliases"
            )
        if anchor is not None:
            self._anchors[anchor] = node
        self._append(node)

    def _append(self, node: Node) -> None:
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self._root = node

    def _alias(self, event: yaml.AliasEvent) -> None:
        place, name = _place(event), event.anchor or ""
        if name not in self._anchors:
            self._fail(codes.BAD_ALIAS, place, f"no anchor is called {quoted(name)}", "define it before its use")
        node = self._anchors[name]
        if node is None:
            self._fail(codes.BAD_ALIAS, place, f"the alias {quoted(name)} stands inside what it names")
        if len(self._stack) + self._heights[id(node)] > MAX_DEPTH:
            self._fail(codes.TOO_LARGE, place, f"with this alias values are nested more than {MAX_DEPTH} deep")
        self._append(node)

    def _mapping(self, children: list[Node], place: Place) -> Mapping:
        pairs = list(zip(children[::2], children[1::2], strict=True))
        entries: dict[str, Entry] = {}
        for key, value in pairs:
            if not isinstance(key, Scalar):
                self._report.add(codes.BAD_KEY, key.place, f"a key is text, found {called(key)}")
            elif key.plain and key.text == "<<":
                continue
            elif key.text in entries:
                first = entries[key.text].key.place.line
                self._report.add(
                    codes.DUPLICATE_KEY,
                    key.place,
                    f"{quoted(key.text)} is written twice",
                    f"it stands in line {first} already",
                )
            else:
                entries[key.text] = Entry(key, value)
        for key, value in pairs:
            if isinstance(key, Scalar) and key.plain and key.text == "<<":
                for merged in self._merged(value):
                    for name, entry in merged.entries.items():
                        entries.setdefault(name, entry)
        return Mapping(entries, place)

    def _merged(self, value: Node) -> Iterator[Mapping]:
        for node in value.items if isinstance(value, Sequence) else (value,):
            if isinstance(node, Mapping):
                yield node
            else:
                self._report.add(
                    codes.BAD_ALIAS, node.place, f"'<<' merges a mapping, found {called(node)}", "write '<<: *anchor'"
                )

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> None:
        in_quotes = "quoted scalar" in (error.context or "") and "end of stream" in (error.problem or "")
        mark = error.context_mark if in_quotes else error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        lines = self._source.lines
        if line > len(lines):  # the end of the file: point at its last line
            line, column = len(lines), len(lines[-1]) + 1
        text = lines[line - 1]
        if in_quotes:
            self._fail(
                codes.NOT_YAML, Place(line, column, line, column + 1), "this is not YAML: a quote is never closed"
            )
        if "\t" in text[: max(column, len(text) - len(text.lstrip()))]:
            hint = "indent with spaces: YAML allows no tab there"
        elif "${" in text and ("{" in text.split("${")[0] or "[" in text.split("${")[0]):
            hint = 'inside { } and [ ] put quotes around a reference: "${…}"'
        else:
            hint = f"{error.context}" if error.context else ""
        self._fail(codes.NOT_YAML, Place(line, column, line, column + 1), f"this is not YAML: {error.problem}", hint)

    def _fail(self, code: codes.Code, place: Place, message: str, hint: str = "") -> NoReturn:
        self._report.add(code, place, message, hint)
        raise Abandoned


def _place(event: yaml.Event, end: yaml.Event | None = None) -> Place:
    start, stop = event.start_mark, (end or event).end_mark
    if start is None or stop is None:  # events made by a parser have both
        return Place(1, 1, 1, 1)
    return Place(start.line + 1, start.column + 1, stop.line + 1, stop.column + 1)
