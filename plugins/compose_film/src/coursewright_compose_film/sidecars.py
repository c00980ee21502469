"""The film's text files: captions, chapters and transcript."""

from __future__ import annotations

import re
from collections.abc import Iterable

from coursewright.capabilities.compose import FilmScene
from coursewright.capabilities.llm import Script

from coursewright_compose_film.captions import Cue


def captions_vtt(cues: Iterable[Cue]) -> str:
    """WebVTT of the cues."""
    return _vtt((cue.start_s, cue.end_s, "\n".join(map(_escaped, cue.lines))) for cue in cues)


def chapters_vtt(scenes: Iterable[FilmScene]) -> str:
    """WebVTT of kind chapters."""
    return _vtt((scene.start_s, scene.end_s, _escaped(" ".join(scene.title.split()))) for scene in scenes)


def transcript_markdown(script: Script) -> str:
    """The narration under its scenes' titles, so written that it reads the same when rendered."""
    blocks = [f"# {_literal(script.title)}"]
    for scene in script.scenes:
        blocks.append(f"## {_literal(scene.title)}")
        blocks += [_literal(paragraph) for paragraph in re.split(r"\n\s*\n", scene.narration) if paragraph.strip()]
    return "\n\n".join(blocks) + "\n"


def _vtt(cues: Iterable[tuple[float, float, str]]) -> str:
    body = (f"\n{_stamp(start)} --> {_stamp(end)}\n{text}\n" for start, end, text in cues)
    return "WEBVTT\n" + "".join(body)


def _stamp(seconds: float) -> str:
    minutes, ms = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}.{ms % 1000:03d}"


def _escaped(text: str) -> str:
    """WebVTT's escapes; with `>` escaped, `-->` cannot end a cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _literal(text: str) -> str:
    line = re.sub(r"([\\`*_\[\]<])", r"\\\1", " ".join(text.split()))
    return re.sub(r"^([#>+=~-]|\d+(?=[.)]))", _escape_start, line)


def _escape_start(match: re.Match[str]) -> str:
    mark = match[1]
    return f"{mark}\\" if mark.isdigit() else f"\\{mark}"
