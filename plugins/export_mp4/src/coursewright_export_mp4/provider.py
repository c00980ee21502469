"""`export.mp4`: the film under its title, with the files that players look for beside it."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath
from typing import ClassVar

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.export import ExportRequest, Package
from coursewright.providers import Context, Estimate, Provider

_LONGEST, _LONGEST_BYTES = 80, 200
"""Characters of a file name before its suffix: long enough to tell, short enough to read in a list."""
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that Windows keeps for devices."""


class Mp4Export(Provider[ExportRequest, Package]):
    """Names things and copies nothing: the package refers to the bytes that the film already has."""

    capability: ClassVar[str] = "export"
    name: ClassVar[str] = "mp4"
    summary: ClassVar[str] = "the film as MP4 (sound alone as M4A) with captions, chapters, transcript and thumbnail"
    version: ClassVar[str] = "1"

    def estimate(self, request: ExportRequest) -> Estimate:
        return Estimate(seconds=0.0, money=0.0)

    def run(self, request: ExportRequest, context: Context) -> Package:
        """The package; `video.mp4` and `video.en.vtt` are found together by players."""
        context.raise_if_cancelled()
        film, stem = request.film, file_stem(request.title)
        sidecars = [
            _named(film.captions, f"{stem}.{film.language}.vtt"),
            _named(film.chapters, f"{stem}.chapters.vtt"),
            _named(film.transcript, f"{stem}.transcript.md"),
        ]
        if film.thumbnail:
            sidecars.append(_named(film.thumbnail, stem + PurePath(film.thumbnail.name).suffix))
        main = _named(film.video, f"{stem}.mp4") if film.video else _named(film.audio, f"{stem}.m4a")
        return Package(file=main, sidecars=sidecars)


def file_stem(title: str) -> str:
    """The title as a file name that every system takes: letters and digits of any script, joined by hyphens."""
    text = unicodedata.normalize("NFKC", title).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text)
    stem = "-".join(kept.split())
    while len(stem) > _LONGEST or len(stem.encode()) > _LONGEST_BYTES:
        stem = stem[:-1]
    stem = stem.strip("-")
    return f"{stem}-film" if stem in _RESERVED else stem or "film"


def _named(artifact: Artifact, name: str) -> Artifact:
    return msgspec.structs.replace(artifact, name=name)
