"""From phonemes with their times to words: which token of the text was said when."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from coursewright.capabilities.tts import Word
from coursewright.kit.speech.sounds import sounds_in

_SILENT = frozenset("^$_ ")
_MARKS = frozenset("ˈˌːˑ ̩̯̃̊̈ʰʲ")
_PUNCTUATION = frozenset(".,:;!?¡¿—–…\"'()-。、，！？")
_MOST_GROUPS, _MOST_TOKENS = 9, 3
"""Said for one token (1969 is three words, a date more), and tokens said as one ("of the" in English)."""
_UNEQUAL, _OTHER_MARK = 0.7, 1.5


class Spoken(msgspec.Struct, frozen=True):
    """One phoneme of Piper's, an IPA letter or mark, in seconds."""

    phoneme: str
    start_s: float
    end_s: float


class Group(msgspec.Struct):
    """What is said between two spaces."""

    start_s: float
    end_s: float
    sounds: int = 0
    marked: bool = False
    """Does it end with punctuation?"""


def words_of(text: str, spoken: Sequence[Spoken]) -> list[Word]:
    """The text's whitespace tokens with their times, or none when nothing was said.

    A number is said in several groups, "of the" in one: tokens and groups are matched in order by their lengths and
    the punctuation after them.
    """
    groups = _groups(spoken)
    tokens = text.split()
    said = [index for index, token in enumerate(tokens) if sounds_in(token)]
    if not groups or not said:
        return []
    times = dict(zip(said, _matched([tokens[index] for index in said], groups), strict=True))
    words, latest = [], 0.0
    for index, token in enumerate(tokens):
        start_s, end_s = times.get(index, (latest, latest))
        words.append(Word(token, round(start_s, 4), round(end_s, 4)))
        latest = end_s
    return words


def _groups(spoken: Sequence[Spoken]) -> list[Group]:
    groups: list[Group] = []
    open_group = False
    for sound in spoken:
        if sound.phoneme in _SILENT:
            open_group = False
        elif sound.phoneme in _PUNCTUATION:
            if groups:
                groups[-1].marked = True
            open_group = False
        else:
            if not open_group:
                groups.append(Group(sound.start_s, sound.end_s))
                open_group = True
            groups[-1].end_s = sound.end_s
            groups[-1].sounds += sound.phoneme not in _MARKS
    return groups


def _matched(tokens: Sequence[str], groups: Sequence[Group]) -> list[tuple[float, float]]:
    """(start, end) in seconds of each token: the cheapest way through both sequences."""
    lengths = [sounds_in(token) for token in tokens]
    marked = [not token[-1].isalnum() for token in tokens]
    best: dict[tuple[int, int], tuple[float, int, int]] = {(0, 0): (0.0, 0, 0)}
    for token in range(len(tokens) + 1):
        for group in range(len(groups) + 1):
            if (token, group) not in best:
                continue
            cost = best[token, group][0]
            for takes, says in _steps(len(tokens) - token, len(groups) - group):
                here = cost + _UNEQUAL * (max(takes, says) - 1 + (says == 0))
                expected = sum(lengths[token : token + takes])
                heard = sum(each.sounds for each in groups[group : group + says])
                here += (expected - heard) ** 2 / (expected + heard + 1)
                if takes and says:
                    here += _OTHER_MARK * (marked[token + takes - 1] != groups[group + says - 1].marked)
                there = (token + takes, group + says)
                if there not in best or here < best[there][0]:
                    best[there] = (here, takes, says)
    token, group = len(tokens), len(groups)
    times: list[tuple[float, float]] = []
    while token or group:
        _, takes, says = best[token, group]
        token, group = token - takes, group - says
        times[:0] = _shared(lengths[token : token + takes], groups[group : group + says], groups, group)
    return times


def _steps(tokens: int, groups: int) -> list[tuple[int, int]]:
    steps = [(1, says) for says in range(0, min(groups, _MOST_GROUPS) + 1)] if tokens else []
    steps += [(takes, 1) for takes in range(2, min(tokens, _MOST_TOKENS) + 1)] if groups else []
    return steps + ([(0, 1)] if groups else [])


def _shared(
    lengths: Sequence[float], said: Sequence[Group], groups: Sequence[Group], at: int
) -> list[tuple[float, float]]:
    if not said:  # a token that is not heard, between two that are
        moment = groups[at - 1].end_s if at else groups[0].start_s
        return [(moment, moment)] * len(lengths)
    start_s, end_s = said[0].start_s, said[-1].end_s
    times, begun, total = [], 0.0, sum(lengths)
    for length in lengths:
        first = start_s + (end_s - start_s) * begun / total
        begun += length
        times.append((first, start_s + (end_s - start_s) * begun / total))
    return times
