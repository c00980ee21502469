"""Records: finished results in the store, under their step keys."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from coursewright.errors import ProviderBug
from coursewright.run.keys import artifacts_in
from coursewright.store.contract import Store

Result = TypeVar("Result", bound=msgspec.Struct)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A result as plain data, with what the author was told and what it took to make it."""

    result: Any
    provider: str
    provider_version: str
    seconds: float
    notices: tuple[str, ...] = ()


def read_record(store: Store, key: str, result_type: type[Result]) -> tuple[Result, Record] | None:
    """The finished result, or None. One that cannot be read counts as none: it is then made again."""
    data = store.read_record(key)
    if data is None:
        return None
    try:
        record = msgspec.json.decode(data, type=Record)
        return msgspec.convert(record.result, result_type), record
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def write_record(store: Store, key: str, record: Record) -> None:
    """File the result, so that no later run repeats the work."""
    store.write_record(key, msgspec.json.encode(record))


def checked(provider_id: str, result: Any, wanted: type[msgspec.Struct], store: Store) -> msgspec.Struct:
    """The result, if it is what the capability promises. Raises ProviderBug otherwise."""
    remedy = "report it to the plugin's author, or use another provider"
    if type(result) is not wanted:
        raise ProviderBug(
            f"'{provider_id}' returned {type(result).__name__}, wanted was {wanted.__name__}", remedy=remedy
        )
    try:
        msgspec.convert(msgspec.to_builtins(result), wanted)
    except (msgspec.ValidationError, TypeError) as error:
        raise ProviderBug(f"'{provider_id}' returned a wrong {wanted.__name__}: {error}", remedy=remedy) from None
    for artifact in artifacts_in(result):
        if not store.verify(artifact):
            raise ProviderBug(f"'{provider_id}' returned '{artifact.name}' without storing it", remedy=remedy)
    return result
