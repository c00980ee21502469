"""`compose.film`: what was spoken and shown becomes one film."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from coursewright.capabilities.compose import Film, FilmRequest
from coursewright.errors import BadInput
from coursewright.providers import Context, Estimate, Provider
from msgspec import Meta


class FilmOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the film is encoded."""

    quality: Annotated[
        Literal["draft", "standard", "high"],
        Meta(description="draft: quick, for looking at; high: twice the time and size of standard."),
    ] = "standard"
    loudness_lufs: Annotated[
        float,
        Meta(ge=-31, le=-12, description="Loudness of the speech; -16 is the habit of the web, -23 of EBU R 128."),
    ] = -16.0


class FilmComposer(Provider[FilmRequest, Film]):
    """Encodes a segment for each scene and joins them; a scene that did not change is not encoded again."""

    capability: ClassVar[str] = "compose"
    name: ClassVar[str] = "film"
    summary: ClassVar[str] = "MP4 with captions, chapters, transcript and even loudness; or sound alone"
    version: ClassVar[str] = "3"
    Options: ClassVar[type[msgspec.Struct]] = FilmOptions

    def estimate(self, request: FilmRequest) -> Estimate:
        # CPU seconds per minute of 720p film, measured with bench/film.py on one core.
        cost = 8.0 if request.presenter else 3.0 if request.slides else 1.0
        return Estimate(seconds=2 + cost / 60 * sum(speech.duration_s for speech in request.speech), money=0.0)

    def run(self, request: FilmRequest, context: Context) -> Film:
        """The film. Raises BadInput for lists of unequal length and for media that cannot be decoded."""
        from coursewright_compose_film.production import Production

        context.raise_if_cancelled()
        check_lengths(request)
        return Production(request, self.options, context).film()


def check_lengths(request: FilmRequest) -> None:
    """Raises BadInput naming the list that does not have one entry a scene."""
    scenes = len(request.script.scenes)
    for field in ("speech", "slides", "presenter"):
        items = len(getattr(request, field))
        if items != scenes and (items or field == "speech"):
            raise BadInput(
                f"{field} has {items} entries, the script has {scenes} scenes",
                field=field,
                remedy=f"make {field} with for_each over the script's scenes",
            )
    if request.presenter and not request.slides:
        raise BadInput(
            "a presenter needs slides to stand on", field="slides", remedy="give slides, or leave the presenter out"
        )
