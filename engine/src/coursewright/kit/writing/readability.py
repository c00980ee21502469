"""How hard a text is to follow, by published formulas, in the languages for which they were made or tested."""

from __future__ import annotations

import re

from coursewright.capabilities.llm import Readability

_Levels = tuple[tuple[float, str], ...]

FLESCH = "Flesch reading ease (R. Flesch, A new readability yardstick, 1948)"
LIX = "LIX, levels as for Swedish (C.-H. Björnsson, Läsbarhet, 1968; Reading Research Quarterly 18, 1983)"

_LIX_LANGUAGES = frozenset(("da", "de", "es", "fr", "it", "nb", "nn", "no", "pt", "sv"))
"""Of the eleven of the comparison of 1983. English has a formula of its own that is better known; the words of
Finnish and Russian are so long that the levels would say something else."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_STOP = re.compile(r"[.!?…:]+(?=[\"'”’»)\]]*(?:\s|\Z))")
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(r"(?:[^laeiouyscxzgh]es|[^dt]ed|[^l]e)\Z|(?<=[aeiouy]l)es?\Z")
_FEWEST_WORDS = 30
"""A formula made for running text says nothing about a few words."""

_FLESCH_LEVELS: _Levels = (
    (90, "very easy"),
    (80, "easy"),
    (70, "fairly easy"),
    (60, "plain"),
    (50, "fairly difficult"),
    (30, "difficult"),
    (float("-inf"), "very difficult"),
)
_LIX_LEVELS: _Levels = (
    (60, "very difficult"),
    (50, "difficult"),
    (40, "medium"),
    (30, "easy"),
    (float("-inf"), "very easy"),
)


def readability(text: str, language: str) -> Readability | None:
    """The score of a text; None where no formula is valid, or the text is too short for one."""
    code = language.partition("-")[0]
    words = _WORD.findall(text)
    if len(words) < _FEWEST_WORDS or (code != "en" and code not in _LIX_LANGUAGES):
        return None
    per_sentence = len(words) / max(1, len(_STOP.findall(text)))
    if code == "en":
        score = 206.835 - 1.015 * per_sentence - 84.6 * sum(map(_syllables, words)) / len(words)
        levels, formula = _FLESCH_LEVELS, FLESCH
    else:
        score = per_sentence + 100 * sum(len(word) > 6 for word in words) / len(words)
        levels, formula = _LIX_LEVELS, LIX
    level = next(level for least, level in levels if score >= least)
    return Readability(score=round(score, 1), formula=formula, level=level)


def _syllables(word: str) -> int:
    """Of an English word, by its groups of vowels; about nine words in ten come out right."""
    lowered = word.lower()
    groups = len(_VOWELS.findall(lowered))
    return max(1, groups - bool(groups > 1 and _SILENT.search(lowered)))
