"""An app's own words, fit to be shown."""

from __future__ import annotations

import re

from coursewright.kit.replies import words_of

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def plain(text: object, token: str = "") -> str:
    """One bounded line without markup, and without `token` and whatever else looks like a key."""
    said = str(text)
    words = words_of(said, "text/html" if _TAG.search(said) else "text/plain", hide=[token])
    words = re.sub(r"\s+([.,;:!?])", r"\1", words)
    # Gradio 4 sends an error's text in quotes.
    return words[1:-1] if len(words) > 1 and words[0] == words[-1] and words[0] in "'\"" else words
