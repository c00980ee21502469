"""From a server's answer to a sound file that any decoder reads."""

from __future__ import annotations

import struct
from pathlib import Path

from coursewright.errors import Busy, Unavailable
from coursewright.kit.http import Answer, words_of

_SUFFIXES = {"audio/mpeg": ".mp3", "audio/flac": ".flac", "audio/x-flac": ".flac", "audio/aac": ".aac"}
_OPENAI_RATE_HZ = 24_000
"""`pcm` is 16-bit little-endian mono at 24 kHz where the server says nothing else: OpenAI's reference."""
_FLOAT, _INTEGER = 3, 1
_MOST = 0xFFFFFFFF


def sound_file(answer: Answer, folder: Path, what: str) -> Path:
    """Write the answer into `folder`; headerless samples get the header that their HTTP headers stand for.

    Raises Unavailable when it is a page or a message, Busy when it is empty.
    """
    kind = answer.media_type
    if kind.startswith("text/") or kind == "application/json":
        raise Unavailable(
            f"{what} answered with {'a page' if 'html' in kind else 'a message'} instead of sound",
            remedy="check its address: another service may be there",
            detail=words_of(answer.body, kind),
        )
    if not answer.body:
        raise Busy(f"{what} answered without any sound (0 bytes)", remedy="try again, or choose another voice")
    if kind == "audio/pcm" or "x-audio-sample-rate" in answer.headers:
        path = folder / "answer.wav"
        path.write_bytes(_with_header(answer))
        return path
    path = folder / f"answer{_SUFFIXES.get(kind, '.wav' if 'wav' in kind else '.bin')}"
    path.write_bytes(answer.body)
    return path


def _with_header(answer: Answer) -> bytes:
    """A WAV file of headerless samples: by `X-Audio-*` (ZONOS2: 32-bit float), else the content type's `rate`."""
    headers = answer.headers
    form, width = (_FLOAT, 4) if "float" in headers.get("x-audio-format", "") else (_INTEGER, 2)
    channels = _number(headers.get("x-audio-channels", ""), 1, 8) or 1
    rate_hz = _number(headers.get("x-audio-sample-rate", ""), 8_000, 192_000) or _rate_in(headers) or _OPENAI_RATE_HZ
    frame = width * channels
    samples = answer.body[: len(answer.body) // frame * frame]
    about = struct.pack("<HHIIHH", form, channels, rate_hz, rate_hz * frame, frame, 8 * width)
    size = min(len(samples), _MOST - 36)
    return b"".join(
        (
            struct.pack("<4sI4s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", len(about)),
            about,
            struct.pack("<4sI", b"data", size),
            samples,
        )
    )


def _rate_in(headers: dict[str, str]) -> int | None:
    """The rate of `audio/pcm;rate=22050`, in Hz."""
    for parameter in headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "rate":
            return _number(value, 8_000, 192_000)
    return None


def _number(text: str, least: int, most: int) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() and len(text) < 8 and least <= int(text) <= most else None
