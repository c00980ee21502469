"""From the engine's events to `Timings`: every token of the text gets its seconds."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import msgspec
from coursewright.capabilities.tts import Phoneme, Timings, Word

from coursewright_tts_espeak.segments import Segment
from coursewright_tts_espeak.spoken import Token


class SpokenSegment(msgspec.Struct, frozen=True):
    """What the worker tells of one segment, in samples: its span, and events from its own start."""

    start: int
    end: int
    words: list[tuple[int, int]]
    phonemes: list[tuple[str, int]]


def timings(
    tokens: Sequence[Token], segments: Sequence[Segment], spoken: Sequence[SpokenSegment], rate_hz: int
) -> Timings:
    """Words are exactly the tokens. Those the engine reports no onset for share the time of the one before."""
    phonemes = _phonemes(spoken, rate_hz)
    onsets = _onsets(segments, spoken, rate_hz)
    end_s = spoken[-1].end / rate_hz
    said = _said(len(tokens), segments)
    words: list[Word] = []
    firsts = sorted({0, *onsets})
    for first, last in zip(firsts, [*firsts[1:], len(tokens)], strict=True):
        start_s = onsets.get(first, 0.0)
        until_s = _quiet_from(phonemes, start_s, onsets.get(last, end_s))
        words += _shared(tokens[first:last], said[first:last], start_s, until_s)
    return Timings(words=words, phonemes=phonemes)


def _phonemes(spoken: Sequence[SpokenSegment], rate_hz: int) -> list[Phoneme]:
    """All sounds on one clock, with silence after each segment; marks of a change of voice left out."""
    found = []
    for segment in spoken:
        for symbol, sample in segment.phonemes:
            if not symbol.startswith("("):
                found.append(Phoneme(symbol, _seconds(segment.start + sample, rate_hz)))
        found.append(Phoneme("_", _seconds(segment.end, rate_hz)))
    return found


def _onsets(segments: Sequence[Segment], spoken: Sequence[SpokenSegment], rate_hz: int) -> dict[int, float]:
    """Onset in seconds by token. The engine's text positions run backwards at times: only forward moves count."""
    onsets: dict[int, float] = {}
    latest = -1
    for segment, heard in zip(segments, spoken, strict=True):
        starts = [start for start, _ in segment.tokens]
        events = [(starts[0], 0), *heard.words]
        for char, sample in events:
            at = bisect.bisect_right(starts, char) - 1
            while at < len(starts) - 1 and not _is_said(segment, at):
                at += 1  # an event for a comma belongs to the word after it
            token = segment.tokens[max(at, 0)][1]
            if token > latest and _is_said(segment, max(at, 0)):
                onsets[token] = _seconds(heard.start + sample, rate_hz)
                latest = token
    return onsets


def _is_said(segment: Segment, at: int) -> bool:
    start = segment.tokens[at][0]
    end = segment.tokens[at + 1][0] if at + 1 < len(segment.tokens) else len(segment.text)
    return any(char.isalnum() for char in segment.text[start:end])


def _quiet_from(phonemes: Sequence[Phoneme], start_s: float, end_s: float) -> float:
    """When the silence before `end_s` begins, if there is one after `start_s`."""
    at = bisect.bisect_left(phonemes, end_s, key=lambda phoneme: phoneme.start_s) - 1
    while at >= 0 and phonemes[at].symbol.startswith("_") and phonemes[at].start_s > start_s:
        end_s = phonemes[at].start_s
        at -= 1
    return end_s


def _said(count: int, segments: Sequence[Segment]) -> list[int]:
    """How many characters are said for each token."""
    said = [0] * count
    for segment in segments:
        ends = [*(start for start, _ in segment.tokens[1:]), len(segment.text)]
        for (start, token), end in zip(segment.tokens, ends, strict=True):
            said[token] += end - start
    return said


def _shared(tokens: Sequence[Token], said: Sequence[int], start_s: float, end_s: float) -> list[Word]:
    """`tokens` one after the other between two times, by the length of what is said; nothing said: no time."""
    total = sum(said) or 1
    words, begun = [], 0
    for token, length in zip(tokens, said, strict=True):
        times = [round(start_s + (end_s - start_s) * part / total, 4) for part in (begun, begun + length)]
        words.append(Word(token.written, times[0], times[1]))
        begun += length
    return words


def _seconds(samples: int, rate_hz: int) -> float:
    return round(samples / rate_hz, 4)
