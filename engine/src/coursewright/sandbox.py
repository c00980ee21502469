"""Jinja2 for people who write pipelines: it reads and computes, within limits, and can call nothing.

A value that may be missing is None when it is: members of None are None, and `default` replaces it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jinja2
import msgspec
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import SandboxedEnvironment

T = TypeVar("T")

MAX_SOURCE = 2_000
"""Characters of one expression."""
MAX_TEMPLATE = 100_000
"""Characters of one prompt template."""
MAX_NESTING = 40
MAX_TEXT = 4_000_000
"""Characters that one text may grow to: about ten times the longest book that a model can read."""
MAX_ROUNDS = 100_000
"""Rounds of all `for` loops in one rendering: 200 times the scenes that a script may have."""

ROUNDS = "_rounds"  # no name that a pipeline may use begins with an underscore

_IN_EXPRESSIONS: tuple[type[nodes.Node], ...] = (
    nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    nodes.Concat, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.List,
)  # fmt: skip
_IN_TEMPLATES: tuple[type[nodes.Node], ...] = (
    *_IN_EXPRESSIONS,
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.For,
    nodes.If,
    nodes.Tuple,
)
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
_NAMES = {
    "call": "a call", "pow": "a power", "slice": "a slice", "dict": "a mapping in braces", "tuple": "a tuple",
    "assign": "set", "callblock": "call", "filterblock": "filter", "fromimport": "import",
}  # fmt: skip


class NotAllowed(Exception):
    """The source is no expression or template, or does what those may not do.

    `line` counts from 1; `forbidden` tells what is not allowed from what cannot be read; `wrong` is the
    name of a filter or test that does not exist.
    """

    def __init__(self, message: str, *, line: int = 1, forbidden: bool = True, wrong: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.forbidden = forbidden
        self.wrong = wrong


def parse_expression(source: str) -> nodes.Expr:
    """The syntax tree of the inside of `${…}`. Raises NotAllowed."""
    if len(source) > MAX_SOURCE:
        raise NotAllowed(f"an expression of {len(source)} characters; at most {MAX_SOURCE} are allowed")
    parser = _parsed(lambda: Parser(SANDBOX, source, state="variable"))
    tree = _parsed(parser.parse_expression)
    if not parser.stream.eos:
        raise NotAllowed(f"unexpected '{parser.stream.current.value}'", forbidden=False)
    _check(tree, _IN_EXPRESSIONS)
    return tree


def parse_template(source: str) -> nodes.Template:
    """The syntax tree of a prompt template. Raises NotAllowed."""
    if len(source) > MAX_TEMPLATE:
        raise NotAllowed(f"a template of {len(source)} characters; at most {MAX_TEMPLATE} are allowed")
    tree = _parsed(lambda: SANDBOX.parse(source))
    _check(tree, _IN_TEMPLATES)
    return tree


def _parsed(parse: Callable[[], T]) -> T:
    try:
        return parse()
    except jinja2.TemplateSyntaxError as error:
        raise NotAllowed(_lowered(error.message or ""), line=error.lineno, forbidden=False) from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise NotAllowed("this is nested too deep, or a number is too large") from None


def _lowered(message: str) -> str:
    """Jinja's own words as one sentence: of several its first and last, which say what and where."""
    sentences = [part[:1].lower() + part[1:] for part in message.removesuffix(".").split(". ")]
    return sentences[0] if len(sentences) == 1 else f"{sentences[0]}: {sentences[-1]}"


def _check(tree: nodes.Node, allowed: tuple[type[nodes.Node], ...]) -> None:
    pending: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        if not isinstance(node, allowed):
            kind = type(node).__name__.lower()
            raise NotAllowed(f"{_NAMES.get(kind, kind)} is not allowed", line=node.lineno)
        if depth > MAX_NESTING:
            raise NotAllowed(f"this is nested more than {MAX_NESTING} deep", line=node.lineno)
        if isinstance(node, nodes.For) and node.recursive:
            raise NotAllowed("a recursive loop is not allowed", line=node.lineno)
        if isinstance(node, nodes.Name) and (node.name == "self" or node.name.startswith("_")):
            raise NotAllowed(f"the name '{node.name}' is not allowed", line=node.lineno)
        if isinstance(node, nodes.Const) and isinstance(node.value, float) and not math.isfinite(node.value):
            raise NotAllowed("a number is too large", line=node.lineno)
        if isinstance(node, nodes.Filter | nodes.Test):
            _check_named(node)
        pending += [(child, depth + 1) for child in node.iter_child_nodes()]


def _check_named(node: nodes.Filter | nodes.Test) -> None:
    kind, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        raise NotAllowed(f"there is no {kind} '{node.name}'", line=node.lineno, wrong=node.name)
    if node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise NotAllowed(f"{kind} '{node.name}' takes its arguments by place only", line=node.lineno)


def path_text(path: tuple[str | int, ...]) -> str:
    """A path as it is written: `script.scenes[0].title`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def as_text(value: Any) -> str:
    """How a value reads inside text. Raises TypeError for what has no such form: lists, mappings, structs."""
    if value is None or isinstance(value, jinja2.Undefined):
        raise TypeError("it is missing")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot stand inside text")


def member(value: Any, name: str | int) -> Any:
    """A field of a struct, a key of a mapping, an item of a list; a name on a list maps over its items.

    Members of None are None. Raises LookupError, whose text says what is not there.
    """
    if value is None:
        return None
    if isinstance(value, list | tuple):
        if isinstance(name, str):
            return [member(item, name) for item in value]
        if -len(value) <= name < len(value):
            return value[name]
        raise LookupError(f"a list of {len(value)} has no [{name}]")
    if isinstance(value, Mapping) and name in value:
        return value[name]
    if isinstance(value, msgspec.Struct) and name in value.__struct_fields__:
        return getattr(value, str(name))
    raise LookupError(f"there is no '{name}'")


def bounded(text: str) -> str:
    """The text itself. Raises ValueError when it is longer than `MAX_TEXT`."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"the text is longer than {MAX_TEXT} characters")
    return text


def _count_rounds(items: Any, rounds: list[int]) -> list[Any]:
    if not isinstance(items, list | tuple | Mapping):
        raise TypeError(f"a loop goes over a list, not over {type(items).__name__}")
    rounds[0] += len(items)
    if rounds[0] > MAX_ROUNDS:
        raise ValueError(f"its loops take more than {MAX_ROUNDS} rounds")
    return list(items)


class _Sandbox(SandboxedEnvironment):
    """Reads members as `member` does and computes with numbers; nothing can be called."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, jinja2.Undefined):
            return obj
        if isinstance(obj, LoopContext) and argument in _LOOP:
            return getattr(obj, argument)
        if not isinstance(argument, str | int) or isinstance(argument, bool):
            raise TypeError("a member is named by text or counted by a whole number")
        try:
            return member(obj, argument)
        except LookupError as error:
            return self.undefined(str(error))

    def call(self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        raise SecurityError("calls are not allowed")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        for operand in (left, right):
            if not isinstance(operand, int | float):
                raise TypeError(f"'{operator}' computes with numbers, not with {type(operand).__name__}")
        if operator == "**":
            raise SecurityError("a power is not allowed")
        return super().call_binop(context, operator, left, right)


def _is_missing(value: Any) -> bool:
    return value is None or isinstance(value, jinja2.Undefined)


def _default(value: Any, fallback: Any) -> Any:
    return fallback if _is_missing(value) else value


def _length(value: str | list[Any] | Mapping[str, Any]) -> int:
    return len(value)


def _join(value: list[Any], separator: str = ", ") -> str:
    texts = [as_text(item) for item in value]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_TEXT:
        raise ValueError(f"the text is longer than {MAX_TEXT} characters")
    return separator.join(texts)


def _replace(value: str, old: str, new: str) -> str:
    if len(value) + value.count(old) * len(new) > MAX_TEXT:
        raise ValueError(f"the text is longer than {MAX_TEXT} characters")
    return value.replace(old, new)


def _round(value: float, digits: int = 0) -> float:
    return round(value) if digits == 0 else round(value, digits)


def _first(value: list[Any]) -> Any:
    return value[0] if value else None


def _last(value: list[Any]) -> Any:
    return value[-1] if value else None


def _tojson(value: Any) -> str:
    return bounded(msgspec.json.encode(value).decode())


def _printed(value: Any) -> str:
    """What `{{ … }}` prints in a prompt: nothing for what is missing. Raises UndefinedError for an unknown name."""
    if isinstance(value, jinja2.Undefined):
        return str(value)
    return "" if value is None else as_text(value)


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "capitalize": str.capitalize,
    "default": _default,
    "first": _first,
    "float": float,
    "int": int,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": str.lower,
    "replace": _replace,
    "round": _round,
    "string": as_text,
    "title": str.title,
    "tojson": _tojson,
    "trim": str.strip,
    "upper": str.upper,
}
TESTS: dict[str, Callable[..., bool]] = {
    "defined": lambda value: not _is_missing(value),
    "none": _is_missing,
    "undefined": _is_missing,
}


def _sandbox() -> _Sandbox:
    made = _Sandbox(undefined=jinja2.StrictUndefined, finalize=_printed, keep_trailing_newline=True, autoescape=False)
    made.filters = {**FILTERS, ROUNDS: _count_rounds}
    made.tests = dict(TESTS)
    made.globals = {}
    return made


SANDBOX = _sandbox()


def names_in(tree: nodes.Node) -> Iterator[nodes.Name]:
    """Every name that the tree reads, in the order of the source."""
    yield from (name for name in tree.find_all(nodes.Name) if name.ctx == "load")
