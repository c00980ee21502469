"""Values of a step or output: from nodes to the plan's values, typed against the place they feed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from jinja2 import nodes as jinja

from coursewright import plan
from coursewright.compile import literals
from coursewright.compile.inference import Inference
from coursewright.compile.references import Found, Unclosed, path_of, split
from coursewright.compile.scope import Scope
from coursewright.compile.types import (
    ANY,
    TEXT,
    UNKNOWN,
    Field,
    Type,
    common,
    fields_of,
    fits,
    item_may_be_missing,
    list_of,
    offers,
)
from coursewright.document import codes
from coursewright.document.nodes import Entry, Mapping, Node, Scalar, Sequence, called
from coursewright.document.problems import Place, Report, did_you_mean, near, quoted
from coursewright.sandbox import FILTERS, NotAllowed, names_in, parse_expression

_ALLOWED = "allowed: fields, [places], arithmetic, comparison, and, or, not, if, else, and filters with |"
_IN_TEXT = ("text", "language", "choice", "integer", "number", "boolean", "any", "unknown")


class Slot(msgspec.Struct, frozen=True):
    """A place that wants a value: its type, its name in messages, and what stands beside it.

    `lacking`: the value may be missing here, because there is a default.
    """

    label: str
    type: Type
    lacking: bool = False
    ports: str = ""


class Values:
    """Makes the plan's values of nodes in one scope, reporting what does not fit."""

    def __init__(self, report: Report, scope: Scope) -> None:
        self._report = report
        self._scope = scope

    def compile(self, node: Node, slot: Slot) -> plan.Value:
        """The plan's value for the node. After a problem it is a stand-in that fits nowhere else."""
        return self.typed(node, slot)[0]

    def typed(self, node: Node, slot: Slot) -> tuple[plan.Value, Type]:
        """The value, and its own type (which may say more than the slot's)."""
        if isinstance(node, Scalar):
            return self._scalar(node, slot)
        if isinstance(node, Sequence):
            return self._sequence(node, slot)
        return self._mapping(node, slot)

    def _scalar(self, node: Scalar, slot: Slot) -> tuple[plan.Value, Type]:
        try:
            parts = split(node.text)
        except Unclosed as error:
            place = self._places(node, error.nth + 1)[error.nth]
            self._report.add(codes.BAD_REFERENCE, place, "this '${' is never closed", "write } at its end, or $${")
            return plan.Literal(None), UNKNOWN
        if not any(isinstance(part, Found) for part in parts):
            return self._literal(node, "".join(map(str, parts)), slot)
        if len(parts) == 1 and isinstance(parts[0], Found):
            return self._reference(node, parts[0], slot)
        return self._text(node, parts, slot)

    def _literal(self, node: Scalar, text: str, slot: Slot) -> tuple[plan.Value, Type]:
        try:
            value = literals.literal(msgspec.structs.replace(node, text=text), slot.type)
        except literals.Mistake as mistake:
            self._report.add(mistake.code, node.place, f"{slot.label} {mistake.wants}", mistake.hint)
            return plan.Literal(None), UNKNOWN
        return plan.Literal(value), _type_of_literal(value) if slot.type.kind == "any" else slot.type

    def _reference(self, node: Scalar, found: Found, slot: Slot) -> tuple[plan.Value, Type]:
        place = self._places(node, found.nth + 1)[found.nth]
        value, given, tree = self._parsed(found, place)
        if not fits(given, slot.type):
            self._mismatch(given, slot, place, found.source, tree)
            return value, UNKNOWN
        self._check_missing(given, slot, place, found.source)
        return value, given

    def _parsed(self, found: Found, place: Place) -> tuple[plan.Ref | plan.Expression, Type, jinja.Expr | None]:
        try:
            tree = parse_expression(found.source)
        except NotAllowed as error:
            code = codes.NOT_ALLOWED if error.forbidden else codes.BAD_REFERENCE
            message = error.message.replace("end of template", "end of the expression")
            hint = (did_you_mean(error.wrong, FILTERS) if error.wrong else _ALLOWED) if error.forbidden else ""
            if not found.source:
                message, hint = "this reference is empty", "name an input or a step: ${inputs.…}"
            self._report.add(code, place, message, hint)
            return plan.Ref(()), UNKNOWN, None
        given = Inference(self._scope, self._report, place).type_of(tree)
        path = path_of(tree)
        if path is not None:
            return plan.Ref(path), given, tree
        roots = tuple(dict.fromkeys(name.name for name in names_in(tree)))
        return plan.Expression(found.source, roots), given, tree

    def _text(self, node: Scalar, parts: list[str | Found], slot: Slot) -> tuple[plan.Value, Type]:
        made: list[plan.Literal | plan.Ref | plan.Expression] = []
        places = self._places(node, max(part.nth for part in parts if isinstance(part, Found)) + 1)
        for part in parts:
            if isinstance(part, str):
                made.append(plan.Literal(part))
                continue
            place = places[part.nth]
            value, given, _ = self._parsed(part, place)
            made.append(value)
            source = quoted("${" + part.source + "}")
            if given.kind == "union" and all(each.kind in _IN_TEXT for each in given.alternatives):
                pass
            elif given.kind not in _IN_TEXT:
                ports = offers(given)
                hint = f"join its items: ${{{part.source} | join(', ')}}" if given.kind == "list" else ""
                hint = f"it offers: {ports}" if ports else hint
                self._report.add(
                    codes.NOT_IN_TEXT, place, f"{source} is {given.phrase} and cannot stand inside text", hint
                )
            elif given.missing and not self._scope.tolerant:
                self._missing(place, source, "the text around it needs it", part.source)
        if not fits(TEXT, slot.type):
            self._report.add(
                codes.TYPE_MISMATCH,
                node.place,
                f"{slot.label} wants {slot.type}, but text around a reference makes text",
                "write the reference alone",
            )
        return plan.Text(tuple(made)), TEXT

    def _sequence(self, node: Sequence, slot: Slot) -> tuple[plan.Value, Type]:
        wanted = _alternative(slot.type, "list")
        if wanted.kind not in ("list", "any", "unknown"):
            return self._wrong_shape(node, slot)
        inner = Slot(f"an item of {slot.label}", wanted.item or ANY)
        found = [self.typed(item, inner) for item in node.items]
        try:
            literals.check_limits(node.items, wanted.limits)
        except literals.Mistake as mistake:
            self._report.add(mistake.code, node.place, f"{slot.label} {mistake.wants}", mistake.hint)
        item_type = UNKNOWN
        for _, given in found:
            item_type = common(item_type, given)
        return _folded_list([value for value, _ in found]), list_of(item_type)

    def _mapping(self, node: Mapping, slot: Slot) -> tuple[plan.Value, Type]:
        struct = _alternative(slot.type, "struct")
        if struct.kind == "struct" and struct.struct is not None:
            values = self.fields(node, fields_of(struct.struct), slot)
            return _folded_mapping(values), struct
        wanted = _alternative(slot.type, "mapping")
        if wanted.kind not in ("mapping", "any", "unknown"):
            return self._wrong_shape(node, slot)
        values = {
            name: self.compile(entry.value, Slot(f"{quoted(name)} in {slot.label}", wanted.item or ANY))
            for name, entry in node.entries.items()
        }
        return _folded_mapping(values), wanted if wanted.kind == "mapping" else Type("mapping")

    def fields(self, node: Mapping, fields: dict[str, Field], slot: Slot) -> dict[str, plan.Value]:
        """A mapping that stands for a struct: its keys are fields, and the required ones must be there."""
        values = {}
        for name, entry in node.entries.items():
            if name in fields:
                values[name] = self.field(entry, fields[name], slot)
            else:
                hint = did_you_mean(name, fields)
                self._report.add(codes.UNKNOWN_KEY, entry.key.place, f"{slot.label} has no {quoted(name)}", hint)
        for field in lacking(node.entries, fields):
            hint = f"it is {field.type.phrase}"
            self._report.add(codes.MISSING_FIELD, node.place, f"{slot.label} lacks '{field.name}'", hint)
        return values

    def field(self, entry: Entry, field: Field, owner: Slot) -> plan.Value:
        """The value of one field of a struct."""
        label = f"'{field.name}' of {owner.label}"
        return self.compile(entry.value, Slot(label, field.type, lacking=not field.required, ports=owner.ports))

    def _wrong_shape(self, node: Node, slot: Slot) -> tuple[plan.Value, Type]:
        self._report.add(codes.WRONG_SHAPE, node.place, f"{slot.label} wants {slot.type}, found {called(node)}")
        return plan.Literal(None), UNKNOWN

    def _mismatch(self, given: Type, slot: Slot, place: Place, source: str, tree: jinja.Expr | None) -> None:
        hints = []
        owner = tree.node if isinstance(tree, jinja.Getattr | jinja.Getitem) else tree
        path = path_of(owner) if owner is not None else None
        if path == ("inputs",):
            names = ", ".join(f"{name} ({kind})" for name, kind in self._scope.inputs.items())
            hints.append(f"inputs: {names}")
        elif path and owner is not None and (ports := offers(self._silent_type(owner, place))):
            hints.append(f"'{'.'.join(map(str, path))}' offers: {ports}")
        if slot.ports:
            hints.append(slot.ports)
        if slot.type.kind == "text" and given.kind in ("integer", "number", "boolean"):
            hints.insert(0, f"to make text of it, write ${{{source} | string}}")
        if given.kind == "list" and given.item is not None and fits(given.item, slot.type):
            hints.insert(0, "for one task an item, write it as 'for_each', and ${item} here")
        self._report.add(
            codes.TYPE_MISMATCH,
            place,
            f"{slot.label} wants {slot.type}, but {quoted('${' + source + '}')} is {given.phrase}",
            "\n".join(hints),
        )

    def _silent_type(self, tree: jinja.Node, place: Place) -> Type:
        """The type of a part of an expression that has been checked already."""
        scratch = Report(self._report.source)
        found = Inference(self._scope, scratch, place).type_of(tree)
        return found.item if found.kind == "list" and found.item else found

    def _check_missing(self, given: Type, slot: Slot, place: Place, source: str) -> None:
        if self._scope.tolerant or slot.type.kind in ("any", "unknown"):
            return
        if given.missing and not (slot.lacking or slot.type.missing):
            self._missing(place, quoted("${" + source + "}"), f"{slot.label} needs it", source)
        elif item_may_be_missing(given, slot.type):
            self._missing(place, f"an item of {quoted('${' + source + '}')}", f"{slot.label} needs all", source)

    def _missing(self, place: Place, what: str, who: str, source: str) -> None:
        root = source.split(".")[0]
        ways = [f"${{{source} | default(…)}}"]
        if root in self._scope.steps:
            ways += ["'optional: true' for this step", "the same 'when' for both"]
        self._report.add(
            codes.MAY_BE_MISSING, place, f"{what} may be missing, but {who}", "possible: " + ", or ".join(ways)
        )

    def _places(self, node: Scalar, least: int) -> list[Place]:
        """Where each `${` of the value stands; the value's own place for those that escapes hide."""
        found = self._report.source.find_all(node.place, "${")
        return found + [node.place] * (least - len(found))


def lacking(found: Iterable[str], fields: dict[str, Field]) -> list[Field]:
    """The required fields that are not there, without those that are there misspelt."""
    misspelt = {name for wrong in found if wrong not in fields for name in near(wrong, fields)}
    return [field for name, field in fields.items() if field.required and name not in {*found, *misspelt}]


def _alternative(wanted: Type, kind: str) -> Type:
    """Of a union the alternative of that kind, if there is one; any other type is itself."""
    return next((each for each in wanted.alternatives if each.kind == kind), wanted)


def _type_of_literal(value: Any) -> Type:
    if isinstance(value, bool):
        return Type("boolean")
    if isinstance(value, str):
        return Type("choice", choices=(value,))
    if value is None:
        return Type("nothing", missing=True)
    return Type("integer") if isinstance(value, int) else Type("number")


def _folded_list(values: list[plan.Value]) -> plan.Value:
    """One literal where nothing in the list is a reference."""
    written = [value.value for value in values if isinstance(value, plan.Literal)]
    return plan.Literal(written) if len(written) == len(values) else plan.Sequence(tuple(values))


def _folded_mapping(values: dict[str, plan.Value]) -> plan.Value:
    written = {name: value.value for name, value in values.items() if isinstance(value, plan.Literal)}
    return plan.Literal(written) if len(written) == len(values) else plan.Mapping(values)
