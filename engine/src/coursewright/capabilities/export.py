"""`export`: a film becomes the file that somebody takes away."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from coursewright.capabilities.artifacts import File
from coursewright.capabilities.compose import Film


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The film, and the title under which others will see it."""

    film: Film
    title: Annotated[str, Meta(min_length=1, max_length=200)]


class Package(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file to hand over; `sidecars` are files that belong beside it, such as captions."""

    file: File
    sidecars: list[File] = []
