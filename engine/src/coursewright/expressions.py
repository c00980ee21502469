"""What the values of a plan are when a run evaluates them.

The compiler checks with the same parse functions, so a plan it made holds nothing that evaluation refuses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jinja2
from jinja2 import nodes
from jinja2.environment import TemplateExpression

from coursewright import plan
from coursewright.errors import BadInput
from coursewright.sandbox import (
    MAX_TEXT,
    ROUNDS,
    SANDBOX,
    NotAllowed,
    as_text,
    bounded,
    member,
    parse_expression,
    parse_template,
    path_text,
)

T = TypeVar("T")
N = TypeVar("N", bound=nodes.Node)


def evaluate(value: plan.Value, scope: Mapping[str, Any]) -> Any:
    """The value in a scope of `inputs`, steps' results, `item` and `index`.

    A reference gives the very object. For a `plan.Template` the scope is the request's `data`. A step
    that was skipped, and an input that was not given, stand in the scope as None. Raises BadInput, whose
    field is the reference or the template's name.
    """
    match value:
        case plan.Literal():
            return value.value
        case plan.Ref():
            return _follow(value, scope)
        case plan.Expression():
            return _guarded("${" + value.source + "}", lambda: _compiled(value.source)(**scope))
        case plan.Text():
            return _guarded("text", lambda: bounded("".join(as_text(evaluate(part, scope)) for part in value.parts)))
        case plan.Mapping():
            return {key: evaluate(entry, scope) for key, entry in value.entries.items()}
        case plan.Sequence():
            return [evaluate(item, scope) for item in value.items]
        case plan.Template():
            return _guarded(value.name, lambda: _render(value.source, scope))


def names_in(value: plan.Value) -> Iterator[str]:
    """The names a value reads from its scope; a template reads its request's `data` only."""
    match value:
        case plan.Ref():
            yield str(value.path[0])
        case plan.Expression():
            yield from value.roots
        case plan.Text():
            for part in value.parts:
                yield from names_in(part)
        case plan.Mapping():
            for entry in value.entries.values():
                yield from names_in(entry)
        case plan.Sequence():
            for item in value.items:
                yield from names_in(item)


def _follow(ref: plan.Ref, scope: Mapping[str, Any]) -> Any:
    value: Any = scope
    for step in ref.path:
        try:
            value = member(value, step)
        except LookupError as error:
            name = "${" + path_text(ref.path) + "}"
            raise BadInput(f"{name} has no value: {error}", field=name) from None
    return value


def _guarded(field: str, compute: Callable[[], T]) -> T:
    """Turn whatever evaluation raises into a BadInput that names the field."""
    try:
        return compute()
    except BadInput:
        raise
    except (jinja2.TemplateError, NotAllowed, ArithmeticError, TypeError, ValueError, LookupError) as error:
        raise BadInput(f"{field} cannot be evaluated: {error}", field=field) from None
    except (RecursionError, MemoryError):
        raise BadInput(f"{field} cannot be evaluated: it is too large", field=field) from None


@functools.lru_cache(maxsize=512)
def _compiled(source: str) -> Callable[..., Any]:
    tree = _hardened(parse_expression(source))
    body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), tree, lineno=1)]
    template = SANDBOX.from_string(nodes.Template(body, lineno=1))
    expression = TemplateExpression(template, undefined_to_none=False)

    def compute(**scope: Any) -> Any:
        result = expression(**scope)
        if isinstance(result, jinja2.Undefined):
            str(result)  # raises UndefinedError, which says what has no value
        return result

    return compute


@functools.lru_cache(maxsize=64)
def _template(source: str) -> jinja2.Template:
    return SANDBOX.from_string(_hardened(parse_template(source)))


def _render(source: str, data: Mapping[str, Any]) -> str:
    pieces, length = [], 0
    for piece in _template(source).generate({**data, ROUNDS: [0]}):
        pieces.append(piece)
        length += len(piece)
        if length > MAX_TEXT:
            raise ValueError(f"the text is longer than {MAX_TEXT} characters")
    return "".join(pieces)


def _hardened(tree: N) -> N:
    """Count the rounds of loops, join texts by our own rule, and let an `if` without `else` give None."""
    holder = nodes.Template([tree], lineno=1)
    for loop in holder.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, ROUNDS, [nodes.Name(ROUNDS, "load")], [], None, None, lineno=loop.lineno)
    for concat in holder.find_all(nodes.Concat):
        concat.nodes = [nodes.Filter(part, "string", [], [], None, None, lineno=1) for part in concat.nodes]
    for choice in holder.find_all(nodes.CondExpr):
        choice.expr2 = choice.expr2 or nodes.Const(None, lineno=1)
    tree.set_environment(SANDBOX)
    return tree
