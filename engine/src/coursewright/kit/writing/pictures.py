"""Pictures of the notes, shown with the scenes that tell what stands beside them."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

import msgspec

from coursewright.capabilities.artifacts import Artifact
from coursewright.capabilities.llm import Script

_PICTURE = re.compile(r"!\[[^\]]{0,500}\]\(([^)\s]{1,500})")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")


def illustrated(script: Script, notes: str, images: Sequence[Artifact]) -> Script:
    """The script with each picture that the notes show, in the scene that rests on the nearest passage of the same
    section; a scene has one, and a picture without such a scene is left out."""
    if script.report is None or not images:
        return script
    by_name = {image.name: image for image in images}
    lines = notes.splitlines()
    headings = [number for number, line in enumerate(lines, 1) if _HEADING.match(line)]
    chosen: dict[str, Artifact] = {}
    for number, line in enumerate(lines, 1):
        for name in _PICTURE.findall(line):
            section = bisect.bisect(headings, number)
            nearest = min(
                (
                    (abs(passage.line - number), place, scene.id)
                    for place, scene in enumerate(script.report.scenes)
                    for passage in scene.passages
                    if scene.id not in chosen and bisect.bisect(headings, passage.line) == section
                ),
                default=None,
            )
            if nearest is not None and name in by_name:
                chosen[nearest[2]] = by_name[name]
    scenes = [msgspec.structs.replace(scene, image=chosen.get(scene.id, scene.image)) for scene in script.scenes]
    return msgspec.structs.replace(script, scenes=scenes)
