"""What goes in and out of the routes for consents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from coursewright.consent import STATEMENT
from msgspec import Meta

from coursewright_api.bodies import END, In

_MARKS = r"\u202a-\u202e\u2066-\u2069"  # that turn the direction of what follows
_IN_LINE = rf"[^\x00-\x1f\x7f{_MARKS}]*"
_LINE = rf"^{_IN_LINE}[^\x00-\x20\x7f{_MARKS}]{_IN_LINE}{END}"
"""One line that is not blank."""
_LINES = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f{_MARKS}]*$"


class ConsentRequest(In, frozen=True, kw_only=True):
    """A person agrees to what is made from their portrait or voice."""

    person: Annotated[
        str, Meta(max_length=120, pattern=_LINE, description="Whose face or voice it is.", examples=["Ada Lovelace"])
    ]
    purpose: Annotated[
        str, Meta(max_length=500, pattern=_LINE, description="What for.", examples=["narrating our courses"])
    ]
    statement: Annotated[
        str, Meta(min_length=1, max_length=10_000, pattern=_LINES, description="The text that they agreed to.")
    ] = STATEMENT
    given_at: Annotated[
        Annotated[datetime, Meta(tz=True)] | None, Meta(description="When; now, if it is left out.")
    ] = None
    recording_id: Annotated[UUID | None, Meta(description="An asset in which they say so, or the signed paper.")] = None


class ConsentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A consent. It lives until it is revoked."""

    id: UUID
    asset_id: UUID
    person: str
    purpose: str
    statement: str
    recording_id: UUID | None
    given_at: datetime
    created_at: datetime
    revoked_at: datetime | None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The text to agree to, where no other is given."""

    statement: str
