"""The capabilities in words: what each takes and gives, for the language reference."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from coursewright.capabilities import CAPABILITIES
from coursewright.capabilities.llm import RETURNS
from coursewright.compile.types import Field, Type, fields_of

_ROWS = "| field | type | |\n|---|---|---|\n"


def capabilities() -> str:
    """A Markdown section for each capability, then one for each struct that their fields hold."""
    named: dict[str, type[msgspec.Struct]] = {}
    sections = []
    for capability in CAPABILITIES.values():
        results = RETURNS if capability.name == "llm" else {"": capability.result}
        sections.append(
            f"### {capability.name}: {capability.summary}\n\n**takes**\n\n{_rows(capability.request, taken=True)}"
        )
        for result in dict.fromkeys(results.values()):
            names = [name for name, each in results.items() if name and each is result]
            title = f", with `returns: {'`, `'.join(names)}`" if names else ""
            sections.append(f"**gives{title}**\n\n{_rows(result)}")
        for struct in (capability.request, *results.values()):
            named |= {inner.name: inner.struct for inner in _inside(struct) if inner.struct is not None}
    shown = {capability.result for capability in CAPABILITIES.values()} | set(RETURNS.values())
    for name, struct in sorted(named.items()):
        if struct not in shown:
            sections.append(f"### {'An' if name[0] in 'aeiou' else 'A'} {name}\n\n{_rows(struct)}")
    return "\n".join(sections)


def _rows(struct: type[msgspec.Struct], *, taken: bool = False) -> str:
    rows = (
        f"| `{field.name}` | {field.type}{_remark(field, taken)} | {field.description} |\n"
        for field in fields_of(struct).values()
    )
    return _ROWS + "".join(rows)


def _remark(field: Field, taken: bool) -> str:
    if not taken:
        return ", may be missing" if field.type.missing else ""
    if field.required:
        return ", required"
    if isinstance(field.default, bool):
        return f"; {str(field.default).lower()}"
    return f"; {field.default}" if isinstance(field.default, str | int | float) and field.default != "" else ""


def _inside(struct: type[msgspec.Struct]) -> Iterator[Type]:
    """The structs that its fields hold, in lists and in each other."""
    for field in fields_of(struct).values():
        kind = field.type
        while kind.kind == "list" and kind.item is not None:
            kind = kind.item
        if kind.kind == "artifact":
            yield Type("struct", "file", struct=kind.struct)
        elif kind.kind == "struct" and kind.struct is not None:
            yield kind
            yield from _inside(kind.struct)
