"""The times of a whole narration from those of its parts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from coursewright.capabilities.tts import Phoneme, Timings, Word
from coursewright.kit.speech.parts import Part


def whole(
    text: str, parts: Sequence[Part], told: Sequence[Timings], starts_s: Sequence[float], end_s: float
) -> Timings:
    """Words are the text's whitespace tokens, also those that two parts share or that no part says."""
    tokens = [(found.start(), found[0]) for found in re.finditer(r"\S+", text)]
    spans: dict[int, tuple[float, float]] = {}
    phonemes: list[Phoneme] = []
    for part, timings, start_s in zip(parts, told, starts_s, strict=True):
        index = _token_at(tokens, part.start)
        for offset, word in enumerate(timings.words):
            first = round(min(end_s, start_s + word.start_s), 4)
            last = round(min(end_s, start_s + word.end_s), 4)
            spans[index + offset] = (spans.get(index + offset, (first, last))[0], last)
        phonemes += [Phoneme(sound.symbol, round(min(end_s, start_s + sound.start_s), 4)) for sound in timings.phonemes]
    words: list[Word] = []
    latest = 0.0
    for index, (_, token) in enumerate(tokens):
        first, last = spans.get(index, (latest, latest))
        words.append(Word(token, max(first, latest), max(last, latest)))
        latest = words[-1].end_s
    return Timings(words=words, phonemes=phonemes)


def shifted(timings: Timings, seconds: float, end_s: float) -> Timings:
    """The same on a clock that starts so many seconds earlier, within 0 and `end_s`."""

    def at(time_s: float) -> float:
        return min(end_s, max(0.0, time_s + seconds))

    return Timings(
        words=[Word(word.text, at(word.start_s), at(word.end_s)) for word in timings.words],
        phonemes=[Phoneme(sound.symbol, at(sound.start_s)) for sound in timings.phonemes],
    )


def _token_at(tokens: Sequence[tuple[int, str]], position: int) -> int:
    return max((index for index, (start, _) in enumerate(tokens) if start <= position), default=0)
