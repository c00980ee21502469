"""What goes in and out of the routes for share links."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from coursewright_api.bodies import LINE, In

Title = Annotated[
    str,
    Meta(max_length=200, pattern=LINE, description="What viewers read above the film.", examples=["How tides work"]),
]
Lasts = Annotated[
    int, Meta(ge=60, le=157_680_000, description="Seconds from now until the link ends.", examples=[2_592_000])
]
Password = Annotated[
    str, Meta(min_length=4, max_length=200, description="What viewers must know besides.", examples=["low tide"])
]


class LinkState(StrEnum):
    """Whether a link can be opened."""

    open = "open"
    expired = "expired"
    revoked = "revoked"


class Role(StrEnum):
    """What a shared file is for."""

    film = "film"
    sound = "sound"
    captions = "captions"
    poster = "poster"
    course = "course"
    """A package that the player page plays."""
    other = "other"


class ShareRequest(In, frozen=True, kw_only=True):
    """A new link."""

    job_id: UUID
    title: Annotated[Title, Meta(description="Empty: the job's own.")] = ""
    expires_in_s: Lasts = 2_592_000
    may_download: Annotated[bool, Meta(description="May viewers save the files, all of the results?")] = False
    password: Password | None = None


class ShareChange(In, frozen=True, kw_only=True):
    """Fields that are left out stay as they are. A password of null removes it."""

    title: Title | UnsetType = UNSET
    expires_in_s: Lasts | UnsetType = UNSET
    may_download: bool | UnsetType = UNSET
    password: Password | UnsetType | None = UNSET


class Opening(In, frozen=True, kw_only=True):
    """The password of a link that has one."""

    password: Annotated[str, Meta(max_length=200)]


class ShareInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A link, for its owner."""

    id: UUID
    job_id: UUID
    title: str
    url: Annotated[str, Meta(description="The player page.")]
    token: Annotated[str, Meta(description="The last part of `url`; `/api/share/open/{token}` gives the same as JSON.")]
    embed: Annotated[str, Meta(description="HTML that shows the player in another page.")]
    state: LinkState
    may_download: bool
    has_password: bool
    opened: Annotated[int, Meta(description="How often.")]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class SharedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the link shows."""

    role: Role
    name: str
    media_type: str
    size_bytes: int
    url: Annotated[str, Meta(description="Works until `expires_at` of the whole, without credentials.")]


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What a link leads to."""

    title: str
    may_download: bool
    player_url: str
    course_url: Annotated[
        str | None, Meta(description="The page of the course's own player, where there is a package.")
    ]
    files: list[SharedFile]
    expires_at: Annotated[datetime, Meta(description="When the addresses in this answer end.")]
