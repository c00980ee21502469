"""Which fields of a request are wrong: all of them at once, each by its place."""

from __future__ import annotations

import re
from typing import Annotated, Any, get_args

import msgspec
from litestar import Request
from litestar.exceptions import ValidationException
from litestar.utils.scope.state import ScopeState
from msgspec import Meta

_OF_VALUE = " - at `$"
_OF_KEY = " - at `key` in `$"
"""How msgspec says where a problem is."""
_ENTRY = "/..."
"""Of a mapping, whichever it is."""
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


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON is taken at its word: Litestar alone would read 0 as false, and "3" as 3."""

    async def json(self) -> Any:
        value = await super().json()
        kind = _body_of(self)
        if kind is None or value is None:
            return value
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise ValidationException(str(error)) from None


def body_errors(request: Request[Any, Any, Any]) -> list[FieldError]:
    """All that is wrong in the JSON body that a route has refused; empty when that cannot be told.

    msgspec stops at the first problem of a struct, so each field of the outermost one is looked at by itself.
    """
    kind = _body_of(request)
    body = ScopeState.from_scope(request.scope).body
    if kind is None or not isinstance(body, bytes):
        return []
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return []
    return errors_of(value, kind)


def sent_name(request: Request[Any, Any, Any], parameter: str) -> str:
    """What clients call a parameter of the request's route: `type`, where Python needs another name."""
    definition = _parameters(request).get(parameter)
    return getattr(definition.kwarg_definition, "name", None) or parameter if definition is not None else parameter


def _body_of(request: Request[Any, Any, Any]) -> type[msgspec.Struct] | None:
    """What the request's route takes as JSON."""
    data = _parameters(request).get("data")
    if data is None:
        return None
    kinds = (data.annotation, *get_args(data.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)), None)


def _parameters(request: Request[Any, Any, Any]) -> dict[str, Any]:
    signature = getattr(request.scope.get("route_handler"), "parsed_fn_signature", None)
    return signature.parameters if signature is not None else {}


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
        found += _wrong_in(value[name], field.type, name)
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


def _wrong_in(value: Any, kind: Any, name: str) -> list[FieldError]:
    """What is wrong in a field; of a mapping, in each entry, since msgspec does not say of which it speaks."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        whole = _from(error, name)
    else:
        return []
    if not isinstance(value, dict) or _ENTRY not in whole.pointer:
        return [whole]
    return [
        msgspec.structs.replace(each, pointer=each.pointer.replace(_ENTRY, f"/{_escaped(key)}", 1))
        for key, entry in value.items()
        for each in (_wrong_in({key: entry}, kind, name) if len(value) > 1 else [whole])
    ]


def _from(error: msgspec.ValidationError, name: str) -> FieldError:
    reason, _, place = str(error).replace(_OF_KEY, _OF_VALUE).partition(_OF_VALUE)
    steps = [key or index for key, index in _STEP.findall(place.rstrip("`"))]
    parts = ([name] if name else []) + steps
    return FieldError(pointer="".join(f"/{_escaped(part)}" for part in parts), message=reason[:1].lower() + reason[1:])


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
