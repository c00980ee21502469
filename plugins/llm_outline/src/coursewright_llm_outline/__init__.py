"""Structures an author's own notes into a course script, without any model."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_llm_outline.provider import OutlineScript

__all__ = ["OutlineScript", "coursewright_providers"]


@hookimpl
def coursewright_providers() -> list[type[OutlineScript]]:
    """The one provider of this plugin."""
    return [OutlineScript]
