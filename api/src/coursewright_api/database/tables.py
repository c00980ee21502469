"""The tables. What changes here needs a migration: `migrations` says how one is written."""

from __future__ import annotations

from enum import StrEnum

from piccolo.columns import UUID, BigInt, BigSerial, Boolean, ForeignKey, Integer, OnDelete, Text, Varchar
from piccolo.table import Table

from coursewright_api.database.columns import Time


class Role(StrEnum):
    """What a person may do; each role may do all that the one before may."""

    author = "author"
    designer = "designer"
    admin = "admin"

    def includes(self, other: Role) -> bool:
        """May this role do what `other` may?"""
        order = list(Role)
        return order.index(self) >= order.index(other)


class UserState(StrEnum):
    """Whether a person may log in."""

    active = "active"
    disabled = "disabled"


class EndReason(StrEnum):
    """Why a session ended before its time."""

    logout = "logout"
    logout_everywhere = "logout_everywhere"
    password_changed = "password_changed"  # noqa: S105  # a reason
    token_reused = "token_reused"  # noqa: S105  # a reason
    disabled = "disabled"


class LinkPurpose(StrEnum):
    """What a one-time link is for."""

    setup = "setup"
    password = "password"  # noqa: S105  # a purpose


class User(Table, tablename="users"):
    """A person with an account."""

    id = UUID(primary_key=True)
    email = Varchar(length=254, unique=True)
    """Lower case."""
    username = Varchar(length=32)
    """As the person writes it."""
    username_key = Varchar(length=32, unique=True)
    """Lower case: two names that differ in case only are one."""
    full_name = Varchar(length=120)
    password_hash = Varchar(length=200)
    """Argon2id. Empty for an invited person who has not chosen one."""
    role = Varchar(length=32, choices=Role, default=Role.author)
    state = Varchar(length=32, choices=UserState, default=UserState.active)
    created_at = Time()
    updated_at = Time()
    last_login_at = Time()


class Session(Table, tablename="session"):
    """A login: the family of refresh tokens that follow one another from it."""

    id = UUID(primary_key=True)
    user = ForeignKey(User, on_delete=OnDelete.cascade, null=False, index=True)
    generation = Integer(default=0)
    """How often the refresh token was replaced. Only the newest is good."""
    remembered = Boolean(default=False)
    address = Varchar(length=64)
    user_agent = Varchar(length=200)
    created_at = Time()
    used_at = Time()
    """When it was refreshed last."""
    expires_at = Time(index=True)
    ended_at = Time()
    end_reason = Varchar(length=32, choices=EndReason, null=True, default=None)


class ApiKey(Table, tablename="api_key"):
    """A key for a program. The key itself is shown once and kept nowhere."""

    id = UUID(primary_key=True)
    user = ForeignKey(User, on_delete=OnDelete.cascade, null=False, index=True)
    name = Varchar(length=80)
    hint = Varchar(length=16)
    """The key's first characters, to tell keys apart."""
    digest = Varchar(length=64, unique=True)
    """SHA-256: the key has 256 random bits, so nothing slower is needed."""
    scopes = Varchar(length=80)
    """Separated by spaces."""
    created_at = Time()
    used_at = Time()
    expires_at = Time()
    revoked_at = Time()


class OneTimeLink(Table, tablename="one_time_link"):
    """A link that works once: the first admin's set-up, or a new password."""

    id = UUID(primary_key=True)
    purpose = Varchar(length=32, choices=LinkPurpose, default=LinkPurpose.password)
    digest = Varchar(length=64, unique=True)
    user = ForeignKey(User, on_delete=OnDelete.cascade, null=True, default=None, index=True)
    created_at = Time()
    expires_at = Time(index=True)
    used_at = Time()


class Throttle(Table, tablename="throttle"):
    """How often something was tried in the running window. The key is a hash: no address is kept in the clear."""

    key = Varchar(length=64, primary_key=True)
    tries = Integer(default=0)
    ends = BigInt(default=0, index=True)
    """End of the window, seconds since 1970."""


class AuditEvent(Table, tablename="audit_event"):
    """Something that matters for security, and who did it."""

    id = BigSerial(primary_key=True)
    at = Time(index=True)
    action = Varchar(length=40)
    actor = ForeignKey(User, on_delete=OnDelete.set_null, null=True, default=None)
    actor_name = Varchar(length=254)
    subject = Varchar(length=254)
    """Whom or what it was done to."""
    address = Varchar(length=64)
    detail = Text()


TABLES: tuple[type[Table], ...] = (User, Session, ApiKey, OneTimeLink, Throttle, AuditEvent)
"""All tables, in the order in which they refer to each other."""
