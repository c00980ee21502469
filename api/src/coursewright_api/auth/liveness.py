"""Whether those who keep a connection open may still do so: many at once, in few queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from coursewright_api.auth.identity import Identity
from coursewright_api.database.columns import now
from coursewright_api.database.states import UserState
from coursewright_api.database.tables import ApiKey, Session

_AT_ONCE = 500
"""Values in one query; SQLite's limit is higher."""


async def living(who: Sequence[Identity]) -> Callable[[Identity], bool]:
    """Looks up all these sessions and API keys; the answer tells of each whether it still holds."""
    sessions = await _living(Session, {each.session_id for each in who if each.session_id is not None})
    keys = await _living(ApiKey, {each.api_key_id for each in who if each.api_key_id is not None})

    def alive(one: Identity) -> bool:
        return one.session_id in sessions if one.session_id is not None else one.api_key_id in keys

    return alive


async def _living(table: Any, ids: set[UUID]) -> set[UUID]:
    wanted, found = sorted(ids, key=str), set()
    ended = table.ended_at if table is Session else table.revoked_at
    for start in range(0, len(wanted), _AT_ONCE):
        rows = await table.select(table.id).where(
            table.id.is_in(wanted[start : start + _AT_ONCE]),
            ended.is_null(),
            table.expires_at.is_null() | (table.expires_at > now()),
            table.user.state == UserState.active.value,
        )
        found |= {row["id"] for row in rows}
    return found
