"""What may not be spoken, and what may although it looks odd."""

from __future__ import annotations

import time

import pytest
from coursewright.kit.writing import rules
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Run `make` first.", "code"),
        ("```\nx = 1\n```", "code"),
        ("## The Moon\nIt pulls.", "a heading"),
        ("Three things:\n- salt\n- water", "a list"),
        ("Drei Dinge:\n• Salz", "a list"),
        ("Steps:\n1. Mix.\n2. Wait.", "a list"),
        ("| a | b |\n|---|---|", "a table"),
        ("Read [this](https://example.org).", "a link"),
        ("It is **very** warm.", "emphasis"),
        ("It is __very__ warm.", "emphasis"),
        ("It is *very* warm.", "emphasis"),
        ("It is _very_ warm.", "emphasis"),
        ("*smiles* Good morning.", "emphasis"),
        ("It is <em>very</em> warm.", "HTML"),
        ("One<br/>two", "HTML"),
        ("Salt &amp; water.", "HTML"),
        ("[pause] Good morning.", "a stage direction"),
        ("Good morning. [Slide 2: the Moon]", "a stage direction"),
        ("【画面切换】大家好。", "a stage direction"),
        ("(smiling) Good morning.", "a stage direction"),
        ("Good morning (pause for two seconds).", "a stage direction"),
        ("(Musik wird leiser) Guten Morgen.", "a stage direction"),
        ("Narrator: Good morning.", "a speaker's name"),
        ("Sprecherin: Guten Morgen.", "a speaker's name"),
    ],
)
def test_markup_is_named_with_what_was_found(text: str, what: str) -> None:
    faults = list(rules.markup(text, "The narration"))
    assert any(fault.startswith(f"The narration holds {what}, “") for fault in faults), faults


@pytest.mark.parametrize(
    "text",
    [
        "Two times three is six, so 2 * 3 * 4 is 24.",
        "The variable max_count_total counts upwards.",
        "The temperature (measured in the shade) is 20 degrees – or less.",
        "It was 5 < 7 and 9 > 8.",
        "Salt & water, R&D and AT&T.",
        "She said: “Wait … for it.”",
        "In 1990 the price rose.\nIn 1991 it fell.",
        "Number 1. That is where we start.",
        "What is the point? The point is this: salt matters.",
        "- 5 degrees".removeprefix("- "),
        "The host: an animal on which others live.".replace("host:", "host,"),
        "Use the C# language, or F#, at 100 % speed.",
    ],
)
def test_plain_speech_is_left_alone(text: str) -> None:
    assert list(rules.markup(text, "The narration")) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Go to https://invented.io/a?b=c#d.", "invented.io/a?b=c#d"),
        ("Go to www.invented.fr now", "invented.fr"),
        ("Go to Invented.com!", "invented.com"),
        ("Go to tides.invented.org/page (soon)", "tides.invented.org/page"),
        ("Write to someone@invented.de, please", "someone@invented.de"),
        ("More at example.org/other.", "example.org/other"),
        ("More at ample.org.", "ample.org"),
    ],
)
def test_an_address_that_nobody_gave_is_named(text: str, address: str) -> None:
    known = rules.material({"notes": "See https://www.example.org/tides, or tables: [2](http://nasa.gov)."})
    [fault] = rules.invented_addresses(text, "Scene 'a'", known)
    assert f"“{address}”" in fault


@pytest.mark.parametrize(
    "text",
    [
        "See example.org/tides.",
        "See https://example.org/tides!",
        "See WWW.EXAMPLE.ORG for more.",
        "See nasa.gov.",
        "It ends.Then it begins.",
        "Use Node.js and ASP.NET, e.g. in file.py, i.e. there.",
        "Version 2.0.1 costs 3.50.",
    ],
)
def test_an_address_of_the_material_and_what_is_none(text: str) -> None:
    known = rules.material({"notes": ["See https://www.example.org/tides", {"more": "nasa.gov"}], "minutes": 3})
    assert list(rules.invented_addresses(text, "Scene 'a'", known)) == []


@pytest.mark.parametrize(
    ("text", "language", "fine"),
    [
        ("The sea rises and falls twice a day, and that is because of the Moon in the sky.", "en", True),
        ("The sea rises and falls twice a day, and that is because of the Moon in the sky.", "fr", False),
        ("Море поднимается и опускается дважды в день.", "ru", True),
        ("Море поднимается и опускается дважды в день.", "uk", True),
        ("Море поднимается и опускается дважды в день.", "en", False),
        ("海水每天涨落两次，它的节奏由月球决定，太阳也有一点影响，海岸的形状也有。", "zh", True),
        ("海水每天涨落两次，它的节奏由月球决定，太阳也有一点影响，海岸的形状也有。", "en", False),
        ("Moon, Sun.", "de", True),
        ("Habari za asubuhi, leo tutazungumza kuhusu bahari na mwezi.", "sw", True),
        ("Bahari hupanda na kushuka mara mbili kwa siku.", None, True),
    ],
)
def test_a_language_is_doubted_only_where_that_is_reliable(text: str, language: str | None, fine: bool) -> None:
    assert (list(rules.wrong_language(text, language)) == []) is fine


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    for faults in (rules.markup(text, "It"), rules.invented_addresses(text, "It", "")):
        assert all(fault.startswith("It ") and "\n" not in fault for fault in faults)


@pytest.mark.parametrize(
    "piece", ["a-", "a.", "[", "*a", "_a", "<a", "\n", "|", "- a\n", "(pause ", "a@", "1. a\n\n\n", "www."]
)
def test_endless_repetition_is_judged_soon(piece: str) -> None:
    started = time.perf_counter()
    list(rules.markup(piece * 40_000, "It"))
    list(rules.invented_addresses(piece * 40_000, "It", ""))
    assert time.perf_counter() - started < 5
