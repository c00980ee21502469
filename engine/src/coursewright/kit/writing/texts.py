"""`text`, `summary` and `title`: the answer as it stands."""

from __future__ import annotations

import re

import msgspec

from coursewright.capabilities.llm import LlmRequest, LlmText
from coursewright.kit.languages import count
from coursewright.kit.writing import rules
from coursewright.kit.writing.asks import Reply
from coursewright.kit.writing.material import Material
from coursewright.kit.writing.replies import text_of, uncut
from coursewright.providers import Context

_SUMMARY_WORDS = 150
_OVER = 1.2
"""Models count words roughly; a summary a fifth longer than asked still does."""
_TITLE_LENGTH = 80
_QUOTES = "\"'“”„«»‘’「」『』"
_LABEL = re.compile(r"\A(?:title|titel|titre|título|titolo|标题|タイトル)\s*[:：]\s*", re.I)


class Texts:
    """Any text that is not empty."""

    schema = None

    def wanted(self) -> list[str]:
        return []

    def read(self, reply: Reply) -> tuple[msgspec.Struct | None, list[str]]:
        text = uncut(text_of(reply.text), reply)
        faults = self.faults(text)
        return (None if faults else LlmText(text=text)), faults

    def faults(self, text: str) -> list[str]:
        """What is wrong with a text."""
        return []

    def finished(self, value: msgspec.Struct, context: Context) -> msgspec.Struct:
        return value


class Summaries(Texts):
    """A text of at most `data.words` words without markup."""

    def __init__(self, request: LlmRequest, material: Material) -> None:
        self._words = material.words or _SUMMARY_WORDS
        self._language = material.language
        self._material = rules.material(request.data)

    def wanted(self) -> list[str]:
        return [
            *rules.in_language("Write", self._language),
            f"At most {self._words} words of plain text: no headings, no lists, no markup.",
            rules.ADDRESSES,
            "Answer with the summary alone.",
        ]

    def faults(self, text: str) -> list[str]:
        words, unspaced = count(text)
        long = words + unspaced / 2 > _OVER * self._words  # two characters are a Chinese word
        return [
            *([f"The summary has {words + unspaced // 2} words, the limit is {self._words}."] if long else []),
            *rules.markup(text, "The summary"),
            *rules.invented_addresses(text, "The summary", self._material),
            *rules.wrong_language(text, self._language),
        ]


class Titles(Texts):
    """One line."""

    def __init__(self, request: LlmRequest, material: Material) -> None:
        self._language = material.language
        self._material = rules.material(request.data)

    def wanted(self) -> list[str]:
        return [
            *rules.in_language("Write", self._language),
            f"One line of at most {_TITLE_LENGTH} characters, without quotation marks and without a full stop.",
            "Answer with the title alone.",
        ]

    def read(self, reply: Reply) -> tuple[msgspec.Struct | None, list[str]]:
        plain = _LABEL.sub("", text_of(reply.text).strip("#*_ ")).strip(" *_")
        if plain[:1] in _QUOTES and plain[-1:] in _QUOTES:
            plain = plain[1:-1].strip()
        return super().read(msgspec.structs.replace(reply, text=re.sub(r"(?<=[^.])[.。]\Z", "", plain)))

    def faults(self, text: str) -> list[str]:
        lines = len(text.splitlines())
        return [
            *([f"The answer has {lines} lines: answer with one title in one line."] if lines > 1 else []),
            *(
                [f"The title has {len(text)} characters, the limit is {_TITLE_LENGTH}."]
                if len(text) > _TITLE_LENGTH
                else []
            ),
            *rules.markup(text, "The title"),
            *rules.invented_addresses(text, "The title", self._material),
        ]
