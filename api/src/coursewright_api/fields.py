"""Which fields of a request are wrong: all of them at once, each by its place."""

from __future__ import annotations

import re
from typing import Annotated, Any, get_args

import msgspec
from litestar import Request
from litestar.utils.scope.state import ScopeState
from msgspec import Meta

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field at fault."""

    pointer: Annotated[str, Meta(description="JSON Pointer (RFC 6901) into the body; empty for the whole.")] = ""
    parameter: Annotated[str, Meta(description="Or the parameter, such as `query:limit`.")] = ""
    code: Annotated[str, Meta(description="Stable name of the rule that is broken.")] = "invalid"
    message: Annotated[str, Meta(description="What was found and what was wanted.")]

    @property
    def name(self) -> str:
        """The field as a person would call it."""
        return self.parameter.partition(":")[2] or self.pointer.strip("/").replace("/", ".") or "the body"


def body_errors(request: Request[Any, Any, Any]) -> list[FieldError]:
    """All that is wrong in the JSON body that a route has refused; empty when that cannot be told.

    msgspec stops at the first problem of a struct, so each field of the outermost one is looked at by itself.
    """
    handler = request.scope.get("route_handler")
    signature = getattr(handler, "parsed_fn_signature", None)
    data = signature.parameters.get("data") if signature is not None else None
    body = ScopeState.from_scope(request.scope).body
    if data is None or not isinstance(body, bytes):
        return []
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return []
    structs = [
        kind
        for kind in (data.annotation, *get_args(data.annotation))
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    ]
    return errors_of(value, structs[0]) if structs else []


def is_utf8(request: Request[Any, Any, Any]) -> bool:
    """Is the body, as far as it was read, text?"""
    body = ScopeState.from_scope(request.scope).body
    try:
        return not isinstance(body, bytes) or bool(body.decode() or True)
    except UnicodeDecodeError:
        return False


def errors_of(value: Any, kind: type[msgspec.Struct]) -> list[FieldError]:
    """All that keeps a decoded JSON value from being a `kind`."""
    if not isinstance(value, dict):
        return [FieldError(message="expected an object")]
    found = []
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name not in value:
            if field.required:
                found.append(FieldError(pointer=f"/{_escaped(name)}", code="missing", message="is missing"))
            continue
        try:
            msgspec.convert(value[name], field.type)
        except msgspec.ValidationError as error:
            found.append(_from(error, name))
    found += [
        FieldError(pointer=f"/{_escaped(name)}", code="unknown", message="is not a field of this request")
        for name in value.keys() - fields.keys()
    ]
    if not found:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:  # a rule of the struct as a whole
            found.append(_from(error, ""))
    return sorted(found, key=lambda each: each.pointer)


def _from(error: msgspec.ValidationError, name: str) -> FieldError:
    reason, _, place = str(error).partition(" - at `$")
    steps = [key or index for key, index in _STEP.findall(place.rstrip("`"))]
    parts = ([name] if name else []) + steps
    return FieldError(pointer="".join(f"/{_escaped(part)}" for part in parts), message=reason[:1].lower() + reason[1:])


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
