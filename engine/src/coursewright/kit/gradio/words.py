"""A service's own words, fit to be shown: without HTML, without keys, in one bounded line."""

from __future__ import annotations

import html
import re

MAX_WORDS = 300

_NOT_TEXT = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z!][^>]*>")
_KEY = re.compile(r"\b(?:hf_|sk-|fw_|gsk_|Bearer\s+)[A-Za-z0-9_.-]{8,}")


def plain(text: object, *keys: str) -> str:
    """`text` without markup; whatever looks like a key, and each of `keys`, is blacked out."""
    said = str(text)
    for key in keys:
        if key:
            said = said.replace(key, "•••")
    said = html.unescape(_TAG.sub(" ", _NOT_TEXT.sub(" ", said)))
    said = _KEY.sub("•••", said)
    said = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(said.split()))
    if len(said) > 1 and said[0] == said[-1] and said[0] in "'\"":  # Gradio 4 sends an error's text in quotes
        said = said[1:-1]
    return said if len(said) <= MAX_WORDS else said[: MAX_WORDS - 1] + "…"
