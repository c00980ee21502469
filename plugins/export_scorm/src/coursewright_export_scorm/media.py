"""The media files of a package: what they really are, and what they are called inside."""

from __future__ import annotations

from pathlib import Path

import msgspec
from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.compose import Film
from coursewright.errors import BadInput
from coursewright.store.contract import Store


class Media(msgspec.Struct, frozen=True):
    """A local file, and its name in the package."""

    name: str
    path: Path


def film_media(film: Film, store: Store) -> Media:
    """The MP4, or of a film without pictures the sound. Raises `BadInput` when it is neither MP4 nor M4A."""
    if film.video is not None:
        return _sniffed(store, film.video, "film.video", {"mp4": "film.mp4"}, "an MP4 file")
    return _sniffed(store, film.audio, "film.audio", {"mp4": "sound.m4a"}, "an M4A file")


def poster_media(film: Film, store: Store) -> Media | None:
    """The picture shown before the film plays, if it has one. Raises `BadInput` when it is not PNG or JPEG."""
    if film.thumbnail is None:
        return None
    names = {"png": "poster.png", "jpeg": "poster.jpg"}
    return _sniffed(store, film.thumbnail, "film.thumbnail", names, "a PNG or JPEG picture")


def _sniffed(store: Store, artifact: Artifact, field: str, names: dict[str, str], wanted: str) -> Media:
    path = store.fetch(artifact)
    with path.open("rb") as file:
        kind = _kind(file.read(12))
    if kind not in names:
        raise BadInput(f"'{artifact.name}' is not {wanted}", field=field, remedy=f"give {wanted}")
    return Media(names[kind], path)


def _kind(head: bytes) -> str:
    """The kind that the first 12 bytes give away (ISO 14496-12, 4.3; PNG, 5.2; JPEG B.1.1.3), or nothing."""
    if head[4:8] == b"ftyp":
        return "mp4"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "jpeg" if head.startswith(b"\xff\xd8\xff") else ""
