"""Which language a text is in, as far as its script and commonest words tell, and how long saying it takes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

WORDS_PER_MINUTE = 150
"""The usual speed of audio books and lectures, 140 to 160."""
CHARACTERS_PER_MINUTE = {"zh": 250, "ja": 320, "th": 800}
"""Newsreaders: Mandarin about 250 characters a minute, Japanese 300 to 350; Thai words have some five letters."""

_FASTEST = 30.0
"""Characters a second that no speech exceeds: bounds what is one endless "word"."""

UNSPACED = re.compile(
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


_COMMON = {
    "en": "the of and to is in that it for are with as was this be on by from which have",
    "de": "der die das und ist nicht ein eine zu den von mit sich auf für im dem auch wird sind",
    "fr": "le la les des et est une un que qui dans pour pas sur du au avec sont par ce",
    "es": "el la los las de y es en que un una por para con del se no al más como son",
    "it": "il la di e che è un una per non sono con del della gli le dei si nel alla",
    "pt": "o a os as de e é em que um uma para não com do da dos no na são por",
    "nl": "de het een en van is dat niet op te zijn met voor aan die ook wordt bij naar",
    "sv": "och att det som är en ett på av för med den till inte har de om kan",
    "da": "og at det som er en et på af for med den til ikke har de om kan der",
    "pl": "i w na się nie jest że z do to jak są od przez oraz dla która który",
    "cs": "a se je na že v to s z do jsou nebo pro které který jako ale když po",
    "tr": "ve bir bu için ile olan olarak da de çok daha gibi en ise ne kadar sonra",
}
COMMON_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
"""The commonest words of languages in Latin letters."""

LANGUAGE_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch", "sv": "Swedish", "da": "Danish", "pl": "Polish", "cs": "Czech", "tr": "Turkish", "ru": "Russian",
    "el": "Greek", "ar": "Arabic", "he": "Hebrew", "hi": "Hindi", "th": "Thai", "ko": "Korean", "zh": "Chinese",
    "ja": "Japanese",
}  # fmt: skip
"""In English, for notices."""


def seconds(text: str, language: str) -> float:
    """How long the text takes to say, at a calm lecturing pace."""
    words, unspaced = count(text)
    per_minute = CHARACTERS_PER_MINUTE.get(language[:2], 250)
    return max(60 * (words / WORDS_PER_MINUTE + unspaced / per_minute), len(text) / _FASTEST)


def count(text: str) -> tuple[int, int]:
    """Words between spaces, and characters of scripts that put no spaces between words."""
    unspaced = len(UNSPACED.findall(text))
    return len((UNSPACED.sub(" ", text) if unspaced else text).split()), unspaced


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
