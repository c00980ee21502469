"""A step as it is written: its keys read and its providers chosen, its references not yet looked at."""

from __future__ import annotations

import msgspec

from coursewright.capabilities import CAPABILITIES, Capability, result_type
from coursewright.compile import shape
from coursewright.compile.choosing import Choice, Chooser
from coursewright.compile.scope import StepPort
from coursewright.compile.types import TEXT, UNKNOWN, Type, fields_of, list_of, struct_type
from coursewright.document import codes
from coursewright.document import nodes as document
from coursewright.document.nodes import Entry, Scalar
from coursewright.document.problems import Report, did_you_mean, quoted

KEYS = (
    "uses", "provider", "with", "for_each", "when", "needs", "retry", "timeout", "cache", "optional", "mixing", "title",
)  # fmt: skip
RENAMED = {"foreach": "for_each", "depends_on": "needs"}


class Draft(msgspec.Struct, frozen=True):
    """A step whose keys are read and whose providers are chosen; its values are not compiled yet."""

    name: str
    position: int
    entry: Entry
    keys: dict[str, Entry]
    capability: Capability | None
    choice: Choice
    returns: str | None
    optional: bool

    @property
    def when(self) -> str | None:
        """The condition as it is written."""
        entry = self.keys.get("when")
        return " ".join(entry.value.text.split()) if entry and isinstance(entry.value, Scalar) else None

    @property
    def what(self) -> str:
        return f"step '{self.name}'"


def read_step(report: Report, chooser: Chooser, name: str, position: int, entry: Entry) -> Draft:
    """The step's shape; its references are not looked at."""
    what = f"step '{name}'"
    keys = shape.known(report, shape.entries(report, entry.value, what), KEYS, what, RENAMED)
    capability, own = _uses(report, keys, what, entry)
    at = keys["uses"].value.place if "uses" in keys else entry.key.place
    choice = chooser.choose(name, capability.name, own, at) if capability else Choice(failed=True)
    optional = shape.flag(report, keys, "optional", what)
    return Draft(name, position, entry, keys, capability, choice, _returns(keys, capability), optional is True)


def _uses(
    report: Report, keys: dict[str, Entry], what: str, entry: Entry
) -> tuple[Capability | None, tuple[Scalar, ...]]:
    own = tuple(shape.several(report, keys["provider"].value, f"'provider' of {what}")) if "provider" in keys else ()
    if "uses" not in keys:
        if isinstance(entry.value, document.Mapping) or (isinstance(entry.value, Scalar) and entry.value.blank):
            hint = f"one of: {', '.join(CAPABILITIES)}"
            report.add(codes.MISSING_KEY, entry.key.place, f"{what} lacks 'uses'", hint)
        return None, own
    uses = keys["uses"].value
    text = shape.written(report, uses, TEXT, f"'uses' of {what}")
    if text is None or not isinstance(uses, Scalar):
        return None, own
    name, dot, provider = text.partition(".")
    if name not in CAPABILITIES:
        hint = did_you_mean(name, CAPABILITIES)
        report.add(codes.UNKNOWN_CAPABILITY, uses.place, f"no capability is called {quoted(name)}", hint)
        return None, own
    if dot and own:
        message = f"{what} names its provider twice, in 'uses' and in 'provider'"
        report.add(codes.CONTRADICTION, keys["provider"].key.place, message, f"write 'uses: {name}'")
        return CAPABILITIES[name], own
    return CAPABILITIES[name], (msgspec.structs.replace(uses, text=f"{name}.{provider}"),) if dot else own


def _returns(keys: dict[str, Entry], capability: Capability | None) -> str | None:
    """The literal under the request's field that names the result type; an unusable one is reported with `with`."""
    if capability is None or "with" not in keys or not isinstance(keys["with"].value, document.Mapping):
        return None
    for field in fields_of(capability.request).values():
        entry = keys["with"].value.entries.get(field.name)
        if field.literal and entry is not None and isinstance(entry.value, Scalar):
            return entry.value.text
    return None


def port(draft: Draft) -> StepPort:
    """What the step offers to the others."""
    return StepPort(_result(draft), draft.position, draft.when, draft.optional)


def _result(draft: Draft) -> Type:
    if draft.capability is None:
        return UNKNOWN
    try:
        single = struct_type(result_type(draft.capability.name, draft.returns))
    except KeyError:  # `returns` names no type
        return UNKNOWN
    return list_of(single) if "for_each" in draft.keys else single
