"""The audit log: what matters for security, who did it, and from where."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from coursewright_api.database.columns import now
from coursewright_api.database.tables import AuditEvent


class Action(StrEnum):
    """What the log tells of."""

    setup = "setup"
    registered = "registered"
    invited = "invited"
    logged_in = "logged_in"
    login_failed = "login_failed"
    logged_out = "logged_out"
    logged_out_everywhere = "logged_out_everywhere"
    session_ended = "session_ended"
    token_reused = "token_reused"  # noqa: S105  # a name
    profile_changed = "profile_changed"
    password_changed = "password_changed"  # noqa: S105  # a name
    password_reset = "password_reset"  # noqa: S105  # a name
    link_made = "link_made"
    api_key_made = "api_key_made"
    api_key_revoked = "api_key_revoked"
    user_disabled = "user_disabled"
    user_enabled = "user_enabled"
    role_changed = "role_changed"
    consent_given = "consent_given"
    consent_revoked = "consent_revoked"
    share_link_made = "share_link_made"
    share_link_changed = "share_link_changed"
    share_link_revoked = "share_link_revoked"
    pipeline_created = "pipeline_created"
    pipeline_changed = "pipeline_changed"
    pipeline_restored = "pipeline_restored"
    pipeline_deleted = "pipeline_deleted"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request comes from."""

    address: str = ""
    user_agent: str = ""


async def note(
    action: Action,
    *,
    actor: UUID | None,
    name: str,
    subject: str = "",
    origin: Origin | None = None,
    **detail: Any,
) -> None:
    """Write an event, within the transaction that is open. `detail` must hold no secret."""
    await AuditEvent(
        at=now(),
        action=action.value,
        actor=actor,
        actor_name=_printable(name),
        subject=_printable(subject),
        address=(origin or Origin()).address[:64],
        detail=msgspec.json.encode(detail).decode() if detail else "",
    ).save()


def _printable(text: str) -> str:
    """What somebody typed, as it can be stored (PostgreSQL takes no NUL) and shown."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:254])
