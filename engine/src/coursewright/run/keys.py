"""Step keys: what a finished result is filed under.

A key stands for what decides a result: capability, provider and its version, the request with
artifacts by digest, the options. Ids, names and positions are left out, so that renaming or moving
a scene repeats no work.
"""

from __future__ import annotations

import functools
import hashlib
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.catalog import AnyProvider


def step_key(provider: AnyProvider, request: msgspec.Struct) -> str:
    """64 hex digits that are equal exactly when the result may be reused."""
    parts = [
        provider.capability,
        provider.name,
        provider.version,
        _content(request),
        _content(provider.options),
    ]
    if identity := provider.identity():
        parts.append(identity)
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def artifacts_in(value: Any) -> Iterator[Artifact]:
    """Every artifact that a struct, list or mapping refers to, at any depth."""
    if isinstance(value, Artifact):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from artifacts_in(getattr(value, name))
    elif isinstance(value, dict):
        for each in value.values():
            yield from artifacts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from artifacts_in(each)


def lengths_in(value: Any) -> Iterator[tuple[str, float]]:
    """Digest and length in seconds of every sound and film whose length a result tells, at any depth."""
    length_s = getattr(value, "duration_s", None)
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            field = getattr(value, name)
            if isinstance(field, Artifact) and length_s and field.media_type.startswith(("audio/", "video/")):
                yield field.digest, length_s
            else:
                yield from lengths_in(field)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from lengths_in(each)


def _content(value: Any) -> Any:
    """`value` as plain data without the fields that only identify it; artifacts by digest and kind."""
    if isinstance(value, msgspec.Struct):
        left_out = _identity_fields(type(value))
        return {name: _content(getattr(value, name)) for name in value.__struct_fields__ if name not in left_out}
    if isinstance(value, dict):
        return {str(name): _content(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_content(each) for each in value]
    return value


@functools.cache
def _identity_fields(struct: type[msgspec.Struct]) -> frozenset[str]:
    hints = typing.get_type_hints(struct, include_extras=True)
    return frozenset(
        name
        for name in struct.__struct_fields__
        if any(
            (meta.extra or {}).get("identity")
            for meta in getattr(hints[name], "__metadata__", ())
            if isinstance(meta, msgspec.Meta)
        )
    )
