"""How slides look: what the request says, and before it the author's own theme file."""

from __future__ import annotations

import tomllib
from typing import Literal

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.slides import Accent, SlideRequest
from coursewright.errors import BadInput
from coursewright.store.contract import Store

COLOURS = {
    "blue": "#2a6f97",
    "green": "#3f7d3c",
    "orange": "#b8590f",
    "purple": "#6f4a9e",
    "red": "#b3303b",
    "teal": "#127a78",
}
"""By name. On white all have a contrast of 4.5 to 1 at least, and so stay readable as text (WCAG 2.2, 1.4.3)."""

_MOST_BYTES = 65_536
_REMEDY = 'give a TOML file with any of: theme = "dark", accent = "#2a6f97", font = "Inter"'


class Theme(msgspec.Struct, frozen=True, kw_only=True):
    """How the slides look; `accent` in hex, an empty `font` is Roboto."""

    theme: str
    accent: str
    font: str


class ThemeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a theme file may say; what it leaves out is as the request says."""

    theme: Literal["light", "dark"] | None = None
    accent: Accent | None = None
    font: str | None = None


def theme_of(request: SlideRequest, font: str, store: Store) -> Theme:
    """The look of a slide. Raises BadInput, naming the key, for a theme file that cannot be read."""
    own = _read(request.theme_file, store) if request.theme_file else ThemeFile()
    accent = own.accent or request.accent
    return Theme(
        theme=own.theme or request.theme,
        accent=COLOURS.get(accent, accent),
        font=font if own.font is None else own.font[:100],
    )


def _read(file: Artifact, store: Store) -> ThemeFile:
    try:
        if file.size_bytes > _MOST_BYTES:
            raise ValueError(f"it has {file.size_bytes:,} bytes")
        with store.open(file) as opened:
            return msgspec.convert(tomllib.loads(opened.read().decode("utf-8-sig")), ThemeFile)
    except (ValueError, RecursionError) as error:  # what UTF-8, TOML and msgspec raise are kinds of ValueError
        what, _, key = str(error).partition(" - at `$.")
        wrong = f"{key.rstrip('`')}: {what}" if key else what
        raise BadInput(f"this theme cannot be used: {wrong}", field="theme_file", remedy=_REMEDY) from None
