"""Parts of a file: the header Range (RFC 9110, 14)."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)
_MAX_DIGITS = 18


class Unsatisfiable(Exception):
    """The range lies outside the file."""


def wanted(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """(first byte, byte after the last) of a single range; None: the whole file.

    Several ranges at once, or what is no range of bytes, are answered with the whole file, as the standard allows.
    Raises Unsatisfiable.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found[1] == found[2] == "" or max(map(len, found.groups())) > _MAX_DIGITS:
        return None
    if not found[1]:  # the last so many bytes
        start, end = max(0, size_bytes - int(found[2])), size_bytes
    else:
        start = int(found[1])
        if found[2] and int(found[2]) < start:
            return None
        end = min(size_bytes, int(found[2]) + 1) if found[2] else size_bytes
    if start >= size_bytes or start >= end:
        raise Unsatisfiable
    return start, end
