"""A film becomes a SCORM package with a player of its own."""

from __future__ import annotations

from typing import Any

from coursewright.hookspecs import hookimpl
from coursewright.providers import Provider

from coursewright_export_scorm.provider import ScormExport


@hookimpl
def coursewright_providers() -> list[type[Provider[Any, Any]]]:
    """The one provider: `export.scorm`."""
    return [ScormExport]
