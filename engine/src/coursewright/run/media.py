"""What a file is, by its bytes."""

from __future__ import annotations

import filetype

_TEXT_SUFFIXES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".csv": "text/csv",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".vtt": "text/vtt",
}


def media_type_of(head: bytes, name: str) -> str:
    """The media type of a file that begins with `head`; its name only tells kinds of text apart."""
    if (found := filetype.guess_mime(head)) is not None:
        return str(found)
    if not _is_text(head):
        return "application/octet-stream"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1024].lower()
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!--")) and b"<svg" in start):
        return "image/svg+xml"
    if start.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    suffix = "." + name.rpartition(".")[2].lower() if "." in name else ""
    return _TEXT_SUFFIXES.get(suffix, "text/plain")


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 with its mark
        return True
    return b"\0" not in head
