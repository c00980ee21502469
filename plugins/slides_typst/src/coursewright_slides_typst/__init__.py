"""Scenes become slides, set with Typst."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

from coursewright_slides_typst.provider import TypstSlides


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """`slides.typst`."""
    return [TypstSlides]
