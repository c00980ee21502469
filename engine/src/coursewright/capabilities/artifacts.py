"""Artifacts: immutable bytes in the store, and the kinds that a pipeline tells apart."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Artifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reference to bytes in the store. Only this travels between steps, never the bytes."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, in hex.")]
    media_type: Annotated[str, Meta(max_length=127, description="IANA media type, such as audio/wav.")]
    size_bytes: Annotated[int, Meta(ge=0)]
    name: Annotated[
        str,
        Meta(max_length=255, description="File name to offer a person; never a path.", extra={"identity": True}),
    ]


# `artifact` names the kind for the type checker of pipelines (media types that begin so are accepted);
# the wire form of all of them is the same struct.
Document = Annotated[Artifact, Meta(extra={"artifact": "document"})]
Image = Annotated[Artifact, Meta(extra={"artifact": "image"})]
Audio = Annotated[Artifact, Meta(extra={"artifact": "audio"})]
Video = Annotated[Artifact, Meta(extra={"artifact": "video"})]
File = Annotated[Artifact, Meta(extra={"artifact": "file"})]

Language = Annotated[
    str,
    Meta(
        pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="BCP 47 language tag, such as en, pt-BR or zh-Hant.",
        extra={"type": "language"},
    ),
]
