"""The type of an expression, by its syntax tree; what is wrong with it becomes problems."""

from __future__ import annotations

import msgspec
from jinja2 import nodes

from coursewright.compile.filters import FILTER_TYPES, Signature
from coursewright.compile.references import path_of
from coursewright.compile.scope import Scope
from coursewright.compile.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NOTHING,
    NUMBER,
    TEXT,
    UNKNOWN,
    Type,
    common,
    fields_of,
    list_of,
    maybe,
    offers,
    present,
)
from coursewright.document import codes
from coursewright.document.codes import Code
from coursewright.document.problems import Place, Report, did_you_mean, quoted
from coursewright.sandbox import path_text

_ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod)
_TEXTS = ("text", "language", "choice")
_NUMBERS = ("integer", "number")
_ORDERED = (*_TEXTS, *_NUMBERS, "any", "unknown")
_TEXT_LIKE = (*_ORDERED, "boolean")


class Inference(msgspec.Struct):
    """Types the trees of the reference that stands at `place`."""

    scope: Scope
    report: Report
    place: Place

    def complain(self, code: Code, message: str, hint: str = "") -> None:
        """Report a problem with the reference."""
        self.report.add(code, self.place, message, hint)

    def type_of(self, tree: nodes.Node) -> Type:
        """The type of the value that the expression gives; `unknown` after a problem."""
        found = self._type_of(tree)
        return present(found) if found.missing and path_of(tree) in self.scope.known_present else found

    def _type_of(self, tree: nodes.Node) -> Type:
        match tree:
            case nodes.Const():
                return _constant(tree.value)
            case nodes.Name():
                return self._root(tree.name)
            case nodes.Getattr(node=nodes.Name(name="inputs")):
                return self._input(tree.attr)
            case nodes.Getitem(node=nodes.Name(name="inputs"), arg=nodes.Const(value=str() as name)):
                return self._input(name)
            case nodes.Getattr():
                return self._member(self.type_of(tree.node), tree.attr, tree.node)
            case nodes.Getitem(arg=nodes.Const(value=str() as name)):
                return self._member(self.type_of(tree.node), name, tree.node)
            case nodes.Getitem():
                return self._item(tree)
            case nodes.List():
                items = [self.type_of(item) for item in tree.items]
                return list_of(_joined(items))
            case nodes.And() | nodes.Or():
                left, right = self.type_of(tree.left), self.type_of(tree.right)
                return common(present(left), right) if isinstance(tree, nodes.Or) else common(left, right)
            case nodes.CondExpr():
                self.type_of(tree.test)
                otherwise = self.type_of(tree.expr2) if tree.expr2 else NOTHING
                return common(self.type_of(tree.expr1), otherwise)
            case nodes.Filter():
                return self._filtered(tree)
            case nodes.Concat():
                for part in tree.nodes:
                    self._want(part, self.type_of(part), _TEXT_LIKE, "'~' joins texts")
                return TEXT
            case nodes.Not() | nodes.Test():
                self.type_of(tree.node)
                return BOOLEAN
            case nodes.Compare():
                return self._compared(tree)
            case nodes.Neg() | nodes.Pos():
                return self._numeric("the sign", tree.node)
            case nodes.BinExpr():
                found = self._numeric(f"'{tree.operator}'", tree.left, tree.right)
                return NUMBER if isinstance(tree, nodes.Div) and found is INTEGER else found
        return UNKNOWN

    def _compared(self, tree: nodes.Compare) -> Type:
        left, given = tree.expr, self.type_of(tree.expr)
        for operand in tree.ops:
            right, other = operand.expr, self.type_of(operand.expr)
            if operand.op in ("in", "notin"):
                self._want(
                    right, other, (*_TEXTS, "list", "mapping", "any", "unknown"), "'in' looks into a list or text"
                )
            elif operand.op not in ("eq", "ne"):
                self._want(left, given, _ORDERED, "'<' and '>' order numbers or texts")
                self._want(right, other, _ORDERED, "'<' and '>' order numbers or texts")
                if len({each.kind in _NUMBERS for each in (given, other) if each.kind in (*_NUMBERS, *_TEXTS)}) > 1:
                    message = f"{given.phrase} cannot be compared with {other.phrase}"
                    self.complain(codes.BAD_OPERANDS, message)
            left, given = right, other
        return BOOLEAN

    def _root(self, name: str) -> Type:
        scope = self.scope
        if name in scope.steps:
            port = scope.steps[name]
            scope.reads.append((name, self.place))
            return maybe(port.result, port.may_be_skipped)
        if name in ("item", "index"):
            if scope.item is not None:
                return INTEGER if name == "index" else scope.item
            self.complain(codes.ITEM_OUTSIDE, f"'{name}' has no meaning here", "it exists only in a step with for_each")
        elif name == "inputs":
            self.complain(codes.BAD_REFERENCE, "'inputs' is not a value", "name one of them: ${inputs.…}")
        else:
            near = f"write ${{inputs.{name}}}" if name in scope.inputs else did_you_mean(name, scope.names())
            self.complain(codes.UNKNOWN_NAME, f"nothing is called {quoted(name)}", near)
        return UNKNOWN

    def _input(self, name: str) -> Type:
        if name in self.scope.inputs:
            self.scope.inputs_used.setdefault(name)
            return self.scope.inputs[name]
        hint = did_you_mean(name, self.scope.inputs) or "the pipeline has no inputs"
        self.complain(codes.UNKNOWN_NAME, f"no input is called {quoted(name)}", hint)
        return UNKNOWN

    def _member(self, owner: Type, name: str, tree: nodes.Node) -> Type:
        if owner.kind == "list":
            item = self._member(owner.item or ANY, name, tree)
            return item if item.kind == "unknown" else maybe(list_of(item), owner.missing)
        if owner.kind in ("struct", "artifact") and owner.struct is not None:
            fields = fields_of(owner.struct)
            if name in fields:
                return maybe(fields[name].type, owner.missing)
        elif owner.kind in ("any", "mapping"):
            return maybe(owner.item or ANY, owner.missing)
        elif owner.kind == "union":
            return ANY
        if owner.kind not in ("unknown", "nothing"):
            self._no_member(owner, name, tree)
        return UNKNOWN

    def _no_member(self, owner: Type, name: str, tree: nodes.Node) -> None:
        whose = _called(tree)
        known = list(fields_of(owner.struct)) if owner.struct else []
        near = did_you_mean(name, known)
        ports = f"{whose} offers: {offers(owner)}" if known else f"{whose} is {owner.phrase} and has no fields"
        hint = f"{near}\n{ports}" if near.startswith("did") else ports
        self.complain(codes.UNKNOWN_MEMBER, f"{whose} has no field {quoted(name)}", hint)

    def _item(self, tree: nodes.Getitem) -> Type:
        owner, place = self.type_of(tree.node), self.type_of(tree.arg)
        if owner.kind in ("any", "unknown"):
            return owner
        if owner.kind == "mapping":
            return maybe(owner.item or ANY)
        if owner.kind != "list":
            self.complain(
                codes.UNKNOWN_MEMBER, f"[…] takes an item of a list, but {_called(tree.node)} is {owner.phrase}"
            )
            return UNKNOWN
        if place.kind not in ("integer", "any", "unknown"):
            self.complain(
                codes.BAD_OPERANDS, f"[…] counts items by a whole number, but {_called(tree.arg)} is {place.phrase}"
            )
        return maybe(owner.item or ANY, owner.missing)

    def _numeric(self, what: str, *operands: nodes.Node) -> Type:
        types = [self.type_of(operand) for operand in operands]
        for operand, given in zip(operands, types, strict=True):
            self._want(operand, given, (*_NUMBERS, "any", "unknown"), f"{what} computes with numbers")
        return INTEGER if all(given.kind == "integer" for given in types) else NUMBER

    def _want(self, tree: nodes.Node, given: Type, kinds: tuple[str, ...], what: str) -> None:
        if given.kind not in (*kinds, "union"):
            self.complain(codes.BAD_OPERANDS, f"{what}, but {_called(tree)} is {given.phrase}")
        elif given.missing and not self.scope.tolerant:
            name = _called(tree)
            hint = f"write ({name[1:-1]} | default(…))" if name != "this" else "write (… | default(…))"
            self.complain(codes.MAY_BE_MISSING, f"{what}, but {name} may be missing", hint)

    def _filtered(self, tree: nodes.Filter) -> Type:
        given = self.type_of(tree.node) if tree.node else UNKNOWN
        arguments = [self.type_of(argument) for argument in tree.args]
        signature: Signature = FILTER_TYPES[tree.name]
        if not signature.least <= len(arguments) <= signature.most:
            wanted = f"{signature.least}" + (f" to {signature.most}" if signature.most > signature.least else "")
            self.complain(
                codes.BAD_OPERANDS, f"filter '{tree.name}' takes {wanted} arguments, found {len(arguments)}", ""
            )
            return UNKNOWN
        if signature.takes and given.kind not in (*signature.takes, "any", "unknown", "union"):
            takes = " or ".join(kind for kind in signature.takes if kind not in ("language", "choice"))
            called = _called(tree.node) if tree.node else "this"
            self.complain(codes.BAD_OPERANDS, f"filter '{tree.name}' takes {takes}, but {called} is {given.phrase}")
            return UNKNOWN
        if given.missing and signature.takes and not self.scope.tolerant:
            self.complain(
                codes.MAY_BE_MISSING,
                f"filter '{tree.name}' needs a value, but this one may be missing",
                f"write … | default(…) | {tree.name}",
            )
        return signature.result(given, arguments)


def _called(tree: nodes.Node) -> str:
    path = path_of(tree)
    return f"'{path_text(path)}'" if path else "this"


def _joined(items: list[Type]) -> Type:
    found = items[0] if items else UNKNOWN
    for item in items[1:]:
        found = common(found, item)
    return found


def _constant(value: object) -> Type:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return INTEGER
    return NUMBER if isinstance(value, float) else Type("choice", choices=(str(value),))
