"""What is said for what is written, and by which voice."""

from __future__ import annotations

import subprocess
import sys

import pytest
from coursewright.errors import BadInput
from coursewright_tts_espeak.engine import data_folder
from coursewright_tts_espeak.segments import segments
from coursewright_tts_espeak.spoken import tokens
from coursewright_tts_espeak.voices import installed_voices, voice_for


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("see https://www.example.org/a/b?c=d.", "see example.org."),
        ("**bold** _soft_ ~~gone~~ `code`", "bold soft gone code"),
        ("[a label](https://example.org/x) here", "a label here"),
        ("# Title\n- one\n* two\n> three", "Title one two three"),
        ("call snake_case() now", "call snake case now"),
        ("a <b>word</b> &amp; more", "a word & more"),
        ("R&D at 50% of 2 * 3", "R&D at 50% of 2 * 3"),
        ("this - that → there", "this , that , there"),
        ("fine 👩🏽‍🔬 ✓ ok", "fine ok"),
        ("𝐁old ｆull", "Bold full"),
        ("e.g. this (i.e. that), vs. those", "for example this (that is that), versus those"),
        ("21 °C and x² and ½", "21 °C and x² and ½"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("```\nrm -rf /\n```\nafter", "after"),
        ("-----\nbelow", "below"),
    ],
)
def test_spoken(written: str, said: str) -> None:
    assert " ".join(token.spoken for token in tokens(written, "en") if token.spoken) == said


def test_tokens_keep_the_text_as_written() -> None:
    text = "See **this** [link](https://example.org), ok? 🙂"

    assert [token.written for token in tokens(text, "en")] == text.split()


@pytest.mark.parametrize(
    ("text", "pauses"),
    [
        ("One. Two! Three? four", ["sentence", "sentence", "sentence", "none"]),
        ("Dr. Smith of the U.S. Army", ["none"] * 6),
        ('He said "no." Then left', ["none", "none", "sentence", "none", "none"]),
        ("It weighs 5 kg. and more", ["none"] * 6),
        ("one\n\ntwo", ["paragraph", "none"]),
        ("Parts:\n- first\n- second", ["sentence", "none", "sentence", "none", "none"]),
        ("wrapped\nline", ["none", "none"]),
    ],
)
def test_pauses(text: str, pauses: list[str]) -> None:
    assert [token.pause for token in tokens(text, "en")] == pauses


@pytest.mark.parametrize(
    ("language", "text", "parts"),
    [
        ("en", "Say Привет мир, please.", [("en", "Say"), ("ru", "Привет мир,"), ("en", "please.")]),
        ("uk", "Привіт світ", [("uk", "Привіт світ")]),
        ("cmn", "今天photosynthesis很好", [("cmn", "今天photosynthesis很好")]),
        ("ja", "ひらがな hello カタカナ", [("ja", "ひらがな"), ("en", "hello"), ("ja", "カタカナ")]),
        ("en", "an α-particle, 5 µm", [("en", "an α-particle, 5 µm")]),
        ("en", "λόγος means word", [("el", "λόγος"), ("en", "means word")]),
    ],
)
def test_each_run_of_script_has_a_voice_that_reads_it(language: str, text: str, parts: list[tuple[str, str]]) -> None:
    found, unread = segments(tokens(text, language), language, rate_wpm=165)

    assert [(part.language, part.text) for part in found] == parts
    assert unread == []


@pytest.mark.parametrize(
    ("tag", "path"),
    [
        ("en", "gmw/en-US"),
        ("en-GB", "gmw/en"),
        ("pt-BR", "roa/pt-BR"),
        ("pt", "roa/pt"),
        ("zh-Hant", "sit/cmn"),
        ("zh-HK", "sit/yue"),
        ("de-AT", "gmw/de"),
        ("no", "gmq/nb"),
    ],
)
def test_voice_for_a_language_tag(tag: str, path: str) -> None:
    assert voice_for(tag, data_folder()).path == path


def test_voices_without_a_dictionary_are_not_offered() -> None:
    paths = {voice.path for voice in installed_voices(data_folder())}

    assert len(paths) > 120
    with pytest.raises(BadInput):
        voice_for("fo", data_folder())


def test_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, coursewright_tts_espeak; print({'numpy', 'espeakng_loader', 'prefect'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
