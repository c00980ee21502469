"""Read the cues of a WebVTT file."""

from __future__ import annotations

import html
import re

import msgspec

_TIME = r"(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"^\s*{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?$")
_TAG = re.compile(r"<[^>]*>")


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """One caption: plain text on one line, shown from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    text: str


def read_cues(data: bytes) -> list[Cue]:
    """The cues in order of time, without empty ones.

    Raises ValueError, with a reason for people, when the bytes are not WebVTT.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    head, *blocks = re.split(r"\n{2,}", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not re.match(r"WEBVTT(?:[ \t\n]|$)", head):
        raise ValueError("the first line is not WEBVTT")
    cues = [cue for block in blocks if (cue := _cue(block)) is not None]
    return sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))


def _cue(block: str) -> Cue | None:
    """The cue of a block; None for comments, styles and cues without words."""
    lines = block.strip("\n").split("\n")
    if lines[0].startswith(("NOTE", "STYLE", "REGION")) and "-->" not in lines[0]:
        return None
    at = next((number for number, line in enumerate(lines[:2]) if "-->" in line), None)
    if at is None:
        return None
    found = _TIMING.match(lines[at])
    if found is None:
        raise ValueError(f"a cue's times cannot be read: {lines[at][:80]!r}")
    start_s, end_s = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    if end_s <= start_s:
        raise ValueError(f"a cue ends before it starts: {lines[at][:80]!r}")
    text = html.unescape(_TAG.sub("", " ".join(lines[at + 1 :])))
    text = " ".join(text.split())
    return Cue(start_s=start_s, end_s=end_s, text=text) if text else None


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
