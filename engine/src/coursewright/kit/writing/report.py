"""What is known about a script once it is written."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coursewright.capabilities.llm import SceneReport, Script, ScriptReport
from coursewright.kit.languages import LANGUAGE_NAMES, contradiction, count
from coursewright.kit.writing.pace import Pace
from coursewright.kit.writing.readability import readability
from coursewright.kit.writing.sources import UNSUPPORTED, Sources

_NAMED = 4
"""Scenes that one notice names."""


def timed(script: Script, pace: Pace) -> Script:
    """The script with the length of each scene, at that pace."""
    scenes = [
        msgspec.structs.replace(scene, duration_s=round(pace.seconds(scene.narration), 1)) for scene in script.scenes
    ]
    return msgspec.structs.replace(
        script, scenes=scenes, duration_s=round(sum(scene.duration_s for scene in scenes), 1)
    )


def _nobody(message: str) -> None:
    """For a script that is made of the notes' own sentences."""


def reported(
    script: Script,
    pace: Pace,
    *,
    notes: str = "",
    asked_s: float | None = None,
    notice: Callable[[str], None] = _nobody,
) -> Script:
    """The script with its report. Scenes that the notes hardly speak of are flagged there, and told by `notice`."""
    narration = "\n\n".join(scene.narration for scene in script.scenes)
    words, unspaced = count(narration)
    scenes = [SceneReport(id=scene.id, words=sum(count(scene.narration))) for scene in script.scenes]
    if notes.strip():
        scenes = _with_sources(script, scenes, notes, notice)
    return msgspec.structs.replace(
        script,
        report=ScriptReport(
            words=words + unspaced,
            characters=len(narration),
            duration_s=script.duration_s,
            asked_s=asked_s,
            characters_per_s=round(pace.measured or len(narration) / max(script.duration_s, 0.1), 2),
            pace_measured=pace.measured is not None,
            readability=readability(narration, script.language),
            scenes=scenes,
        ),
    )


def _with_sources(
    script: Script, scenes: list[SceneReport], notes: str, notice: Callable[[str], None]
) -> list[SceneReport]:
    if other := contradiction(notes, script.language):
        notice(
            f"the notes look {other} and the script is {_name(script.language)}: its scenes were not compared to them"
        )
        return scenes
    sources = Sources(notes, script.language)
    found = []
    for scene, report in zip(script.scenes, scenes, strict=True):
        passages, support = sources.passages(f"{scene.title}. {scene.narration}")
        unsupported = support < UNSUPPORTED
        found.append(msgspec.structs.replace(report, passages=passages, support=support, unsupported=unsupported))
    if flagged := [scene.title for scene, report in zip(script.scenes, found, strict=True) if report.unsupported]:
        named = ", ".join(f"“{title}”" for title in flagged[:_NAMED]) + (" …" if len(flagged) > _NAMED else "")
        notice(f"the notes hardly speak of {len(flagged)} of {len(found)} scenes; check them: {named}")
    return found


def _name(language: str) -> str:
    return LANGUAGE_NAMES.get(language.partition("-")[0], f"in the language '{language}'")
