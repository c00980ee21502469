"""The types that values of a pipeline have, derived from the capabilities' and providers' structs."""

from __future__ import annotations

import functools
import re
from typing import Any, Literal, cast

import msgspec
from msgspec import inspect

from coursewright.capabilities.artifacts import Artifact
from coursewright.document.problems import listed

Kind = Literal[
    "text", "language", "integer", "number", "boolean", "choice", "artifact", "list", "mapping", "struct", "union",
    "any", "nothing", "unknown",
]  # fmt: skip
# BCP 47 as `capabilities.artifacts.Language` bounds it
LANGUAGE_TAG = re.compile("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
ARTIFACTS = ("document", "image", "audio", "video", "file")


class Limits(msgspec.Struct, frozen=True):
    """Limits on a number, or on the length of a text or list."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None


class Type(msgspec.Struct, frozen=True):
    """What a value is.

    `name` is the kind of an artifact or the name of a struct; `item` is what a list or mapping holds.
    `missing`: the value may not be there. `unknown` is the type of what is wrong already: it fits
    everywhere, so that one mistake is reported once.
    """

    kind: Kind
    name: str = ""
    item: Type | None = None
    choices: tuple[str | int, ...] = ()
    alternatives: tuple[Type, ...] = ()
    struct: type[msgspec.Struct] | None = None
    limits: Limits = Limits()
    missing: bool = False

    def __str__(self) -> str:
        if self.kind in ("artifact", "struct"):
            return self.name
        if self.kind == "list" and self.item:
            return f"list of {self.item}"
        if self.kind == "choice":
            return "one of " + listed(str(choice) for choice in self.choices)
        if self.kind == "union":
            return " or ".join(str(alternative) for alternative in self.alternatives)
        return {"any": "any value"}.get(self.kind, self.kind)

    @property
    def phrase(self) -> str:
        """What a value of this type is: `a number`, `an image`, `text`."""
        if self.kind in ("text", "choice", "union", "any", "nothing", "unknown") or self.name == "audio":
            return str(self)
        return f"{'an' if str(self)[0] in 'aeiou' else 'a'} {self}"


TEXT, LANGUAGE, INTEGER, NUMBER = Type("text"), Type("language"), Type("integer"), Type("number")
BOOLEAN, ANY, UNKNOWN, NOTHING = Type("boolean"), Type("any"), Type("unknown"), Type("nothing", missing=True)


def list_of(item: Type) -> Type:
    """The type of a list of such values."""
    return Type("list", item=item)


def artifact(kind: str) -> Type:
    """The type of an artifact of that kind."""
    return Type("artifact", kind, struct=Artifact)


def maybe(given: Type, missing: bool = True) -> Type:
    """The same type, also missing when `missing`."""
    return msgspec.structs.replace(given, missing=True) if missing and not given.missing else given


def present(given: Type) -> Type:
    """The same type, never missing."""
    return msgspec.structs.replace(given, missing=False) if given.missing else given


class Field(msgspec.Struct, frozen=True):
    """A field of a struct. `default` is what it is when nothing is given, None where that is made anew."""

    name: str
    type: Type
    required: bool
    description: str = ""
    default: Any = None
    template: bool = False
    literal: bool = False


@functools.cache
def fields_of(struct: type[msgspec.Struct]) -> dict[str, Field]:
    """The fields of a struct by name, in its order."""
    info = cast(inspect.StructType, inspect.type_info(struct))
    return {field.encode_name: _field(field) for field in info.fields}


def _field(field: inspect.Field) -> Field:
    extra: dict[str, Any] = {}
    description, node = "", field.type
    while isinstance(node, inspect.Metadata):
        extra |= node.extra or {}
        description = description or (node.extra_json_schema or {}).get("description", "")
        node = node.type
    return Field(
        name=field.encode_name,
        type=type_of(field.type),
        required=field.required,
        description=description,
        default=None if field.default is msgspec.NODEFAULT else field.default,
        template=bool(extra.get("template")),
        literal=bool(extra.get("returns")),
    )


def struct_type(struct: type[msgspec.Struct]) -> Type:
    """The type of an instance of the struct; its name in words is the class name's, in lower case."""
    return Type("struct", _words(struct.__name__), struct=struct)


def _words(name: str) -> str:
    return "".join(" " + char.lower() if char.isupper() and place else char.lower() for place, char in enumerate(name))


def type_of(info: inspect.Type, extra: dict[str, Any] | None = None) -> Type:
    """Translate msgspec's description of a type. What pipelines cannot check is `any`."""
    extra = extra or {}
    match info:
        case inspect.Metadata():
            return type_of(info.type, (info.extra or {}) | extra)
        case inspect.StructType():
            if issubclass(info.cls, Artifact):
                return artifact(extra.get("artifact", "file"))
            return struct_type(info.cls)
        case inspect.StrType():
            limits = Limits(min_length=info.min_length, max_length=info.max_length, pattern=info.pattern)
            return Type("language" if extra.get("type") == "language" else "text", limits=limits)
        case inspect.BoolType():
            return BOOLEAN
        case inspect.IntType() | inspect.FloatType():
            return Type(
                "integer" if isinstance(info, inspect.IntType) else "number",
                limits=Limits(ge=info.ge, gt=info.gt, le=info.le, lt=info.lt, multiple_of=info.multiple_of),
            )
        case inspect.LiteralType():
            return Type("choice", choices=tuple(sorted((value for value in info.values if value is not None), key=str)))
        case inspect.EnumType():
            return Type("choice", choices=tuple(member.value for member in info.cls))
        case inspect.UnionType():
            return _union(info, extra)
        case inspect.NoneType():
            return NOTHING
        case inspect.CollectionType():
            return Type(
                "list",
                item=type_of(info.item_type),
                limits=Limits(min_length=info.min_length, max_length=info.max_length),
            )
        case inspect.DictType():
            return Type("mapping", item=type_of(info.value_type))
    return ANY


def _union(info: inspect.UnionType, extra: dict[str, Any]) -> Type:
    found = [type_of(alternative, extra) for alternative in info.types]
    some = tuple(alternative for alternative in found if alternative.kind != "nothing")
    joined = some[0] if len(some) == 1 else Type("union", alternatives=some)
    return maybe(joined, missing=len(some) < len(found))


def fits(given: Type, wanted: Type) -> bool:
    """May a value of the one type stand where the other is wanted? Whether it may be missing is asked apart."""
    if "unknown" in (given.kind, wanted.kind) or "any" in (given.kind, wanted.kind) or given.kind == "nothing":
        return True
    if given.kind == "union":
        return all(fits(alternative, wanted) for alternative in given.alternatives)
    if wanted.kind == "union":
        return any(fits(given, alternative) for alternative in wanted.alternatives)
    if wanted.kind == "artifact":
        return given.kind == "artifact" and wanted.name in (given.name, "file")
    if wanted.kind in ("list", "mapping"):
        return given.kind == wanted.kind and fits(given.item or ANY, wanted.item or ANY)
    if wanted.kind == "struct":
        return given.kind == "struct" and given.struct is wanted.struct
    if wanted.kind == "choice":
        return given.kind == "choice" and set(given.choices) <= set(wanted.choices)
    if wanted.kind == "text":
        return given.kind in ("text", "language") or (given.kind == "choice" and _texts(given))
    if wanted.kind == "language" and given.kind == "choice":
        return all(LANGUAGE_TAG.fullmatch(str(choice)) for choice in given.choices)
    if wanted.kind == "number":
        return given.kind in ("integer", "number")
    return given.kind == wanted.kind


def _texts(given: Type) -> bool:
    return all(isinstance(choice, str) for choice in given.choices)


def item_may_be_missing(given: Type, wanted: Type) -> bool:
    """Is it a list whose items may be missing, for a list whose items may not?"""
    if given.kind != "list" or wanted.kind != "list" or not given.item or not wanted.item:
        return False
    here = given.item.missing and not wanted.item.missing and wanted.item.kind not in ("any", "unknown")
    return here or item_may_be_missing(given.item, wanted.item)


def common(first: Type, second: Type) -> Type:
    """The type of a value that is one or the other."""
    missing = first.missing or second.missing
    if first.kind in ("nothing", "unknown") or second.kind == "any":
        return maybe(second, missing)
    if fits(second, first) and second.kind != "unknown":
        return maybe(first, missing)
    if fits(first, second):
        return maybe(second, missing)
    return maybe(Type("union", alternatives=(present(first), present(second))), missing)


def offers(given: Type, limit: int = 12) -> str:
    """The fields of a struct with their types; empty for anything else."""
    if given.kind not in ("struct", "artifact") or given.struct is None:
        return ""
    return listed((f"{field.name} ({field.type})" for field in fields_of(given.struct).values()), limit)
