"""Which espeak-ng voice speaks a language: read from the voice files that the library brings."""

from __future__ import annotations

import difflib
import functools
from pathlib import Path

import msgspec
from coursewright.errors import BadInput

_PREFERRED = {"en": "en-us", "nn": "nb", "zh-hk": "yue", "zh-mo": "yue"}
"""Tags that the voice files leave out, or answer otherwise than most listeners would."""

_DEFAULT_PRIORITY = 5
"""espeak-ng's own, for a `language` line without a number; lower is a better match."""


class Voice(msgspec.Struct, frozen=True):
    """A voice file: `path` is its name for the engine, `tags` its languages with their priorities."""

    path: str
    name: str
    dictionary: str
    tags: dict[str, int]

    @property
    def language(self) -> str:
        """The primary language subtag: `pt` of `pt-br`."""
        return next(iter(self.tags)).partition("-")[0]


@functools.cache
def installed_voices(data: Path) -> tuple[Voice, ...]:
    """Every voice under the engine's data folder whose pronunciation dictionary is there too."""
    folder = data / "lang"
    voices = (_read(path, path.relative_to(folder).as_posix()) for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple(voice for voice in voices if (data / f"{voice.dictionary}_dict").exists())


def voice_for(language: str, data: Path) -> Voice:
    """The voice for a BCP 47 tag; subtags are dropped from the end until one fits (de-AT → de).

    Raises BadInput with the nearest tags when no voice speaks it.
    """
    voices = installed_voices(data)
    tag = language.lower()
    while tag:
        wanted = _PREFERRED.get(tag, tag)
        if found := [voice for voice in voices if wanted in voice.tags]:
            return min(found, key=lambda voice: (voice.tags[wanted], len(voice.path), voice.path))
        tag = tag.rpartition("-")[0]
    raise BadInput(
        f"espeak-ng has no voice for the language '{language}'",
        field="language",
        remedy=f"use {_near(language.lower(), voices)}, or another tts provider",
    )


def _near(tag: str, voices: tuple[Voice, ...]) -> str:
    names = {known: voice.name for voice in voices for known in voice.tags}
    near = difflib.get_close_matches(tag, names, n=3, cutoff=0.5)
    near += [known for known in sorted(names) if known[0] == tag[0] and len(known) <= 3 and known not in near]
    return " or ".join(f"{known} ({names[known]})" for known in near[:4]) if near else "en, es, fr, de, zh, ar or hi"


def _read(path: Path, relative: str) -> Voice:
    name, dictionary = relative, ""
    tags: dict[str, int] = {}
    for line in path.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition(" ")
        if key == "name":
            name = value.partition("//")[0].strip()
        elif key == "dictionary":
            dictionary = value.strip()
        elif key == "language":
            tag, *priority = value.split()
            tags[tag.lower()] = int(priority[0]) if priority else _DEFAULT_PRIORITY
    return Voice(relative, name, dictionary or next(iter(tags), "").partition("-")[0], tags)
