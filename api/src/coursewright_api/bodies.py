"""What request bodies have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

END = r"$(?!\n)"
"""The end of a pattern, in Python's dialect as in others': its `$` alone lets a last line feed pass."""
LINE = rf"^[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*{END}"
"""One line, without marks that turn the direction of what follows."""
TEXT = r"^[^\x00\u202a-\u202e\u2066-\u2069]*$"
Description = Annotated[str, Meta(max_length=2_000, pattern=TEXT)]


class In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends. Unknown fields are refused: they are nearly always typos."""
