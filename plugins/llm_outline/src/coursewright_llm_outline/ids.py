"""Scene ids: from titles and content, never from positions, so that they stay when a scene is inserted."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_LENGTH = 44
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "þ": "th", "ð": "d", "ı": "i"})


class SceneIds:
    """Gives each scene an id that no other scene of the script has."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, title: str, part: int, opening: str) -> str:
        """The id of the scene; a second one with the same title gets a mark of its first sentence."""
        base = slug(title) + (f"-{part}" if part > 1 else "")
        wanted = base if base not in self._given else f"{base}-{_mark(opening)}"
        number = 2
        found = wanted
        while found in self._given:  # same title, same words
            found = f"{wanted}-{number}"
            number += 1
        self._given.add(found)
        return found


def slug(title: str) -> str:
    """Lower-case ASCII of the title, or a hash of it where its letters have none."""
    plain = unicodedata.normalize("NFKD", title.lower().translate(_LETTERS))
    letters = sum(character.isalnum() for character in plain)
    ascii_text = plain.encode("ascii", "ignore").decode("ascii")
    words = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")
    if sum(character.isalnum() for character in words) < 0.6 * letters or not words:
        return f"scene-{_mark(title)}"
    if len(words) > _LENGTH:
        words = words[: _LENGTH + 1].rpartition("-")[0] or words[:_LENGTH]
    return words


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
