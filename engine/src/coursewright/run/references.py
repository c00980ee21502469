"""An artifact as one word: how it travels through a form, a command line or a Prefect parameter."""

from __future__ import annotations

import msgspec

from coursewright.capabilities.artifacts import Artifact


def reference_of(artifact: Artifact) -> str:
    """`artifact:<digest>:<bytes>:<media type>:<name>`."""
    return f"artifact:{artifact.digest}:{artifact.size_bytes}:{artifact.media_type}:{artifact.name}"


def artifact_of(reference: str) -> Artifact | None:
    """The artifact that a reference names; None for any other text."""
    parts = reference.split(":", 4)
    if len(parts) != 5 or parts[0] != "artifact" or not parts[2].isdigit():
        return None
    try:
        return msgspec.convert(
            {"digest": parts[1], "size_bytes": int(parts[2]), "media_type": parts[3], "name": parts[4]}, Artifact
        )
    except msgspec.ValidationError:
        return None
