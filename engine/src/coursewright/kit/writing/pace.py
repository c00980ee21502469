"""How long a voice takes to say a text: as measured here, or at a usual pace."""

from __future__ import annotations

import msgspec

from coursewright.kit.languages import CHARACTERS_PER_MINUTE, WORDS_PER_MINUTE, count, seconds

_CHARACTERS_PER_WORD = 6.0
"""With the space: running English has 5.7 to 6.2. Only for saying a length in words before there is a text."""
_UNSPACED = ("zh", "ja", "th", "lo", "km", "my", "yue")
_BELIEVED = (0.4, 2.5)
"""How much slower or faster than usual a voice may be measured: a single short word gives figures beyond this."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """A voice's pace in a language. `measured` is in characters a second, None where nothing was measured."""

    language: str
    measured: float | None = None

    def seconds(self, text: str) -> float:
        """How long the text takes to say."""
        return len(text) / self.measured if self.measured else seconds(text, self.language)

    def amount(self, length_s: float, like: str = "") -> int:
        """How many words, or characters where words have no spaces, are said in that time; `like` is such a text."""
        words, unspaced = count(like)
        if like and (length := self.seconds(like)) > 0:
            return round((words + unspaced) * length_s / length)
        if self.unspaced:
            code = self.language.partition("-")[0]
            return round(length_s * (self.measured or CHARACTERS_PER_MINUTE.get(code, 250) / 60))
        return round(length_s * (self.measured / _CHARACTERS_PER_WORD if self.measured else WORDS_PER_MINUTE / 60))

    @property
    def unspaced(self) -> bool:
        """Is the language written without spaces between words?"""
        return self.language.partition("-")[0] in _UNSPACED

    @property
    def unit(self) -> str:
        """What `amount` counts."""
        return "characters" if self.unspaced else "words"


def pace_of(language: str, measured: float | None) -> Pace:
    """The pace in a language, as measured in characters a second where that is believable."""
    usual = Pace(language=language)
    usual_rate = (
        CHARACTERS_PER_MINUTE.get(language.partition("-")[0], 250) / 60
        if usual.unspaced
        else _CHARACTERS_PER_WORD * WORDS_PER_MINUTE / 60
    )
    slowest, fastest = (factor * usual_rate for factor in _BELIEVED)
    return Pace(language=language, measured=measured) if measured and slowest <= measured <= fastest else usual
