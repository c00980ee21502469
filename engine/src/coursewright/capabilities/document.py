"""`document`: a file an author has becomes Markdown."""

from __future__ import annotations

import msgspec

from coursewright.capabilities.artifacts import Document, Image


class DocumentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file to read. Its kind is found from its bytes, not from its name."""

    file: Document


class DocumentText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The document as Markdown with headings; pictures in it are artifacts of their own."""

    markdown: str
    title: str = ""
    images: list[Image] = []
    words: int = 0
