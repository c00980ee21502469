"""The values under `with`: fields of the capability's request, and options of the step's providers."""

from __future__ import annotations

from coursewright import plan
from coursewright.catalog import Catalog
from coursewright.compile import shape
from coursewright.compile.drafts import Draft
from coursewright.compile.prompts import Read, read_prompt
from coursewright.compile.types import ANY, TEXT, UNKNOWN, Field, fields_of, offers, struct_type
from coursewright.compile.values import Slot, Values, lacking
from coursewright.document import codes
from coursewright.document.nodes import Entry, Scalar
from coursewright.document.problems import Report, did_you_mean, quoted


class WithCompiler:
    """Compiles `with` of the steps of one pipeline."""

    def __init__(self, report: Report, catalog: Catalog, read: Read) -> None:
        self._report = report
        self._catalog = catalog
        self._read = read

    def compile(self, draft: Draft, values: Values) -> dict[str, plan.Value]:
        """The values by key, with what no chosen provider knows left out."""
        capability = draft.capability
        entry = draft.keys.get("with")
        found = shape.entries(self._report, entry.value, f"'with' of {draft.what}") if entry else {}
        if capability is None:
            return self._untyped(draft, found, values)
        fields = fields_of(capability.request)
        ports = f"'{capability.name}' takes: {offers(struct_type(capability.request))}"
        owner = Slot(draft.what, ANY, ports=ports)
        made: dict[str, plan.Value] = {}
        for name, each in found.items():
            value = self._value(draft, name, each, fields, owner, values, found)
            if value is not None:
                made[name] = value
        for field in lacking(found, fields):
            at = entry.key.place if entry else draft.entry.key.place
            message = f"{draft.what} lacks '{field.name}' ({field.type}), which '{capability.name}' needs"
            self._report.add(codes.MISSING_FIELD, at, message, ports)
        return made

    def _untyped(self, draft: Draft, found: dict[str, Entry], values: Values) -> dict[str, plan.Value]:
        """What the step is given still counts as used, though nobody knows what it is for."""
        return {
            name: values.compile(each.value, Slot(f"'{name}' of {draft.what}", UNKNOWN)) for name, each in found.items()
        }

    def _value(
        self,
        draft: Draft,
        name: str,
        entry: Entry,
        fields: dict[str, Field],
        owner: Slot,
        values: Values,
        beside: dict[str, Entry],
    ) -> plan.Value | None:
        field = fields.get(name)
        if field is None:
            return self._option(draft, name, entry, fields, owner, values)
        label = f"'{name}' of {draft.what}"
        if field.template:
            path = shape.written(self._report, entry.value, TEXT, label)
            if path is None or not isinstance(entry.value, Scalar):
                return None
            return read_prompt(self._report, self._read, path, entry.value, label, beside.get("data"))
        if field.literal:
            value = shape.written(self._report, entry.value, field.type, label)
            return None if value is None else plan.Literal(value)
        return values.field(entry, field, owner)

    def _option(
        self, draft: Draft, name: str, entry: Entry, fields: dict[str, Field], owner: Slot, values: Values
    ) -> plan.Value | None:
        choice = draft.choice
        knowing = [options[name] for each in choice.ids if name in (options := self._options(each))]
        if knowing:
            compiled = [values.field(entry, field, owner) for field in knowing]  # each provider may set other limits
            return compiled[0]
        values.compile(entry.value, Slot("", UNKNOWN))
        if choice.failed:
            return None
        aside = [each for each in choice.set_aside if name in self._options(each)]
        if aside:
            message = f"'{name}' is an option of {aside[0]}, which is not used this time"
            self._report.add(codes.UNUSED_OPTION, entry.key.place, message)
        elif choice.absent:
            message = f"{quoted(name)} is known to no installed provider of {draft.what}"
            hint = f"it may be an option of {choice.absent[0]}, which is not installed"
            self._report.add(codes.UNUSED_OPTION, entry.key.place, message, hint)
        else:
            self._unknown_field(draft, name, entry, fields, owner)
        return None

    def _unknown_field(self, draft: Draft, name: str, entry: Entry, fields: dict[str, Field], owner: Slot) -> None:
        capability = draft.capability.name if draft.capability else ""
        options = [option for each in draft.choice.ids for option in self._options(each)]
        near = did_you_mean(name, [*fields, *options])
        elsewhere = [
            each
            for each in self._catalog.offers
            if each.startswith(f"{capability}.") and each not in draft.choice.ids and name in self._options(each)
        ]
        hints = [near] if near.startswith("did") else []
        if elsewhere:
            hints.append(f"it is an option of {elsewhere[0]}, which this step does not use")
        elif not hints:
            hints.append(owner.ports)
            hints += [f"options of {each}: {', '.join(self._options(each)) or 'none'}" for each in draft.choice.ids[:3]]
        message = f"neither '{capability}' nor {_either(draft.choice.ids)} knows {quoted(name)}"
        self._report.add(codes.UNKNOWN_FIELD, entry.key.place, message, "\n".join(hints))

    def _options(self, provider_id: str) -> dict[str, Field]:
        return fields_of(self._catalog.provider(provider_id).Options)


def _either(ids: tuple[str, ...]) -> str:
    return " nor ".join(f"'{each}'" for each in ids[:3])
