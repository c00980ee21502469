"""Which language notes are in, as far as their script and commonest words tell, and how long speech takes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from coursewright_llm_outline.vocabulary import COMMON_WORDS, LANGUAGE_NAMES

WORDS_PER_MINUTE = 150
"""The usual speed of audio books and lectures, 140 to 160."""
_CHARACTERS_PER_MINUTE = {"zh": 250, "ja": 320, "th": 800}
"""Newsreaders: Mandarin about 250 characters a minute, Japanese 300 to 350; Thai words have some five letters."""

_FASTEST = 30.0
"""Characters a second that no speech exceeds: bounds what is one endless "word"."""

_UNSPACED = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)

_SCRIPT_LANGUAGE = {
    "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi", "BENGALI": "bn",
    "TAMIL": "ta", "TELUGU": "te", "GUJARATI": "gu", "KANNADA": "kn", "MALAYALAM": "ml", "GURMUKHI": "pa",
    "THAI": "th", "HANGUL": "ko", "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "GEORGIAN": "ka",
    "ARMENIAN": "hy", "ETHIOPIC": "am", "KHMER": "km", "MYANMAR": "my", "SINHALA": "si", "LAO": "lo",
}  # fmt: skip
_OTHERS_IN_SCRIPT = {
    "CYRILLIC": {"uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg", "tt", "uz", "az", "bs"},
    "ARABIC": {"fa", "ur", "ps", "ku", "ug", "sd"},
    "HEBREW": {"yi"},
    "DEVANAGARI": {"mr", "ne", "sa"},
    "CJK": {"ja", "yue", "ko"},
}
_SAMPLE = 20_000
_MIN_LETTERS = 20
"""Fewer letters tell nothing about a language."""


def seconds(text: str, language: str) -> float:
    """How long the text takes to say, at a calm lecturing pace."""
    unspaced = len(_UNSPACED.findall(text))
    words = len((_UNSPACED.sub(" ", text) if unspaced else text).split())
    per_minute = _CHARACTERS_PER_MINUTE.get(language[:2], 250)
    return max(60 * (words / WORDS_PER_MINUTE + unspaced / per_minute), len(text) / _FASTEST)


def detected(text: str) -> str:
    """The likely language of a text as a code, or an empty string when nothing tells."""
    script, share = _script(text)
    if script == "LATIN":
        return _by_common_words(text)
    if share < 0.5 or script not in _SCRIPT_LANGUAGE:
        return ""
    return _SCRIPT_LANGUAGE[script]


def contradiction(text: str, language: str) -> str:
    """The name of the language the text seems to be in, when it cannot be in `language`; else empty."""
    likely = detected(text)
    code = language.split("-")[0]
    if not likely or likely == code:
        return ""
    script, _ = _script(text)
    if script != "LATIN" and code in _OTHERS_IN_SCRIPT.get(script, ()):
        return ""
    if script == "LATIN" and code not in COMMON_WORDS and code not in _SCRIPT_LANGUAGE.values():
        return ""  # a language whose words are not known here
    return LANGUAGE_NAMES.get(likely, likely)


def _script(text: str) -> tuple[str, float]:
    """The commonest script and its share of the letters."""
    letters = [character for character in text[:_SAMPLE] if character.isalpha()]
    if len(letters) < _MIN_LETTERS:
        return "", 0.0
    counts = Counter(_script_of(character) for character in letters)
    kana = counts["HIRAGANA"] + counts["KATAKANA"]
    if kana > 0.05 * len(letters):  # Japanese mixes kana into Chinese characters
        counts["HIRAGANA"] += counts.pop("KATAKANA", 0) + counts.pop("CJK", 0)
    script, count = counts.most_common(1)[0]
    return script, count / len(letters)


def _script_of(character: str) -> str:
    return "LATIN" if character < "\u0250" else unicodedata.name(character, "").partition(" ")[0]


def _by_common_words(text: str) -> str:
    words = Counter(re.findall(r"[^\W\d_]+", text[:_SAMPLE].lower()))
    total = sum(words.values())
    hits = Counter({code: sum(words[word] for word in common) for code, common in COMMON_WORDS.items()})
    (first, most), (_, next_most) = hits.most_common(2)
    # running text is 20 to 40 % such words; related languages share up to half of them
    return first if most >= 0.1 * total and most >= 1.3 * next_most and total >= 8 else ""
