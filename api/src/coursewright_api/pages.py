"""Lists in pages: a cursor says where the next page begins, at a cost that does not grow with depth."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta

from coursewright_api.fields import FieldError
from coursewright_api.problems import invalid

T = TypeVar("T")

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[str, QueryParameter(max_length=400, description="`next_cursor` of the page before.")]


class Order(StrEnum):
    """Smallest or largest first."""

    asc = "asc"
    desc = "desc"


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Part of a list."""

    items: list[T]
    next_cursor: Annotated[str | None, Meta(description="Where the next page begins; null on the last one.")] = None


def page_of(rows: Sequence[dict[str, Any]], limit: int, show: Callable[[dict[str, Any]], T], *by: str) -> Page[T]:
    """A page of at most `limit` rows, from a query for one more. `by` are the columns that order it."""
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = base64.urlsafe_b64encode(msgspec.json.encode([last[name] for name in by])).decode().rstrip("=")
    return Page(items=[show(row) for row in rows[:limit]], next_cursor=following)


def after(cursor: str, kind: type[T]) -> T | None:
    """What a cursor holds, as a `kind` (a tuple of the ordering columns), or None without one. Raises a 422."""
    if not cursor:
        return None
    try:
        return msgspec.json.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_"), type=kind)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise invalid([FieldError(parameter="query:cursor", message="is not a cursor of this list")]) from None
