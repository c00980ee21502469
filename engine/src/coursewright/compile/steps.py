"""One step: from its draft to `plan.Step`."""

from __future__ import annotations

from typing import Any

import msgspec

from coursewright import plan
from coursewright.catalog import Catalog
from coursewright.compile import shape
from coursewright.compile.drafts import Draft
from coursewright.compile.prompts import Read
from coursewright.compile.references import Found, Unclosed, certain_paths, split
from coursewright.compile.scope import Path, Scope, StepPort
from coursewright.compile.types import ANY, BOOLEAN, INTEGER, TEXT, UNKNOWN, Limits, Type, fields_of, offers
from coursewright.compile.values import Slot, Values
from coursewright.compile.with_values import WithCompiler
from coursewright.document import codes, scalars
from coursewright.document.nodes import Entry, Scalar, called
from coursewright.document.problems import Place, Report, did_you_mean, quoted
from coursewright.sandbox import NotAllowed, names_in, parse_expression

MAX_ATTEMPTS = 10
MAX_BACKOFF_S = 3600.0
MAX_TIMEOUT_S = 24 * 3600.0


class StepCompiler:
    """Compiles the values of the steps of one pipeline."""

    def __init__(
        self, report: Report, catalog: Catalog, read: Read, inputs: dict[str, Type], ports: dict[str, StepPort]
    ) -> None:
        self._report = report
        self._with = WithCompiler(report, catalog, read)
        self._inputs = inputs
        self._ports = ports

    def compile(self, draft: Draft) -> tuple[plan.Step, Scope]:
        """The plan's step, and the scope that knows what it refers to."""
        scope = Scope(self._inputs, self._ports, draft.position)
        values = Values(self._report, scope)
        scope.known_present = self._certain(draft)
        scope.tolerant = draft.optional
        for_each = self._for_each(draft, values, scope)
        when = self._when(draft, scope)
        fields = self._with.compile(draft, values)
        needs = self._needs(draft)
        scope.reads += needs
        step = plan.Step(
            name=draft.name,
            title=self._text(draft, "title") or draft.name,
            capability=draft.capability.name if draft.capability else "",
            providers=draft.choice.ids,
            values=fields,
            for_each=for_each,
            when=when,
            needs=tuple(name for name, _ in needs),
            reads=tuple(dict.fromkeys(name for name, _ in scope.reads[: len(scope.reads) - len(needs)])),
            retry=self._retry(draft),
            timeout_s=self._seconds(draft.keys, "timeout", draft.what, MAX_TIMEOUT_S),
            cache=shape.flag(self._report, draft.keys, "cache", draft.what),
            optional=draft.optional,
            mixing=self._mixing(draft),
            returns=draft.returns,
        )
        return step, scope

    def _when(self, draft: Draft, scope: Scope) -> plan.Value | None:
        if "when" not in draft.keys:
            return None
        values = Values(self._report, msgspec.structs.replace(scope, known_present=set(), tolerant=False))
        node = draft.keys["when"].value
        label = f"'when' of {draft.what}"
        written = isinstance(node, Scalar) and "${" not in node.text
        if written and isinstance(node, Scalar) and node.text not in ("true", "false"):
            hint = "write the condition as ${…}"
            self._report.add(
                codes.NOT_A_CONDITION, node.place, f"{label} holds no reference, so it never changes", hint
            )
            return None
        value, given = values.typed(node, Slot(label, BOOLEAN if written else ANY))
        if not _condition(given):
            hint = "compare it with something, such as ${… > 3}"
            self._report.add(
                codes.NOT_A_CONDITION, node.place, f"{label} is {given.phrase}, neither true nor false", hint
            )
        return value

    def _certain(self, draft: Draft) -> set[Path]:
        """What is there whenever this step runs: what its condition asks for, and steps of the same condition."""
        if draft.when is None:
            return set()
        try:
            parts = split(draft.when)
            tree = parse_expression(parts[0].source) if isinstance(parts[0], Found) and len(parts) == 1 else None
        except (NotAllowed, Unclosed):
            tree = None
        if tree is None:
            return set()
        certain = {path[: end + 1] for path in certain_paths(tree) for end in range(len(path))}
        if {name.name for name in names_in(tree)} & {"item", "index"}:  # decided item by item
            return certain
        return certain | {
            (name,) for name, port in self._ports.items() if port.when == draft.when and not port.optional
        }

    def _for_each(self, draft: Draft, values: Values, scope: Scope) -> plan.Value | None:
        if "for_each" not in draft.keys:
            return None
        node = draft.keys["for_each"].value
        label = f"'for_each' of {draft.what}"
        value, given = values.typed(node, Slot(label, ANY))
        scope.item = UNKNOWN
        if given.kind == "list":
            scope.item = given.item or ANY
        elif given.kind == "any":
            scope.item = ANY
        elif given.kind != "unknown":
            lists = (
                [] if given.struct is None else [f for f in fields_of(given.struct).values() if f.type.kind == "list"]
            )
            hint = "its lists: " + ", ".join(f.name for f in lists) if lists else offers(given)
            self._report.add(codes.NOT_A_LIST, node.place, f"{label} wants a list, found {given.phrase}", hint)
        if given.missing and not draft.optional:
            hint = "possible: … | default([]), or 'optional: true', or the same 'when' for both"
            self._report.add(codes.MAY_BE_MISSING, node.place, f"{label} goes over a list that may be missing", hint)
        return value

    def _needs(self, draft: Draft) -> list[tuple[str, Place]]:
        if "needs" not in draft.keys:
            return []
        found = []
        for name in shape.several(self._report, draft.keys["needs"].value, f"'needs' of {draft.what}"):
            if name.text in self._ports:
                found.append((name.text, name.place))
            else:
                hint = did_you_mean(name.text, self._ports)
                self._report.add(codes.UNKNOWN_STEP, name.place, f"no step is called {quoted(name.text)}", hint)
        return found

    def _retry(self, draft: Draft) -> plan.Retry | None:
        if "retry" not in draft.keys:
            return None
        what = f"'retry' of {draft.what}"
        entries = shape.entries(self._report, draft.keys["retry"].value, what)
        keys = shape.known(self._report, entries, ("attempts", "backoff"), what)
        attempts: Any = None
        if "attempts" in keys:
            wanted = msgspec.structs.replace(INTEGER, limits=Limits(ge=1, le=MAX_ATTEMPTS))
            attempts = shape.written(self._report, keys["attempts"].value, wanted, f"'attempts' of {what}")
        backoff_s = self._seconds(keys, "backoff", what, MAX_BACKOFF_S)
        kept = {"attempts": attempts, "backoff_s": backoff_s}
        return plan.Retry(**{name: value for name, value in kept.items() if value is not None})

    def _seconds(self, keys: dict[str, Entry], key: str, what: str, most_s: float) -> float | None:
        if key not in keys:
            return None
        node, label = keys[key].value, f"'{key}' of {what}"
        if not isinstance(node, Scalar):
            self._report.add(codes.WRONG_SHAPE, node.place, f"{label} wants a duration, found {called(node)}")
            return None
        try:
            seconds = scalars.duration_s(node)
        except scalars.NotOfType as error:
            message = f"{label} wants a duration, found {quoted(node.text)}"
            self._report.add(codes.WRONG_VALUE, node.place, message, error.hint)
            return None
        if not 0 < seconds <= most_s:
            message = f"{label} must be more than 0s and at most {most_s / 3600:g}h, found {quoted(node.text)}"
            self._report.add(codes.OUTSIDE_LIMITS, node.place, message)
            return None
        return seconds

    def _mixing(self, draft: Draft) -> bool:
        mixing = bool(shape.flag(self._report, draft.keys, "mixing", draft.what))
        if mixing and "for_each" not in draft.keys:
            message = f"'mixing' has no effect: {draft.what} has no for_each"
            self._report.add(codes.NO_EFFECT, draft.keys["mixing"].key.place, message)
        return mixing

    def _text(self, draft: Draft, key: str) -> str:
        if key not in draft.keys:
            return ""
        return shape.written(self._report, draft.keys[key].value, TEXT, f"'{key}' of {draft.what}") or ""


def _condition(given: Type) -> bool:
    """Can it be false? A value that is always there and is no yes or no is a slip."""
    if given.kind == "union":
        return given.missing or any(_condition(each) for each in given.alternatives)
    return given.missing or given.kind in ("boolean", "list", "text", "mapping", "any", "unknown", "nothing")
