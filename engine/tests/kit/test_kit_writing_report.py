"""What is known about a script: its length, how hard it is, and what of the notes it rests on."""

from __future__ import annotations

import time

import pytest
from coursewright.capabilities.llm import Scene, Script
from coursewright.kit.writing.pace import Pace
from coursewright.kit.writing.readability import FLESCH, LIX, readability
from coursewright.kit.writing.report import reported, timed
from coursewright.kit.writing.sources import UNSUPPORTED, Sources

TIDES = """# Tides

The sea rises and falls twice a day. Its rhythm follows the Moon, which passes overhead 50 minutes later each day.

## The Moon

The Moon pulls on the near side of the Earth more than on the far side. This makes two bulges of water:

- one towards the Moon
- one away from it

## The Sun

The Sun helps a little: its tide-raising force is about 46 percent of the Moon's. At new moon and at full moon
the two work together, and **spring tides** are high. At half moon they work against each other; these are neap tides.

## Coasts

The shape of a coast decides how high the water climbs. In the Bay of Fundy a funnel-shaped bay lifts the tide to
16 metres. The Mediterranean hardly has tides at all, because its basin is almost closed.
"""
BROT = """# Brot

Mehl, Wasser, Salz und Zeit genügen für ein gutes Brot. Sauerteig besteht aus Milchsäurebakterien und wilden Hefen.

Der Teig ruht bei Raumtemperatur etwa zwölf Stunden. Salz bremst die Hefe und festigt den Kleber.

Gebacken wird bei 250 Grad mit viel Dampf, damit die Kruste aufreißt und glänzt.
"""
CHAOXI = """# 潮汐

海水每天涨落两次，节奏由月球决定。

月球对地球近侧的引力大于远侧，因此形成两个隆起。

太阳也有影响。新月和满月时，太阳与月球共同作用，形成大潮。
"""

TOLD = [
    (
        TIDES,
        "en",
        3,
        "Have you watched the water creep up over the sand, and then slip away again? Twice every day the sea"
        " rises and falls. And the rhythm of this motion is set by the Moon.",
    ),
    (
        TIDES,
        "en",
        7,
        "Why are there two bulges? The Moon's gravity is stronger on the side of Earth that faces it. So "
        "water piles up in two places: one bulge points towards the Moon, and the other away from it.",
    ),
    (
        TIDES,
        "en",
        14,
        "The Sun joins in too. Its force is a little less than half of the Moon's. When both line up, at new "
        "or full moon, their pulls add up and give us spring tides. At half moon we get the gentler neap "
        "tides.",
    ),
    (
        TIDES,
        "en",
        19,
        "Geography matters. A bay shaped like a funnel, such as the Bay of Fundy, can squeeze the tide up to "
        "sixteen metres high, while the nearly enclosed Mediterranean basin barely notices the tide.",
    ),
    (
        BROT,
        "de",
        3,
        "Für gutes Brot braucht es wenig: Mehl, Wasser, Salz und vor allem Zeit. Im Sauerteig leben wilde "
        "Hefen zusammen mit Milchsäurebakterien.",
    ),
    (
        BROT,
        "de",
        5,
        "Nun lassen wir den Teig ruhen, ungefähr zwölf Stunden lang bei Raumtemperatur. Das Salz bremst dabei"
        " die Hefen und macht den Kleber fester.",
    ),
    (
        CHAOXI,
        "zh",
        3,
        "你知道吗？海水每天都会涨落两次，它的节奏是由月球决定的。",
    ),
    (
        CHAOXI,
        "zh",
        7,
        "在新月和满月的时候，太阳和月球一起作用，于是出现了大潮。",
    ),
]
INVENTED = [
    (
        TIDES,
        "en",
        "Tidal power plants turn the flow of seawater into electricity. The station at La Rance in France "
        "opened in 1966 and its twenty-four turbines produce about 500 gigawatt hours every year.",
    ),
    (
        TIDES,
        "en",
        "Crabs, mussels and snails that live between the tide lines have to survive drying out, waves and "
        "hungry birds. Many of them close their shells when the sea retreats.",
    ),
    (
        TIDES,
        "en",
        "Welcome to this course. Over the next few minutes we will explore a fascinating subject together, "
        "and you will learn some practical techniques that you can apply in your everyday work.",
    ),
    (
        BROT,
        "de",
        "Die Kunst des Brauens kam im Mittelalter aus den Klöstern. Mönche verfeinerten das Bier mit Hopfen.",
    ),
    (
        BROT,
        "de",
        "Brot wurde schon vor 14000 Jahren in Jordanien gebacken, wie Archäologen an verkohlten Krümeln nachwiesen.",
    ),
    (
        CHAOXI,
        "zh",
        "面包需要面粉、水和盐。把面团揉十分钟，然后让它休息一个小时。",
    ),
    (
        CHAOXI,
        "zh",
        "潮汐发电站利用海水的流动来发电，法国的朗斯电站建于一九六六年。",
    ),
]


@pytest.mark.parametrize(("notes", "language", "line", "scene"), TOLD, ids=range(len(TOLD)))
def test_a_scene_that_tells_the_notes_in_other_words_is_supported(
    notes: str, language: str, line: int, scene: str
) -> None:
    passages, support = Sources(notes, language).passages(scene)
    assert support > UNSUPPORTED + 0.05
    assert line in [passage.line for passage in passages]


@pytest.mark.parametrize(("notes", "language", "scene"), INVENTED, ids=range(len(INVENTED)))
def test_an_invented_scene_is_not_supported(notes: str, language: str, scene: str) -> None:
    _, support = Sources(notes, language).passages(scene)
    assert support < UNSUPPORTED - 0.05


def test_a_passage_is_the_text_without_its_marks_at_its_line() -> None:
    passages, support = Sources(TIDES, "en").passages("At new moon and at full moon spring tides are high.")
    assert [passage.line for passage in passages] == [14]
    assert passages[0].text.startswith("The Sun helps a little")
    assert "spring tides are high" in passages[0].text
    assert support > 0.9


def test_long_paragraphs_are_divided_at_sentences() -> None:
    notes = " ".join(f"The {number}th lighthouse stands on island {number}." for number in range(100))
    passages, _ = Sources(notes, "en").passages("There is a lighthouse on island 77.")
    assert all(len(passage.text) <= 400 for passage in passages)
    assert "island 77." in passages[0].text


def test_text_without_stops_is_divided_and_nothing_of_it_lost() -> None:
    notes = " ".join(f"lighthouse{number} stands on island{number} and" for number in range(100))
    passages, support = Sources(notes, "en").passages("lighthouse97 stands on island97")
    assert "island97" in passages[0].text
    assert support == 1.0


@pytest.mark.parametrize("piece", ["[", "![a](", "# ", "- ", "a. ", "。", "\n", "|"])
def test_odd_notes_are_searched_soon(piece: str) -> None:
    started = time.perf_counter()
    Sources(piece * 40_000, "en").passages("The sea rises.")
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("notes", ["", "\n\n", "# Only a heading", "…", "The a of"])
def test_notes_without_content_support_nothing(notes: str) -> None:
    assert Sources(notes, "en").passages("The sea rises.") == ([], 0.0)


def script(*narrations: str, language: str = "en") -> Script:
    scenes = [Scene(id=f"s{number}", title=f"Part {number}", narration=text) for number, text in enumerate(narrations)]
    return Script(title="Tides", language=language, scenes=scenes)


def test_the_report_counts_flags_and_tells() -> None:
    notices: list[str] = []
    pace = Pace(language="en")
    written = timed(script(TOLD[1][3], INVENTED[0][2], TOLD[2][3]), pace)
    result = reported(written, pace, notes=TIDES, asked_s=60.0, notice=notices.append)
    report = result.report
    assert report is not None
    assert report.words == sum(len(scene.narration.split()) for scene in result.scenes)
    assert report.characters == sum(len(scene.narration) for scene in result.scenes) + 4
    assert report.duration_s == pytest.approx(report.words / 2.5, abs=0.2)
    assert (report.asked_s, report.pace_measured) == (60.0, False)
    assert report.readability is not None
    assert [scene.unsupported for scene in report.scenes] == [False, True, False]
    assert report.scenes[1].passages == []
    assert notices == ["the notes hardly speak of 1 of 3 scenes; check them: “Part 1”"]


def test_notes_in_another_language_are_not_compared() -> None:
    notices: list[str] = []
    result = reported(script(TOLD[1][3]), Pace(language="en"), notes=BROT * 3, notice=notices.append)
    assert result.report is not None
    assert [(scene.support, scene.unsupported) for scene in result.report.scenes] == [(None, False)]
    assert notices == ["the notes look German and the script is English: its scenes were not compared to them"]


# -- readability ---------------------------------------------------------------------------------

EASY = "The cat sat on the mat. The dog ran to the big red barn. We all went home to eat. " * 3
HARD = (
    "Institutional considerations regarding interdisciplinary methodological standardisation necessitate "
    "comprehensive reconsideration of established organisational responsibilities. Notwithstanding "
    "contradictory observations, representative characterisation of multidimensional phenomena remains "
    "fundamentally indispensable to professionals. "
) * 2


def test_flesch_tells_easy_from_hard_english() -> None:
    easy, hard = readability(EASY, "en-GB"), readability(HARD, "en")
    assert easy is not None
    assert hard is not None
    assert (easy.formula, easy.level) == (FLESCH, "very easy")
    assert easy.score == pytest.approx(206.835 - 1.015 * (20 / 3) - 84.6 * 1.0, abs=0.1)
    assert (hard.level, hard.score < 0) == ("very difficult", True)


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        *(
            ("moon", 1),
            ("make", 1),
            ("walked", 1),
            ("the", 1),
            ("rhythm", 1),
            ("water", 2),
            ("table", 2),
            ("wanted", 2),
        ),
        *(("lighthouse", 2), ("bulges", 2), ("because", 2), ("little", 2), ("gravity", 3)),
    ],
)
def test_syllables_of_english_words(word: str, syllables: int) -> None:
    text = readability(f"{word} " * 30 + ".", "en")
    assert text is not None
    assert round((206.835 - 1.015 * 30 - text.score) / 84.6) == syllables


def test_lix_counts_long_words_and_sentences() -> None:
    text = "Der Mond zieht das Wasser an. Die Gezeiten wechseln zweimal am Tag. " * 4  # 12 words, 3 of over six letters
    found = readability(text, "de")
    assert found is not None
    assert (found.score, found.formula, found.level) == (31.0, LIX, "easy")


@pytest.mark.parametrize(
    ("text", "language"), [("海水每天涨落。" * 20, "zh"), (EASY, "fi"), (EASY, "sw"), ("Too few words.", "en")]
)
def test_no_score_where_no_formula_is_valid(text: str, language: str) -> None:
    assert readability(text, language) is None
