"""A whole pipeline: from text to a plan, or to every problem in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

import msgspec

from coursewright import plan
from coursewright.capabilities import CAPABILITIES
from coursewright.catalog import Catalog
from coursewright.compile import shape
from coursewright.compile.choosing import Chooser, check_overrides, read_defaults
from coursewright.compile.drafts import Draft, port, read_step
from coursewright.compile.graph import check_order, reaching
from coursewright.compile.inputs import Input, read_inputs
from coursewright.compile.prompts import Read
from coursewright.compile.scope import Scope, StepPort
from coursewright.compile.steps import StepCompiler
from coursewright.compile.types import ANY, TEXT, Type
from coursewright.compile.values import Slot, Values
from coursewright.document import codes
from coursewright.document import nodes as document
from coursewright.document.nodes import Entry
from coursewright.document.problems import Abandoned, Place, Problem, Report, quoted
from coursewright.document.reader import read as read_document

KEYS = ("name", "title", "description", "inputs", "defaults", "steps", "outputs")
MAX_STEPS = 1_000
_NAME = re.compile("[a-z][a-z0-9_-]{0,62}")


class CheckResult(msgspec.Struct, frozen=True):
    """Every problem in file order, and the plan when none of them is an error."""

    problems: tuple[Problem, ...] = ()
    plan: plan.Plan | None = None


def check(
    text: str | bytes,
    *,
    name: str,
    catalog: Catalog,
    read: Read,
    overrides: Mapping[str, str],
    preferred: Mapping[str, str],
) -> CheckResult:
    """Compile the text; what is wrong with it becomes problems, never an exception."""
    report, root = read_document(text, name)
    if root is None:
        return CheckResult(report.problems())
    try:
        compiler = _Pipeline(report, catalog, read, overrides, preferred)
        made = compiler.compile(root, name)
    except Abandoned:
        return CheckResult(report.problems())
    return CheckResult(report.problems(), None if report.failed else made)


class _Pipeline:
    def __init__(
        self, report: Report, catalog: Catalog, read: Read, overrides: Mapping[str, str], preferred: Mapping[str, str]
    ) -> None:
        self._report = report
        self._catalog = catalog
        self._read = read
        self._overrides = overrides
        self._preferred = preferred

    def compile(self, root: document.Mapping, file: str) -> plan.Plan:
        report = self._report
        keys = shape.known(report, root.entries, KEYS, "a pipeline")
        inputs = read_inputs(report, keys.get("inputs"))
        types = {name: each.type for name, each in inputs.items()}
        drafts = self._drafts(keys, root)
        ports = {draft.name: port(draft) for draft in drafts}
        compiler = StepCompiler(report, self._catalog, self._read, types, ports)
        compiled = [compiler.compile(draft) for draft in drafts]
        reads = {draft.name: scope.reads for draft, (_, scope) in zip(drafts, compiled, strict=True)}
        check_order(report, reads)
        outputs, outputs_scope = self._outputs(keys.get("outputs"), types, ports)
        if not report.failed:
            scopes = [*(scope for _, scope in compiled), outputs_scope]
            self._warn_of_unused_inputs(inputs, scopes)
            self._warn_of_unused_steps(drafts, reads, outputs_scope, keys, root)
        return plan.Plan(
            name=self._name(keys.get("name"), file),
            title=self._text(keys, "title"),
            description=self._text(keys, "description"),
            inputs=tuple(each.spec for each in inputs.values()),
            steps=tuple(step for step, _ in compiled),
            outputs=outputs,
        )

    def _drafts(self, keys: dict[str, Entry], root: document.Mapping) -> list[Draft]:
        report = self._report
        defaults = read_defaults(report, keys.get("defaults"), CAPABILITIES)
        chooser = Chooser(
            report, self._catalog, defaults=defaults, overrides=self._overrides, preferred=self._preferred
        )
        found = shape.entries(report, keys["steps"].value, "'steps'") if "steps" in keys else {}
        if not found:
            at = keys["steps"].key.place if "steps" in keys else root.place
            if "steps" not in keys or not report.failed:
                report.add(codes.MISSING_KEY, at, "a pipeline needs at least one step", "add it under 'steps:'")
        named = shape.named(report, found, "a step", shape.RESERVED)
        if len(named) > MAX_STEPS:
            at = keys["steps"].key.place
            report.add(codes.TOO_MANY_STEPS, at, f"{len(named)} steps are more than {MAX_STEPS}")
            raise Abandoned
        drafts = [
            read_step(report, chooser, name, position, entry) for position, (name, entry) in enumerate(named.items())
        ]
        capability_of = {name: name for name in CAPABILITIES}
        for draft in drafts:
            capability_of.setdefault(draft.name, draft.capability.name if draft.capability else "")
        check_overrides(report, chooser, self._catalog, self._overrides, capability_of)
        return drafts

    def _outputs(
        self, entry: Entry | None, types: dict[str, Type], ports: dict[str, StepPort]
    ) -> tuple[tuple[plan.Output, ...], Scope]:
        report = self._report
        scope = Scope(types, ports, len(ports))
        values = Values(report, scope)
        found = shape.entries(report, entry.value, "'outputs'") if entry else {}
        made = []
        for name, each in shape.named(report, found, "an output").items():
            before = len(scope.reads), len(scope.inputs_used)
            value, given = values.typed(each.value, Slot(f"output '{name}'", ANY))
            if isinstance(value, plan.Literal) and given.kind != "unknown":
                hint = "refer to a step's result: ${…}"
                report.add(codes.EMPTY_OUTPUT, each.value.place, f"output '{name}' refers to nothing", hint)
            skipped = [step for step, _ in scope.reads[before[0] :] if ports[step].may_be_skipped]
            if given.missing and skipped:
                message = f"output '{name}' is not made when step '{skipped[0]}' is skipped"
                report.add(codes.OUTPUT_MAY_BE_MISSING, each.value.place, message)
            made.append(plan.Output(name=name, value=value))
        return tuple(made), scope

    def _warn_of_unused_inputs(self, inputs: dict[str, Input], scopes: list[Scope]) -> None:
        used = {name for scope in scopes for name in scope.inputs_used}
        for name, each in inputs.items():
            if name not in used:
                hint = f"use it as ${{inputs.{name}}}, or remove it"
                self._report.add(codes.UNUSED_INPUT, each.entry.key.place, f"input '{name}' is never used", hint)

    def _warn_of_unused_steps(
        self,
        drafts: list[Draft],
        reads: dict[str, list[tuple[str, Place]]],
        outputs: Scope,
        keys: dict[str, Entry],
        root: document.Mapping,
    ) -> None:
        if not outputs.reads:
            at = keys["outputs"].key.place if "outputs" in keys else root.place
            hint = f"add for example 'outputs: {{result: ${{{drafts[-1].name}}}}}'" if drafts else ""
            self._report.add(codes.NO_OUTPUTS, at, "the pipeline has no outputs", hint)
            return
        used = reaching(reads, (name for name, _ in outputs.reads))
        for draft in drafts:
            if draft.name not in used:
                message = f"the result of {draft.what} reaches no output"
                hint = "name it in 'outputs', or remove it"
                self._report.add(codes.UNUSED_STEP, draft.entry.key.place, message, hint)

    def _name(self, entry: Entry | None, file: str) -> str:
        if entry is None:
            cleaned = re.sub("[^a-z0-9_-]+", "_", PurePath(file).stem.lower()).strip("_-")
            return cleaned if _NAME.fullmatch(cleaned) else "pipeline"
        written = shape.written(self._report, entry.value, TEXT, "'name'")
        if written is not None and not _NAME.fullmatch(written):
            hint = "use lower-case letters, digits, _ and -, and begin with a letter"
            self._report.add(codes.BAD_NAME, entry.value.place, f"{quoted(written)} cannot name a pipeline", hint)
        return written or ""

    def _text(self, keys: dict[str, Entry], key: str) -> str:
        return shape.written(self._report, keys[key].value, TEXT, f"'{key}'") or "" if key in keys else ""
