"""A reference voice from what somebody recorded: decoded, trimmed, judged. For worker processes only."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from coursewright.errors import BadInput
from coursewright.kit.speech.sound import NotSound, Samples, decode, levels_db, resampled, speech_hops, write

_HOP_S = 0.01
_MARGIN_S = 0.1
_PAUSE_S = 0.25
_SILENT_DB, _QUIET_DB, _WANTED_DB = -50.0, -30.0, -23.0
_AT_PEAK, _CLIPPED_RUN, _CLIPPED_PERCENT = 0.998, 3, 0.5
"""Neighbouring samples at the very peak: sound touches it in passing, clipping stays there. Of eleven clean voices none
has any; clipped at half of their peak they have 0.6 to 26 %."""
_FULL, _FULL_PERCENT = 0.97, 5.0
"""Lossy formats blur that into waves around full scale and beyond, which even a limiter leaves to fewer samples."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a service asks of a reference voice."""

    rate_hz: int = 24_000
    shortest_s: float = 3.0
    """Of speech, pauses not counted."""
    longest_s: float = 30.0


class Judged(msgspec.Struct, frozen=True):
    """What was written, and what the author should know about it."""

    duration_s: float
    notices: list[str]


def prepare(recording: str, out: str, wanted: Wanted) -> Judged:
    """Write the sample as mono 16-bit WAV. Raises BadInput(field="voice") with what to do about it."""
    samples, rate = _decoded(Path(recording))
    samples = samples - np.float32(samples.mean())
    levels = levels_db(samples, rate, _HOP_S)
    speech = speech_hops(levels)
    loud = float(np.percentile(levels, 95)) if len(levels) else -120.0
    if loud < _SILENT_DB or not speech.any():
        raise _bad("the voice sample is nearly silent", "record again closer to the microphone, or with more gain")
    _check_speech_like(levels)
    if clipped := clipped_percent(samples):
        raise _bad(
            f"the voice sample is clipped: {clipped:.1f} % of its loud moments are cut off at full scale",
            "record again with less gain, or farther from the microphone",
        )
    notices: list[str] = []
    first, last = _bounds(speech, wanted.longest_s)
    if last < np.flatnonzero(speech)[-1]:
        notices.append(
            f"the voice sample is longer than {wanted.longest_s:g} s: "
            f"its first {(last - first + 1) * _HOP_S:.0f} s, up to a pause, are used"
        )
    spoken_s = _spoken_s(speech[first : last + 1])
    if spoken_s < wanted.shortest_s:
        raise _bad(
            f"the voice sample has {spoken_s:.1f} s of speech, at least {wanted.shortest_s:g} s are needed",
            "record some sentences more, read calmly",
        )
    start = max(0, round((first * _HOP_S - _MARGIN_S) * rate))
    end = min(len(samples), round(((last + 1) * _HOP_S + _MARGIN_S) * rate), start + round(wanted.longest_s * rate))
    kept = samples[start:end]
    # Clipping shows at the recording's own rate only; the service's comes last.
    write(Path(out), resampled(kept * _gain(kept, loud), rate, wanted.rate_hz), wanted.rate_hz)
    return Judged(len(kept) / rate, notices)


def _spoken_s(speech: npt.NDArray[np.bool_]) -> float:
    """How long there is speech, with the moments of closed lips that belong to it."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], speech, [True])).astype(np.int8)))
    pauses = edges[1::2] - edges[::2]
    return float(len(speech) - pauses[pauses > _PAUSE_S / _HOP_S].sum()) * _HOP_S


def clipped_percent(samples: Samples) -> float:
    """How much of the loud sound (above half of its peak) is cut off: it stands still at the peak, or is at full scale.

    0 when it is too little to matter.
    """
    size = np.abs(samples)
    peak = float(size.max(initial=0.0))
    if peak < 0.1:
        return 0.0
    loud = max(1, int((size > min(peak, 1.0) / 2).sum()))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (size > _AT_PEAK * peak).astype(np.int8), [0]))))
    runs = edges[1::2] - edges[::2]
    standing = 100.0 * float(runs[runs >= _CLIPPED_RUN].sum()) / loud
    full = 100.0 * float((size > _FULL).sum()) / loud
    return max(standing if standing > _CLIPPED_PERCENT else 0.0, full if full > _FULL_PERCENT else 0.0)


def _decoded(recording: Path) -> tuple[Samples, int]:
    try:
        return decode(recording)
    except NotSound as error:
        raise _bad(
            f"the voice sample cannot be used: {error.message}",
            "use a WAV, MP3, M4A, FLAC, Ogg or WebM recording that plays in a player",
            error.detail,
        ) from None


def _bounds(speech: npt.NDArray[np.bool_], longest_s: float) -> tuple[int, int]:
    """First and last hop to use: all of it, or up to the longest pause in the second half of what is allowed."""
    first, last = (int(hop) for hop in np.flatnonzero(speech)[[0, -1]])
    most = int((longest_s - 2 * _MARGIN_S) / _HOP_S)
    if last - first < most:
        return first, last
    best, length, run = first + most, 0, 0
    for hop in range(first + most // 2, first + most):
        run = 0 if speech[hop] else run + 1
        if run > length:
            best, length = hop - run, run
    return first, best


def _check_speech_like(levels: npt.NDArray[np.float64]) -> None:
    """Speech rises and falls by syllables and pauses; noise, hum and tones stay at one level."""
    if float(np.percentile(levels, 95) - np.percentile(levels, 10)) < 6.0:
        raise _bad(
            "the voice sample is noise or a tone at one level, not speech",
            "record speech in a quiet room, and listen to the recording before using it",
        )


def _gain(samples: Samples, loud_db: float) -> np.float32:
    """What raises a quiet recording to an ordinary level, without clipping."""
    if loud_db >= _QUIET_DB:
        return np.float32(1)
    peak = float(np.abs(samples).max(initial=1e-6))
    return np.float32(min(10 ** ((_WANTED_DB - loud_db) / 20), 0.9 / peak))


def _bad(message: str, remedy: str, detail: str = "") -> BadInput:
    return BadInput(message, field="voice", remedy=remedy, detail=detail)
