"""What goes in and out of the routes for assets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from coursewright_api.bodies import END, LINE, Description, In
from coursewright_api.database.states import AssetState, AssetType
from coursewright_api.files.links import Link

Name = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=LINE, description="As people see it.", examples=["My portrait"])
]


class UploadType(StrEnum):
    """What a file that is uploaded may be for."""

    portrait = "portrait"
    voice_sample = "voice_sample"
    script = "script"
    document = "document"
    slide_theme = "slide_theme"


class Sort(StrEnum):
    """What a list is ordered by."""

    created = "created"
    name = "name"
    size = "size"


class UploadRequest(In, frozen=True, kw_only=True):
    """A file that is to be sent to the store directly."""

    file_name: Annotated[str, Meta(min_length=1, max_length=1_000, examples=["ada.png"])]
    type: UploadType
    size_bytes: Annotated[int, Meta(ge=1, le=2**50, description="Exactly as many must then be sent.")]
    media_type: Annotated[
        str,
        Meta(max_length=127, pattern=rf"^[\w.+-]+/[\w.+-]+{END}", description="What the file is found to be counts."),
    ] = "application/octet-stream"
    name: Name | None = None
    description: Description = ""


class Registration(In, frozen=True, kw_only=True):
    """A file that was sent to the store."""

    asset_id: UUID
    name: Name | None = None
    description: Description | None = None


class AssetChange(In, frozen=True, kw_only=True):
    """What is to change; what is left out stays."""

    name: Name | None = None
    description: Description | None = None


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a form that come with a file."""

    type: UploadType
    name: Name | None = None
    description: Description = ""


class AssetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a person owns."""

    id: UUID
    type: AssetType
    state: AssetState
    reason: Annotated[str, Meta(description="Why it failed.")]
    name: str
    description: str
    file_name: Annotated[str, Meta(description="What it is saved as.")]
    media_type: Annotated[str, Meta(description="What it was found to be.")]
    size_bytes: int
    width_px: int | None
    height_px: int | None
    duration_s: float | None
    notes: Annotated[list[str], Meta(description="What its owner should know about it.")]
    has_preview: bool
    job_id: Annotated[UUID | None, Meta(description="The job that made it.")]
    output: Annotated[str, Meta(description="Which output of that job it is.")]
    upload_expires_at: Annotated[datetime | None, Meta(description="Until when its bytes can be sent.")]
    created_at: datetime
    updated_at: datetime


class AssetDetail(AssetInfo, frozen=True, kw_only=True):
    """The same with a link to its bytes, once it is ready."""

    download: Link | None


class UploadTarget(msgspec.Struct, frozen=True, kw_only=True):
    """How the bytes are sent: whole to `url`, or in parts, each a request with nothing else in its body.

    No credentials go with them.
    """

    method: Literal["PUT"] = "PUT"
    url: str
    parts: Annotated[
        list[str],
        Meta(
            description="Where the parts go, from the file's first, instead of `url`: in any order, and again if need "
            "be. Empty when the file is not larger than one."
        ),
    ]
    part_bytes: Annotated[int, Meta(description="What each of the parts has; the last has the rest.")]
    headers: dict[str, str]
    expires_at: datetime


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """An announced file. Send the bytes, then confirm."""

    asset: AssetInfo
    upload: UploadTarget


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a person's files take."""

    used_bytes: int
    quota_bytes: Annotated[int, Meta(description="0: no limit.")]
    max_bytes: Annotated[dict[str, int], Meta(description="The largest file of each type.")]
