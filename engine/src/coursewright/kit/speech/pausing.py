"""Word times without any reading: pauses belong to punctuation, the rest is shared out by length.

For worker processes only.
"""

from __future__ import annotations

import itertools
import re

import msgspec
import numpy as np
import numpy.typing as npt

from coursewright.capabilities.tts import Word
from coursewright.kit.speech.sound import Samples, levels_db, speech_hops
from coursewright.kit.speech.sounds import sounds_in

_HOP_S = 0.01
_SHORTEST_PAUSE_S = 0.12
_SENTENCE, _CLAUSE, _WORD = 0.0, 0.5, 4.0
"""What it costs to hear a pause at such a place."""
_MISSED = {_SENTENCE: 3.0, _CLAUSE: 0.6, _WORD: 0.0}
"""What it costs not to hear one there."""
_TOLERANCE_S = 0.5
"""How far a place may lie from where the lengths put it, at a cost of 1."""
_DRAWN_OUT = 1.5
"""What is said before a pause is drawn out by so many sounds; without this, words come 40 ms late on average."""

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PIECE = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")
"""One Chinese or Japanese character with the marks after it, or a run of anything else."""


class Atom(msgspec.Struct, frozen=True):
    """A piece of a token that is said in one go, its length in sounds, and the cost of a pause after it."""

    token: int
    sounds: float
    pause_cost: float


def by_pauses(text: str, samples: Samples, rate_hz: int) -> list[Word]:
    """The text's whitespace tokens with estimated times; one that has nothing to say gets no time."""
    tokens = text.split()
    atoms = _atoms(tokens)
    stretches = _stretches(samples, rate_hz)
    if not atoms or not stretches:
        return [Word(token, 0.0, 0.0) for token in tokens]
    times: dict[int, tuple[float, float]] = {}
    stretches = _no_more_than(len(atoms), stretches)
    for (start_s, end_s), group in zip(stretches, _grouped(atoms, stretches), strict=True):
        lengths = [atom.sounds for atom in group]
        lengths[-1] += _DRAWN_OUT
        total, begun = sum(lengths), 0.0
        for atom, length in zip(group, lengths, strict=True):
            first = start_s + (end_s - start_s) * begun / total
            begun += length
            last = start_s + (end_s - start_s) * begun / total
            times[atom.token] = (times.get(atom.token, (first, last))[0], last)
    words, latest = [], 0.0
    for index, token in enumerate(tokens):
        first, latest = times.get(index, (latest, latest))
        words.append(Word(token, round(first, 4), round(latest, 4)))
    return words


def _atoms(tokens: list[str]) -> list[Atom]:
    """Tokens as a whole; Chinese and Japanese ones character by character, since they run on for sentences."""
    atoms = []
    for index, token in enumerate(tokens):
        pieces = _PIECE.findall(token) if re.search(f"[{_UNSPACED}]", token) else [token]
        atoms += [Atom(index, sounds, _pause_cost(piece)) for piece in pieces if (sounds := sounds_in(piece))]
    return atoms


def _pause_cost(piece: str) -> float:
    bare = piece.rstrip("\"'”’»)]}）」』】*_")
    if bare.endswith(tuple(".!?…。！？।۔؟")):
        return _SENTENCE
    return _CLAUSE if bare.endswith(tuple(",;:—–-、，；：،؛")) else _WORD


def _stretches(samples: Samples, rate_hz: int) -> list[tuple[float, float]]:
    """Where there is speech without a pause, in seconds."""
    loud = speech_hops(levels_db(samples, rate_hz, _HOP_S))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8)))
    found: list[tuple[float, float]] = []
    for first, last in zip(edges[::2] * _HOP_S, edges[1::2] * _HOP_S, strict=True):
        if found and first - found[-1][1] < _SHORTEST_PAUSE_S:
            found[-1] = (found[-1][0], float(last))
        else:
            found.append((float(first), float(last)))
    return found


def _no_more_than(count: int, stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """As many stretches as there is something to say in, the shortest pauses taken for speech."""
    while len(stretches) > count:
        at = min(range(len(stretches) - 1), key=lambda index: stretches[index + 1][0] - stretches[index][1])
        stretches = [*stretches[:at], (stretches[at][0], stretches[at + 1][1]), *stretches[at + 2 :]]
    return stretches


def _grouped(atoms: list[Atom], stretches: list[tuple[float, float]]) -> list[list[Atom]]:
    """Which atoms are said in which stretch, at least one in each: the cheapest way to place every pause."""
    sounds = np.cumsum([0.0, *(atom.sounds for atom in atoms)])
    heard = np.cumsum([end_s - start_s for start_s, end_s in stretches])
    places_s = sounds * heard[-1] / sounds[-1]
    kinds = [_WORD, *(atom.pause_cost for atom in atoms)]
    bounds = [0, *_placed(np.array(kinds), places_s, heard[:-1]), len(atoms)]
    return [atoms[first:last] for first, last in itertools.pairwise(bounds)]


def _placed(
    kinds: npt.NDArray[np.float64], places_s: npt.NDArray[np.float64], pauses_s: npt.NDArray[np.float64]
) -> list[int]:
    """For each pause, in seconds of speech, the place it is heard at: rising, neither the first nor the last.

    Going from one place to another misses the punctuation between them.
    """
    count = len(kinds)
    missed = np.cumsum([0.0, *(_MISSED[float(kind)] for kind in kinds[1:])])
    best = np.full(count, np.inf)
    best[0] = 0.0
    came: list[list[int]] = []
    for number, pause_s in enumerate(pauses_s):
        here = kinds + ((places_s - pause_s) / _TOLERANCE_S) ** 2
        now, origins, origin = np.full(count, np.inf), [0] * count, number
        for place in range(number + 1, count - 1):
            if best[place - 1] - missed[place - 1] < best[origin] - missed[origin]:
                origin = place - 1
            now[place] = best[origin] + missed[place - 1] - missed[origin] + here[place]
            origins[place] = origin
        best = now
        came.append(origins)
    place = int(np.argmin(best - missed))
    cuts = []
    for origins in reversed(came):
        cuts.append(place)
        place = origins[place]
    return cuts[::-1]
