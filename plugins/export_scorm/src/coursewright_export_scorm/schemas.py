"""The schema files that a SCORM package carries. They are fetched when this distribution is built."""

from __future__ import annotations

from importlib.resources import files

from coursewright.errors import Unavailable

SCHEMA_NAMES = {"1.2": ("adlcp_rootv1p2.xsd", "ims_xml.xsd", "imscp_rootv1p1p2.xsd", "imsmd_rootv1p2p1.xsd")}
"""The control files of each version, at the package's root (SCORM 1.2 CAM, 2.3)."""

REMEDY = "install coursewright-export-scorm again, with a network: its build fetches them"


def missing(version: str) -> list[str]:
    """Names of schema files that this installation lacks."""
    folder = files(__package__) / "schemas" / version
    return [name for name in SCHEMA_NAMES[version] if not (folder / name).is_file()]


def schema_files(version: str) -> dict[str, bytes]:
    """Name → content, sorted by name. Raises `Unavailable` when one is missing."""
    if lacking := missing(version):
        raise Unavailable(f"the SCORM {version} schema files are not installed: {', '.join(lacking)}", remedy=REMEDY)
    folder = files(__package__) / "schemas" / version
    return {name: (folder / name).read_bytes() for name in SCHEMA_NAMES[version]}
