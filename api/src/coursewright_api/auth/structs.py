"""What goes in and out of the routes for accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from coursewright_api.auth.audit import Action
from coursewright_api.auth.identity import Scope
from coursewright_api.auth.rules import MAX_PASSWORD
from coursewright_api.bodies import LINE, In
from coursewright_api.database.states import Role, UserState

_PASSWORD_BYTES = 4 * MAX_PASSWORD
Email = Annotated[str, Meta(max_length=254, description="An e-mail address.", examples=["ada@example.org"])]
Username = Annotated[
    str, Meta(max_length=64, description="3 to 32 letters, digits, dots, hyphens, underscores.", examples=["ada"])
]
NewPassword = Annotated[
    str,
    Meta(
        max_length=_PASSWORD_BYTES,
        description="At least 10 characters, none of the usual ones, and not your own name.",
        examples=["correct horse battery"],
    ),
]
Password = Annotated[str, Meta(max_length=_PASSWORD_BYTES, examples=["correct horse battery"])]
FullName = Annotated[str, Meta(max_length=120, pattern=LINE, description="As others see it.", examples=["Ada King"])]
Token = Annotated[str, Meta(max_length=2048)]
Label = Annotated[str, Meta(min_length=1, max_length=80, pattern=LINE, examples=["nightly batch"])]


class Register(In, frozen=True, kw_only=True):
    """Open an account."""

    email: Email
    username: Username
    password: NewPassword
    full_name: FullName = ""
    accept_terms: Annotated[bool, Meta(description="Needed where the service has terms of use, `terms_url`.")] = False


class Setup(Register, frozen=True, kw_only=True):
    """Open the first admin's account, by the link that `coursewright serve` prints."""

    token: Annotated[Token, Meta(description="What stands behind `#token=` in the link.")]


class Login(In, frozen=True, kw_only=True):
    """Begin a session."""

    email: Email
    password: Password
    remember: Annotated[bool, Meta(description="Stay logged in for weeks instead of hours.")] = False
    cookies: Annotated[bool, Meta(description="Keep the tokens in HttpOnly cookies: for browsers.")] = False


class Refresh(In, frozen=True, kw_only=True):
    """Continue a session. Browsers send no token: it is in their cookie."""

    refresh_token: Token = ""


class ProfileChange(In, frozen=True, kw_only=True):
    """Fields that are left out stay as they are."""

    username: Username | msgspec.UnsetType = msgspec.UNSET
    full_name: FullName | msgspec.UnsetType = msgspec.UNSET
    email: Email | msgspec.UnsetType = msgspec.UNSET
    password: Annotated[Password, Meta(description="The present password; needed for another e-mail address.")] = ""


class PasswordChange(In, frozen=True, kw_only=True):
    """Another password. All other sessions end."""

    current_password: Password
    new_password: NewPassword


class PasswordByLink(In, frozen=True, kw_only=True):
    """A new password, by a one-time link. All sessions end."""

    token: Token
    new_password: NewPassword


class ApiKeyRequest(In, frozen=True, kw_only=True):
    """A new API key."""

    name: Label
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3, examples=[["read", "write"]])]
    expires_in_s: Annotated[int, Meta(ge=60, le=315_360_000)] | None = None


class Invitation(In, frozen=True, kw_only=True):
    """An account for somebody, who chooses the password by the link in the answer."""

    email: Email
    username: Username
    full_name: FullName = ""
    role: Role = Role.author


class RoleChange(In, frozen=True, kw_only=True):
    """Another role."""

    role: Role


class _Out(msgspec.Struct, frozen=True, kw_only=True):
    """What the service answers."""


class Registered(_Out, frozen=True, kw_only=True):
    """The same answer whether or not the address had an account, so that nobody learns who has one."""

    message: str = (
        "You can log in now. If that fails, the address has an account already: log in with its password, "
        "or ask an admin for a new one."
    )


class TokenPair(_Out, frozen=True, kw_only=True):
    """The tokens of a session. In a browser's answer both are null: they are in cookies."""

    access_token: str | None
    refresh_token: str | None
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a type
    expires_in_s: Annotated[int, Meta(description="Seconds until the access token expires.")]
    session_expires_at: datetime
    csrf_token: Annotated[str | None, Meta(description="For browsers: send it as X-CSRF-Token.")] = None


class Profile(_Out, frozen=True, kw_only=True):
    """A person's account, as they see it themselves."""

    id: UUID
    email: str
    username: str
    full_name: str
    role: Role
    created_at: datetime
    last_login_at: datetime | None


class Account(Profile, frozen=True, kw_only=True):
    """A person's account, as an admin sees it."""

    state: UserState
    invited: Annotated[bool, Meta(description="Has not chosen a password yet.")]


class SessionInfo(_Out, frozen=True, kw_only=True):
    """A session that lasts."""

    id: UUID
    current: bool
    remembered: bool
    address: str
    user_agent: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime


class ApiKeyInfo(_Out, frozen=True, kw_only=True):
    """An API key, without the key."""

    id: UUID
    name: str
    hint: Annotated[str, Meta(description="Its first characters.", examples=["cwk_Zx81aB"])]
    scopes: list[Scope]
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


class NewApiKey(_Out, frozen=True, kw_only=True):
    """A new API key. This is the only time that the key is shown."""

    key: str
    info: ApiKeyInfo


class Rules(_Out, frozen=True, kw_only=True):
    """What a page needs to know before anybody is logged in."""

    registration: Literal["open", "closed"]
    terms_url: Annotated[str, Meta(description="The terms of use; empty: there are none.")]
    setup_needed: Annotated[bool, Meta(description="There is no admin yet.")]
    password_min_length: int
    password_max_length: int


class Invited(_Out, frozen=True, kw_only=True):
    """The new account, and the link to give to its owner."""

    account: Account
    link: str
    token: str
    expires_at: datetime


class LinkMade(_Out, frozen=True, kw_only=True):
    """A link to give to the account's owner. It is shown this once."""

    link: str
    token: str
    expires_at: datetime


class AuditEntry(_Out, frozen=True, kw_only=True):
    """An event of the audit log."""

    id: int
    at: datetime
    action: Action
    actor_id: UUID | None
    actor: str
    subject: str
    address: str
    detail: dict[str, Any]


class Holding(_Out, frozen=True, kw_only=True):
    """What one person's files take."""

    user_id: UUID
    username: str
    files: int
    size_bytes: int


class Storage(_Out, frozen=True, kw_only=True):
    """What everybody's files take, deleted ones too as long as they can be restored."""

    files: int
    size_bytes: int
    quota_bytes: Annotated[int | None, Meta(description="What each person may store; null: no limit.")]
    people: Annotated[list[Holding], Meta(description="The 100 with most, most first.")]
