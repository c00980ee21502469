"""One part's answer examined, and all parts joined. For worker processes only."""

from __future__ import annotations

import html
import re
import wave
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from coursewright.errors import Busy
from coursewright.kit.speech.sound import (
    NotSound,
    Samples,
    decode,
    levels_db,
    pcm,
    read,
    resampled,
    speech_hops,
    write,
)

_HOP_S = 0.01
_LEAD_S, _TAIL_S = 0.04, 0.10
"""Kept before and after the speech found: soft beginnings and endings lie below what is counted as speech."""
_FADE_S = 0.012
_SILENT_DB = -60.0
FASTEST, FASTEST_WHEN_CUT, SLOWEST = 45.0, 22.0, 2.5
"""Sounds a second that nobody speaks. Zyphra's speaking rate goes from 5 to 35 a second, ordinary speech has 10 to
15; what breaks off in full voice counts as cut from a hasty pace on."""
_GRACE_S, _SLOW_GRACE_S = 0.15, 6.0
"""What short texts are allowed beyond that."""
_EVENED_DB = 4.0


class Trimmed(msgspec.Struct, frozen=True):
    """What was kept of an answer: from `start_s` of it, for `duration_s`."""

    start_s: float
    duration_s: float


class Joined(msgspec.Struct, frozen=True):
    """The whole: its length, and when each part begins."""

    duration_s: float
    rate_hz: int
    starts_s: list[float]


def take(answer: str, out: str, sounds: float) -> Trimmed:
    """Examine what a service sent for a text of so many sounds; write it trimmed to `out` as mono 16-bit WAV.

    Raises Busy when it is no sound, silent, or cannot be all of the text: asking again may help.
    """
    samples, rate = _decoded(Path(answer))
    levels = levels_db(samples, rate, _HOP_S)
    loud = speech_hops(levels)
    if not loud.any() or np.percentile(levels, 95) < _SILENT_DB:
        raise _again("the speech that came back is silent")
    first, last = np.flatnonzero(loud)[[0, -1]]
    speech_s = (last - first + 1) * _HOP_S
    _check_length(speech_s, sounds, broken_off=_breaks_off(samples, rate, levels))
    start = max(0, round((first * _HOP_S - _LEAD_S) * rate))
    end = min(len(samples), round(((last + 1) * _HOP_S + _TAIL_S) * rate))
    write(Path(out), faded(samples[start:end], rate), rate)
    return Trimmed(start / rate, (end - start) / rate)


def _decoded(answer: Path) -> tuple[Samples, int]:
    if not answer.is_file() or answer.stat().st_size == 0:
        raise _again("the service answered without any sound (0 bytes)")
    try:
        return decode(answer)
    except NotSound as error:
        if words := _words(answer):
            raise _again("the service answered with text instead of sound", words) from None
        if error.cut:
            raise _again(f"the speech that came back is cut off: {error.message}") from None
        raise _again(f"what the service sent is no sound: {error.message}", error.detail) from None


def _words(answer: Path) -> str:
    """What an answer that is a page or a message says, without its tags; "" when it is not text."""
    with answer.open("rb") as file:
        head = file.read(4000)
    if not re.match(rb"(?:\xef\xbb\xbf)?\s*[<{\[\w]", head) or b"\0" in head:
        return ""
    text = head.decode("utf-8", "replace")
    if text.count("\ufffd") > 3:
        return ""
    text = re.sub(r"(?is)<(script|style)\b.*?(</\1>|\Z)", " ", text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>?", " ", text))).strip()[:300]


def _breaks_off(samples: Samples, rate: int, levels: np.ndarray) -> bool:
    """Does it end in full voice? Speech fades out within some hundredths of a second."""
    tail = samples[-max(1, round(0.02 * rate)) :].astype(np.float64)
    return bool(10 * np.log10(np.mean(tail**2) + 1e-12) > np.percentile(levels, 90) - 15)


def _check_length(speech_s: float, sounds: float, *, broken_off: bool) -> None:
    fastest = FASTEST_WHEN_CUT if broken_off else FASTEST
    if speech_s < sounds / fastest - _GRACE_S:
        raise _again(f"the speech that came back is cut off: {speech_s:.1f} s cannot hold all of the text")
    if speech_s > sounds / SLOWEST + _SLOW_GRACE_S:
        raise _again(f"the speech that came back is far too long for its text: {speech_s:.0f} s")


def _again(message: str, detail: str = "") -> Busy:
    return Busy(message, remedy="ask again; if it stays so, choose another voice or provider", detail=detail)


def faded(samples: Samples, rate: int) -> Samples:
    """The same, rising from and falling to exact silence at its ends."""
    result = samples.copy()
    length = min(len(samples) // 2, round(_FADE_S * rate))
    if length:
        ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(np.float32)
        result[:length] *= ramp
        result[-length:] *= ramp[::-1]
    return result


def join(parts: Sequence[str], pauses_s: Sequence[float], out: str) -> Joined:
    """One WAV file of all parts with silence between them; parts that differ in loudness are brought nearer."""
    known = [_known(Path(part)) for part in parts]
    rate = max(own_rate for own_rate, _ in known)
    usual_db = float(np.median([level_db for _, level_db in known]))
    starts: list[float] = []
    position = 0
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for part, (own_rate, level_db), pause_s in zip(parts, known, pauses_s, strict=True):
            samples, _ = read(Path(part))
            piece = resampled(samples, own_rate, rate) * _evening(usual_db - level_db, samples)
            if own_rate != rate:
                piece = faded(piece, rate)  # a resampler rings at the very ends
            # The margins kept around the speech are part of the pause.
            silence = max(0, round((pause_s - _LEAD_S - _TAIL_S) * rate))
            starts.append(position / rate)
            file.writeframes(pcm(piece) + bytes(2 * silence))
            position += len(piece) + silence
    return Joined(position / rate, rate, starts)


def _known(part: Path) -> tuple[int, float]:
    """A part's rate, and how loud it is. All parts together would fill the memory."""
    samples, rate = read(part)
    return rate, _level_db(samples, rate)


def _level_db(samples: Samples, rate: int) -> float:
    """How loud the louder half of the speech is."""
    levels = np.sort(levels_db(samples, rate, _HOP_S))
    half = levels[len(levels) // 2 :]
    return float(10 * np.log10(np.mean(10 ** (half / 10)))) if len(half) else 0.0


def _evening(missing_db: float, samples: Samples) -> np.float32:
    """The factor for a part that lies so far from the others: most of the way, at most 4 dB, and never clipping."""
    peak = float(np.abs(samples).max(initial=1e-6))
    gain = 10 ** (float(np.clip(0.8 * missing_db, -_EVENED_DB, _EVENED_DB)) / 20)
    return np.float32(min(gain, max(1.0, 0.98 / peak)) if gain > 1 else gain)
