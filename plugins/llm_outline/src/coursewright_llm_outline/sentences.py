"""Text → sentences and clauses, for scripts with and without spaces and capitals."""

from __future__ import annotations

import re

from coursewright_llm_outline.vocabulary import ABBREVIATIONS, ORDINAL_DOT

_CLOSERS = "\"'”’»)\\]』」》"
_STOPS_WIDE = "。！？｡"
_STOPS_SPACED = ".!?…؟۔।॥։።។။"
_BOUNDARY = re.compile(rf"[{_STOPS_WIDE}]+[{_CLOSERS}]*\s*|[{_STOPS_SPACED}]+[{_CLOSERS}]*(?:\s+|\Z)")
_LAST_WORD = re.compile(r"[\w.\-&]*\Z")
_ENDS = re.compile(rf"[{_STOPS_WIDE}{_STOPS_SPACED}:：][{_CLOSERS}]*\Z")

_MAX_SENTENCE = 1000
"""Longer ones are text without stops (a transcript, Thai); they are cut at a comma or space."""

_FIRST_WORD = re.compile(r"\A[\"'“„«‹(\[¿¡]*([^\W\d_]+(?:[-'’][^\W\d_]+)*)(?=[\"'”“»›)\],;:.!?…]*(?:[\s–—]|\Z))")
_INITIALS = {("tr", "i"): "İ", ("az", "i"): "İ", ("nl", "ij"): "IJ"}
"""Where a language has a capital of its own for the letters that a word begins with."""
_SYMBOL = re.compile("[b-df-hj-np-tv-xz]", re.ASCII)
"""A consonant by itself is a formula's, not a word."""

_CLAUSE = re.compile(r"(?<=[,;:])\s+|\s+(?=[–—(])|(?<=[，；：、،؛])\s*|(?<=[–—])\s+")


def sentences(text: str, language: str = "en") -> list[str]:
    """The sentences of one paragraph, each with its stop, without the space between them."""
    uncased = not any(character.isupper() for character in text)
    found: list[str] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if match.start() > start and _ends_here(text, match, start, language, uncased):
            found.append(text[start : match.end()].strip())
            start = match.end()
    if rest := text[start:].strip():
        found.append(rest)
    return [piece for sentence in found for piece in _bounded(sentence)]


def clauses(sentence: str) -> list[str]:
    """The parts of a sentence between commas, dashes and the like; each keeps its mark."""
    return [clause for clause in _CLAUSE.split(sentence) if clause]


def has_stop(text: str) -> bool:
    """Does it end as a sentence does, or with a colon?"""
    return bool(_ENDS.search(text))


def with_stop(text: str) -> str:
    """The text as a sentence: with its own stop, or that of its script."""
    text = text.rstrip(" \t\n,;，；、،؛:：-–—")
    last = text[-1:]
    if not text or has_stop(text):
        return text
    if "\u0900" <= last <= "\u097f":
        return text + "।"
    return text + ("。" if "\u3040" <= last <= "\u30ff" or "\u3400" <= last <= "\u9fff" else ".")


def capitalised(text: str, language: str = "en") -> str:
    """The text with a capital first letter where its script has capitals.

    First words with capitals, digits or marks inside (iPhone, pH, x2, file.txt) stay as their author wrote them.
    """
    match = _FIRST_WORD.match(text)
    if match is None or not match[1].islower() or _SYMBOL.fullmatch(match[1]):
        return text
    for (code, letters), capital in _INITIALS.items():
        if language.split("-")[0] == code and match[1].startswith(letters):
            return text[: match.start(1)] + capital + text[match.start(1) + len(letters) :]
    first = match[1][0].title()
    return text if len(first) > 1 else text[: match.start(1)] + first + text[match.start(1) + 1 :]


def without_stop(text: str) -> str:
    """The text as a title or point: without a full stop at its end; questions and exclamations keep theirs."""
    return re.sub(r"[.。।:：;,，；\s]+\Z", "", text)


def _ends_here(text: str, match: re.Match[str], start: int, language: str, uncased: bool) -> bool:
    mark = match[0].strip()
    if mark[0] in _STOPS_WIDE or mark[0] in "؟۔।॥։።។။" or match.end() == len(text):
        return True
    following = text[match.end()]
    if following.islower() and not (uncased and mark[0] != "…"):
        return False
    if mark != ".":
        return True
    word = _LAST_WORD.search(text, max(start, match.start() - 30), match.start())
    before = (word[0] if word else "").lower()
    if before.isdigit():  # "3. Mai"; "1. First point" at the start of a sentence
        return match.start() - len(before) > start and not (len(before) < 3 and language[:2] in ORDINAL_DOT)
    initial = len(before) == 1 and before.isalpha() and before not in "iy"
    return not (before in ABBREVIATIONS or initial or re.fullmatch(r"(?:[a-zà-ÿ]\.)+[a-zà-ÿ]", before)) or (
        before in ("a.m", "p.m")
    )


def _bounded(sentence: str) -> list[str]:
    pieces: list[str] = []
    while len(sentence) > _MAX_SENTENCE:
        head = sentence[:_MAX_SENTENCE]
        at = max(head.rfind(mark, _MAX_SENTENCE // 2) for mark in (", ", "; ", "，", "、"))
        at = at + 1 if at > 0 else head.rfind(" ", _MAX_SENTENCE // 2)
        at = at if at > 0 else _MAX_SENTENCE
        pieces.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [*pieces, sentence] if sentence else pieces
