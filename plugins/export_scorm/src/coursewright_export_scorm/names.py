"""Names made from a title that anybody may have written: file name, identifier, clean text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 production [2] excludes: control characters, lone surrogates, two non-characters."""

_SLUG_LENGTH = 40


def clean(text: str) -> str:
    """`text` on one line, without characters that XML cannot hold."""
    return " ".join(_NOT_XML.sub("", text).split())


def slug(title: str) -> str:
    """1 to 40 characters of `a-z0-9-` that recall the title; `course-…` when it has no Latin letters."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall("[a-z0-9]+", plain))
    if len(words) > _SLUG_LENGTH:
        words = words[: _SLUG_LENGTH + 1].rpartition("-")[0] or words[:_SLUG_LENGTH]
    return words if re.search("[a-z]", words) else f"course-{_fingerprint(title)}"


def identifier(title: str) -> str:
    """An XML ID that is the same at every export of the title: LMSs find a learner's record by it."""
    return f"cw-{slug(title)}-{_fingerprint(title)}"


def _fingerprint(title: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFC", title).encode()).hexdigest()[:8]
