from __future__ import annotations

from collections.abc import Callable

import pytest
from coursewright.capabilities.document import DocumentText
from coursewright_document_markitdown.provider import count_words, title_of
from coursewright_document_markitdown.texts import decode, is_text

Read = Callable[..., DocumentText]

GERMAN = "# Häuser\n\nÜber den Dächern – „schön“. Größe und Maß."
RUSSIAN = "Приливы и отливы повторяются дважды в день. Луна притягивает воду сильнее всего на ближней стороне. " * 5
POLISH = "Zażółć gęślą jaźń. Księżyc przyciąga wodę, więc morze podnosi się dwa razy dziennie. Łódź stoi w porcie. " * 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_the_same_text_comes_out_of_every_encoding(read: Read, encoding: str) -> None:
    data = GERMAN.replace("\n", "\r\n").encode(encoding)

    assert read(data).markdown == GERMAN + "\n"


@pytest.mark.parametrize(("text", "encoding"), [(RUSSIAN, "cp1251"), (RUSSIAN, "koi8_r"), (POLISH, "cp1250")])
def test_older_encodings_of_other_languages_are_recognised(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)).text == text


def test_chinese_in_its_older_encoding() -> None:
    text = "为什么天空是蓝色的？太阳光看起来是白色的，其实它由各种颜色的光组成。" * 6

    assert decode(text.encode("gb18030")).text == text


def test_a_guessed_encoding_is_told(read: Read, notices: list[str]) -> None:
    read("Café für alle".encode("latin-1"))

    assert notices == [
        "the file does not say its encoding; it was read as cp1252. If letters look wrong, save it as UTF-8"
    ]


def test_a_file_cut_within_a_letter_stays_utf8() -> None:
    decoded = decode(("für " * 10).encode() + "ü".encode()[:1])

    assert decoded.guessed == ""
    assert decoded.text.startswith("für für")


def test_mac_line_ends_form_feeds_and_control_characters() -> None:
    assert decode(b"one\rtwo\x0cthree\x07").text == "one\ntwo\n\nthree"


@pytest.mark.parametrize("data", [b"BM is a form of practice", b"MZ and other letters", "ÿþ".encode()])
def test_text_that_begins_like_a_binary_file_is_text(data: bytes) -> None:
    assert is_text(data)


def test_markdown_is_not_changed(read: Read) -> None:
    markdown = "---\ntitle: X\n---\n# One\n\n<div>*two*</div>\n\n```\ncode  \n```\n"

    assert read(markdown.encode(), "x.pdf").markdown == markdown


@pytest.mark.parametrize(
    ("markdown", "properties", "name", "title"),
    [
        ("# The *first* [one](x) #\n", "P", "f.md", "The first one"),
        ("## Second\n", "Property", "f.md", "Property"),
        ("```\n# comment\n```\n## Second\n", "", "f.md", "Second"),
        ("words\n", "", "My notes.v2.txt", "My notes.v2"),
    ],
)
def test_the_title(markdown: str, properties: str, name: str, title: str) -> None:
    assert title_of(markdown, properties, name) == title


@pytest.mark.parametrize(("text", "words"), [("two words", 2), ("- | * one", 1), ("海水每天 ok", 5), ("", 0)])
def test_words_are_counted_as_people_do(text: str, words: int) -> None:
    assert count_words(text) == words
