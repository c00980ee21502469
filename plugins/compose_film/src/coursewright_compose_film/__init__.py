"""Slides, presenter and speech become the finished film with captions and chapters."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

from coursewright_compose_film.provider import FilmComposer


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """`compose.film`."""
    return [FilmComposer]
