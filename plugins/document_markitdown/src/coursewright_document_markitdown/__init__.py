"""Reads text, Markdown, HTML, PDF, DOCX and PPTX as Markdown for Coursewright."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_document_markitdown.provider import MarkitdownDocument

__all__ = ["MarkitdownDocument", "coursewright_providers"]


@hookimpl
def coursewright_providers() -> list[type[MarkitdownDocument]]:
    """The one provider of this plugin."""
    return [MarkitdownDocument]
