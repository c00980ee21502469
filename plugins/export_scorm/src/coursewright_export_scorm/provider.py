"""`export.scorm`: a film becomes one SCORM package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from coursewright.capabilities.compose import Film
from coursewright.capabilities.export import ExportRequest, Package
from coursewright.errors import BadInput
from coursewright.providers import Context, Estimate, Health, Provider
from coursewright.store.contract import Store
from msgspec import Meta

from coursewright_export_scorm import schemas
from coursewright_export_scorm.archive import write_archive
from coursewright_export_scorm.course import course_of
from coursewright_export_scorm.media import film_media, poster_media
from coursewright_export_scorm.names import clean, identifier, slug
from coursewright_export_scorm.pages import manifest, page
from coursewright_export_scorm.webvtt import Cue, read_cues

LARGE_BYTES = 100_000_000
"""Hosted LMSs commonly cap uploads somewhere between 50 MB and a few hundred."""

CAPTIONS_MAX_BYTES = 10_000_000
"""Captions of a hundred hours of speech; they are read into memory and into the page."""


class ScormOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an author may choose about the package."""

    version: Annotated[Literal["1.2"], Meta(description="The SCORM version that the LMS should read.")] = "1.2"
    completion_share: Annotated[
        float, Meta(ge=0.1, le=1.0, description="The share of the film that must be watched to complete the course.")
    ] = 0.9
    identifier: Annotated[
        str,
        Meta(
            pattern="^([A-Za-z_][A-Za-z0-9_-]{0,63})?$",
            description="The course's identifier in the LMS; empty derives it from the title. An LMS keeps "
            "learners' records by it, so set it before you change a published title.",
        ),
    ] = ""


class ScormExport(Provider[ExportRequest, Package]):
    """A self-contained package of one SCO: page, player, film, captions."""

    capability: ClassVar[str] = "export"
    name: ClassVar[str] = "scorm"
    summary: ClassVar[str] = "a film becomes a SCORM 1.2 package with a player of its own"
    version: ClassVar[str] = "1"
    Options: ClassVar[type[msgspec.Struct]] = ScormOptions

    def check(self) -> Health:
        """Ready when the schema files were fetched at build time."""
        lacking = schemas.missing(self.options.version)
        if lacking:
            reason = f"the SCORM schema files are not installed: {', '.join(lacking)}"
            return Health(state="unavailable", reason=reason, remedy=schemas.REMEDY)
        return Health()

    def estimate(self, request: ExportRequest) -> Estimate:
        """The film is copied as it is, at some 200 MB a second."""
        film = request.film.video or request.film.audio
        return Estimate(seconds=0.1 + film.size_bytes / 200e6, money=0.0)

    def run(self, request: ExportRequest, context: Context) -> Package:
        """Build the package. Raises `BadInput` for a title or a file of the film that cannot be used."""
        title = clean(request.title)
        if not title:
            raise BadInput("the title has no visible characters", field="title", remedy="give the course a title")
        entries = self._entries(request.film, title, context.store)
        total_bytes = sum(
            len(entry) if isinstance(entry, bytes) else entry.stat().st_size for entry in entries.values()
        )

        def on_bytes(done_bytes: int) -> None:
            context.raise_if_cancelled()
            context.progress(done_bytes, total_bytes, "packing")

        path = context.scratch / "package.zip"
        write_archive(path, entries, on_bytes)
        name = f"{slug(title)}-scorm{self.options.version.replace('.', '')}.zip"
        package = context.store.put_file(path, name=name, media_type="application/zip")
        if package.size_bytes > LARGE_BYTES:
            context.notice(
                f"the package is {package.size_bytes / 1e6:.0f} MB; many LMSs take no more than "
                f"{LARGE_BYTES / 1e6:.0f} MB: ask yours, or make the film with a lower resolution"
            )
        return Package(file=package)

    def _entries(self, film: Film, title: str, store: Store) -> dict[str, bytes | Path]:
        """Name → bytes or path of all that the package holds, the manifest first."""
        options: ScormOptions = self.options
        control_files = schemas.schema_files(options.version)
        cues = _cues(film, store)
        media, poster = film_media(film, store), poster_media(film, store)
        content: dict[str, bytes | Path] = {
            "index.html": page(
                course_of(film, title=title, cues=cues, completion_share=options.completion_share),
                language=film.language,
                media=media.name,
                poster=poster.name if poster else None,
                size_px=(film.width_px, film.height_px),
            ),
            **player_files(),
            "captions.vtt": store.fetch(film.captions),
            **{picture.name: picture.path for picture in [poster] if picture},
            media.name: media.path,
        }
        described = manifest(
            options.version,
            identifier=options.identifier or identifier(title),
            title=title,
            names=list(content),
        )
        return {"imsmanifest.xml": described, **control_files, **content}


def player_files() -> dict[str, bytes]:
    """Name → content of the player's scripts and styles, sorted by name."""
    folder = files(__package__) / "player"
    return {entry.name: entry.read_bytes() for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)}


def _cues(film: Film, store: Store) -> list[Cue]:
    if film.captions.size_bytes > CAPTIONS_MAX_BYTES:
        raise BadInput(
            f"the captions are {film.captions.size_bytes / 1e6:.0f} MB, at most {CAPTIONS_MAX_BYTES / 1e6:.0f} MB fit",
            field="film.captions",
            remedy="split the course",
        )
    with store.open(film.captions) as file:
        data = file.read()
    try:
        return read_cues(data)
    except ValueError as error:
        remedy = "give captions in WebVTT"
        raise BadInput(f"the captions cannot be read: {error}", field="film.captions", remedy=remedy) from None
