"""Which voice says what: sentences, cut where the script changes to one that their voice cannot read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from coursewright_tts_espeak.spoken import Pause, Token, script

# espeak-ng ends a sentence with 0.33 s at its 165 words a minute; a paragraph gets about twice that.
_PAUSE_S: dict[Pause, float] = {"none": 0.0, "sentence": 0.33, "paragraph": 0.70}
_PAUSE_RATE_WPM = 165

_READERS: dict[str, tuple[str, ...]] = {
    "ARABIC": ("ar", "fa", "sd", "ug", "ur"),
    "ARMENIAN": ("hy", "hyw"),
    "BENGALI": ("bn", "as", "bpy"),
    "CJK": ("cmn", "yue"),
    "CYRILLIC": ("ru", "ba", "be", "bg", "bs", "cv", "kk", "ky", "mk", "nog", "sr", "tt", "uk", "uz"),
    "DEVANAGARI": ("hi", "mr", "ne"),
    "ETHIOPIC": ("am", "ti"),
    "GEORGIAN": ("ka",),
    "GREEK": ("el", "grc"),
    "GUJARATI": ("gu",),
    "GURMUKHI": ("pa",),
    "HANGUL": ("ko",),
    "HEBREW": ("he",),
    "HIRAGANA": ("ja",),
    "KANNADA": ("kn",),
    "KATAKANA": ("ja",),
    "MALAYALAM": ("ml",),
    "MYANMAR": ("my", "shn"),
    "ORIYA": ("or",),
    "SINHALA": ("si",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "THAI": ("th",),
}
"""Languages whose voices read a script; the first reads it for everybody else. Latin is not listed: every
voice reads it, by itself or by switching to English, except those below."""

_SPELLS_LATIN = frozenset(("ba", "cv", "hyw", "ja", "kok", "ky", "my", "nog", "shn", "ti"))
"""These voices name Latin letters one by one (tried on every voice of espeak-ng 1.52)."""


class Segment(msgspec.Struct):
    """What one call of the engine says. `tokens` has (first character in `text`, index of the token)."""

    language: str
    text: str
    tokens: list[tuple[int, int]]
    pause_s: float = 0.0


def segments(tokens: Iterable[Token], language: str, rate_wpm: int) -> tuple[list[Segment], list[str]]:
    """Segments in order of speaking, and the names of scripts that no voice reads (left unsaid).

    `language` is the primary subtag of the main voice as espeak-ng names it (`cmn`, not `zh`).
    """
    unread: dict[str, None] = {}
    result: list[Segment] = []
    for sentence in _sentences(tokens):
        spoken: list[Segment] = []
        for index, token in sentence:
            _say(spoken, index, _readable(token.spoken, language, unread), language)
        spoken = [segment for segment in spoken if _sayable(segment.text)]
        if spoken:
            spoken[-1].pause_s = _PAUSE_S[sentence[-1][1].pause] * _PAUSE_RATE_WPM / rate_wpm
        result += spoken
    if result:
        result[-1].pause_s = 0.0
    return result, list(unread)


def _sentences(tokens: Iterable[Token]) -> Iterator[list[tuple[int, Token]]]:
    sentence: list[tuple[int, Token]] = []
    for index, token in enumerate(tokens):
        sentence.append((index, token))
        if token.pause != "none":
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _say(spoken: list[Segment], index: int, text: str, language: str) -> None:
    """Append the token's text to the sentence's segments, a new one wherever the voice changes."""
    for first, (reader, part) in enumerate(_runs(text, language)):
        if not spoken or (reader and reader != spoken[-1].language):
            spoken.append(Segment(reader or language, part, [(0, index)]))
            continue
        segment = spoken[-1]
        glue = " " if first == 0 else ""
        segment.tokens.append((len(segment.text) + len(glue), index))
        segment.text += glue + part


def _runs(text: str, language: str) -> Iterator[tuple[str, str]]:
    """(language, part) of a token; the language is "" for a part that any voice may say (punctuation)."""
    if not any(char.isalpha() for char in text):
        if text:
            yield (language if _sayable(text) else ""), text
        return
    if sum(char.isalpha() and script(char) == "GREEK" for char in text) == 1:
        yield language, text  # α-particle, 5 µm: a symbol, which every voice knows by its name
        return
    yield from _split(text, lambda char: _reader(script(char), language))


def _split(text: str, reader_of: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    start, current = 0, ""
    for position, char in enumerate(text):
        reader = reader_of(char) if char.isalpha() else current
        if current and reader != current:
            yield current, text[start:position]
            start = position
        current = reader
    yield current, text[start:]


def _reader(name: str, language: str) -> str:
    """The language that says a script, in a text whose main voice is `language`; "" when nobody does."""
    if name == "LATIN":
        return "en" if language in _SPELLS_LATIN else language
    if name == "CJK" and language == "ja":
        return ""  # the engine has no readings of kanji
    readers = _READERS.get(name, ("",))
    return language if language in readers else readers[0]


def _readable(text: str, language: str, unread: dict[str, None]) -> str:
    """`text` without letters that nobody reads; the names of their scripts are added to `unread`."""
    kept = []
    for char in text:
        if char.isalpha() and not _reader(name := script(char), language):
            unread["Japanese kanji" if name == "CJK" else name.title() or "unknown"] = None
        else:
            kept.append(char)
    return "".join(kept)


def _sayable(text: str) -> bool:
    return any(char.isalnum() or char in "%&+=°€$£¥@#" for char in text)
