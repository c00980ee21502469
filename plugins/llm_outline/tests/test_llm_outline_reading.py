from __future__ import annotations

from collections.abc import Callable

import pytest
from coursewright.capabilities.llm import Script
from coursewright_llm_outline.notes import Sentence, read
from coursewright_llm_outline.points import headline, points
from coursewright_llm_outline.rank import Ranking
from coursewright_llm_outline.sentences import capitalised, sentences, with_stop

Outline = Callable[..., Script]


def said(notes: str, language: str = "en") -> list[str]:
    return [sentence.text for section in read(notes, language).sections for sentence in section.sentences]


def titles(notes: str) -> list[str]:
    return [section.title for section in read(notes).sections if section.title]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Dr. Smith met J. S. Bach at 3.30 p.m. They left.", "en",
         ["Dr. Smith met J. S. Bach at 3.30 p.m.", "They left."]),
        ("It is 1.5 m, e.g. a door. Is it? Yes!", "en", ["It is 1.5 m, e.g. a door.", "Is it?", "Yes!"]),
        ('He said "Stop!" and left. (Really.) Fine.', "en", ['He said "Stop!" and left.', "(Really.)", "Fine."]),
        ("Am 3. Mai z. B. regnete es. Im Jahr 1999. Danach nicht.", "de",
         ["Am 3. Mai z. B. regnete es.", "Im Jahr 1999.", "Danach nicht."]),
        ("Wait… what? Well...", "en", ["Wait… what?", "Well..."]),
        ("海水上升。为什么？因为月亮！", "zh", ["海水上升。", "为什么？", "因为月亮！"]),
        ("هل تعرف كيف؟ نعم. حسنا", "ar", ["هل تعرف كيف؟", "نعم.", "حسنا"]),
        ("जल चक्र है। यह चलता है।", "hi", ["जल चक्र है।", "यह चलता है।"]),
        ("the tide rises. it falls. ok", "en", ["the tide rises.", "it falls.", "ok"]),
        ("", "en", []),
    ],
)  # fmt: skip
def test_sentences(text: str, language: str, expected: list[str]) -> None:
    assert sentences(text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("one;", "one."), ("海水", "海水。"), ("जल", "जल।"), ("why?", "why?"), ("so:", "so."), ("", "")],
)
def test_stops(text: str, expected: str) -> None:
    assert with_stop(text) == expected


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("See [the *book*](https://x.org), **now**!", ["See the book, now!"]),
        ("Go to <https://www.git-scm.com/book/a_(b)> or www.x.org/a, then stop.",
         ["Go to git-scm.com or x.org, then stop."]),
        ("A rule (https://x.org/a) holds [1, 2], as he says[^1] [@doe99].\n\n[^1]: Not said.",
         ["A rule holds, as he says."]),
        ("https://example.org/only", []),
        ("Great 🎉 work :tada: ~~not~~ ==here== at 10:30:45.", ["Great work here at 10:30:45."]),
        ("One<br>two &amp; H<sub>2</sub>O<!-- no -->.", ["One two & H2O."]),
        ("<div class='x'><p>Hello <b>you</b>.</p><script>no()</script></div>", ["Hello you."]),
        ("Costs $5 and $6. Mass $m$ gives $E = mc^2$, $\\frac{a}{b}$ and $\\alpha_{1}$.",
         ["Costs $5 and $6.", "Mass m gives E = mc², a/b and α1."]),
        ("So it follows:\n\n$$ x = y $$\n\nThat was it.", ["So it follows.", "That was it."]),
        ("Before.\n\n```python\nprint()\n```\n\nAfter.", ["Before.", "After."]),
        ("    An indented paragraph of plain text.", ["An indented paragraph of plain text."]),
        ("> [!NOTE]\n> A question.", ["A question."]),
        ("[[Page|The text]] and [[Other]].", ["The text and Other."]),
        ("海水\n上升。", ["海水上升。"]),
        ("[TOC]\n\nText.", ["Text."]),
        ("A well-known infor-\nmation of a well-\nknown kind.", ["A well-known information of a well-known kind."]),
        ("\x00A\u202eb\x07c.", ["Abc."]),
    ],
)  # fmt: skip
def test_markup_is_not_said(outline: Outline, notes: str, expected: list[str]) -> None:
    if expected:
        narration = " ".join(scene.narration for scene in outline(notes, language="en").scenes)
        assert narration.split() == " ".join(expected).split()
    else:
        assert said(notes) == []


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("Three things:\n\n- the Moon\n- the Sun,\n- land", ["Three things: the Moon, the Sun, land."]),
        ("- red, green\n- blue", ["Red, green; blue."]),
        ("- 红光\n- 蓝光", ["红光、蓝光。"]),
        ("- المطر\n- الثلج", ["المطر، الثلج."]),
        ("- It rains.\n- It snows in the north quite often", ["It rains.", "It snows in the north quite often."]),
        ("1. Open it.\n\n   Then wait.\n2. Close it.", ["Open it.", "Then wait.", "Close it."]),
        ("- outer one\n  - inner\n- next", ["Outer one.", "Inner.", "Next."]),
        ("- [ ] first\n- [x] second", ["First, second."]),
        ("• one thing\n• other thing", ["One thing, other thing."]),
        ("| Planet | Moons |\n|---|---|\n| Earth | 1 |\n| Mars | 2 |", ["Earth: Moons 1.", "Mars: Moons 2."]),
        ("| tool | use |\n|---|---|\n| hammer | drives nails |\n| `sed` | edits text |",
         ["Hammer, use: drives nails.", "sed, use: edits text."]),
        ("|  | hot | cold |\n|---|---|---|\n| day | ≈ 30 °C |  |\n|  | 20 °C | −5 °C |",
         ["Day: hot ≈ 30 °C.", "Hot 20 °C, cold −5 °C."]),
        ("- keep it at 24–26 °C: always\n- “smell” it. it tells you",
         ["Keep it at 24–26 °C: always.", "“Smell” it.", "It tells you."]),
        ("- `git add` is first: it adds\n- pH first\n- x is a variable",
         ["git add is first: it adds.", "pH first.", "x is a variable."]),
        ("Tides come from the Moon\nThe Sun helps\nCoasts add height",
         ["Tides come from the Moon.", "The Sun helps.", "Coasts add height."]),
    ],
)  # fmt: skip
def test_lists_and_tables(notes: str, expected: list[str]) -> None:
    assert said(notes) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("keep it", "en", "Keep it"),
        ("(keep) it", "en", "(Keep) it"),
        ("«été»: chaud", "fr", "«Été»: chaud"),
        ("l’eau", "fr", "L’eau"),
        ("iki gün", "tr", "İki gün"),
        ("ijs smelt", "nl", "IJs smelt"),
        ("вода", "ru", "Вода"),
        ("iPhone", "en", "iPhone"),
        ("pH 7", "en", "pH 7"),
        ("mp3 files", "en", "mp3 files"),
        ("file.txt is", "en", "file.txt is"),
        ("print() it", "en", "print() it"),
        ("x grows", "en", "x grows"),
        ("a leaf", "en", "A leaf"),
        ("ßo", "de", "ßo"),
        ("ქართული", "ka", "ქართული"),
        ("海水", "zh", "海水"),
        ("4 eggs", "en", "4 eggs"),
        ("", "en", ""),
    ],
)
def test_capitals(text: str, language: str, expected: str) -> None:
    assert capitalised(text, language) == expected


def test_slides_show_what_figures_of_a_table_mean_and_lists_with_capitals(outline: Outline) -> None:
    table = "| stage | temperature | minutes |\n|---|---|---|\n| covered | 250 °C | 20 |\n| open | 220 °C | 25 |"
    script = outline(f"# Bread\n\n## Baking\n\n{table}\n\n## Dough\n\n- knead it: long\n- wait\n\n{'Word ' * 20}")

    assert [scene.bullets for scene in script.scenes] == [
        ["Covered: temperature 250 °C, minutes 20", "Open: temperature 220 °C, minutes 25"],
        ["Knead it: long", "Wait"],
    ]
    assert (
        script.scenes[0].narration == "Covered: temperature 250 °C, minutes 20. Open: temperature 220 °C, minutes 25."
    )


def test_a_large_table_is_for_the_eyes(outline: Outline, notices: list[str]) -> None:
    table = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 20

    scene = outline(f"## T\n\nSome words.\n\n{table}").scenes[0]

    assert scene.narration == "Some words."
    assert scene.notes.startswith("a | b\n1 | 2")
    assert notices == [
        "1 code block(s), footnote(s) or large table(s) are not read aloud; they are in the scenes' notes"
    ]


def test_references_are_not_read_aloud(outline: Outline, notices: list[str]) -> None:
    script = outline("## A\n\nSome words.\n\n## References\n\n1. Doe, J. (1999). On tides.")

    assert [scene.title for scene in script.scenes] == ["A"]
    assert notices == ["left out the list of references; it is not for listening"]


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("# 1. One\n\nx.\n\n## 1.2 Two.\n\ny.\n\n## 2024 in numbers\n\nz.", ["One", "Two", "2024 in numbers"]),
        ("Tides\n\nWhy the sea rises\n\nThe Moon pulls on it.\n\nThe Sun\n\nIt helps.",
         ["Tides", "Why the sea rises", "The Sun"]),
        ("**The Moon**\n\nIt pulls.\n\n**The Sun**\n\nIt helps.", ["The Moon", "The Sun"]),
        ("# T\n\n**The Moon**\n\nIt pulls.", ["T", "The Moon"]),
        ("1. The Moon\n\nIt pulls on the sea.\n\n2. The Sun\n\nIt helps.", ["The Moon", "The Sun"]),
        ("light reaction\n- water is split\n\nwhy it matters?\n- food", ["Light reaction", "Why it matters?"]),
        ("Introduction\nThe sea rises and falls twice a day, and people have\nalways wondered why.", ["Introduction"]),
        ("This sentence is rather long and is followed by dashes by accident, since the author wanted a rule, and then "
         "drew it too close\n---\n\nx.", []),
    ],
)  # fmt: skip
def test_headings(notes: str, expected: list[str]) -> None:
    assert titles(notes) == expected


def test_pages_of_a_converted_pdf_are_put_together() -> None:
    notes = (
        "The upper layer is where most roots and animals live, and it is the layer that is lost when rain\n\n13\n\n"
        "washes over bare fields.\n\nPage 14 of 20\n\nFarmers keep the ground covered."
    )

    assert said(notes) == [
        "The upper layer is where most roots and animals live, and it is the layer that is lost when rain washes over "
        "bare fields.",
        "Farmers keep the ground covered.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Moon pulls.", "The Moon pulls"),
        ("The Moon pulls on the water nearest to it, and the water piles up into a bulge there.",
         "The Moon pulls on the water nearest to it"),
        ("When the Moon is overhead, the water below it piles up into a bulge that follows it around.",
         "The water below it piles up into a bulge that follows it around"),
        ("In 1687, Newton explained the tides by the attraction of the Moon and of the Sun.",
         "Newton explained the tides by the attraction of the Moon and of the Sun"),
        ("Gutenberg cast single letters from an alloy of lead, tin and antimony. ",
         "Gutenberg cast single letters from an alloy of lead, tin and antimony"),
        ("A narrow bay can lift the tide to sixteen metres, as in the Bay of Fundy in Canada.",
         "A narrow bay can lift the tide to sixteen metres"),
        ("The printer could set lines of letters, print, take them apart again and use them anew.",
         "The printer could set lines of letters, print, take them apart again and use them anew"),
    ],
)  # fmt: skip
def test_points_are_clauses_that_stand_alone(text: str, expected: str) -> None:
    assert points([Sentence(text, opens=True)], Ranking([])) == [expected]


def test_points_say_something_without_the_sentence_before() -> None:
    said = ["Here is why.", "Tides follow the Moon.", "They come twice a day to every coast.", "Do they always come?"]

    assert points([Sentence(text) for text in said], Ranking([])) == ["Tides follow the Moon"]


def test_an_endless_sentence_is_cut_at_a_word() -> None:
    (point,) = points([Sentence("word " * 60 + "end.")], Ranking([]))

    assert len(point) <= 90
    assert point.endswith("word…")


def test_a_title_is_a_short_clause() -> None:
    sentence = Sentence("The Moon pulls on the water nearest to it, and the water piles up into a large bulge there.")

    assert headline([sentence], Ranking([])) == "The Moon pulls on the water nearest to it"


def test_french_keeps_the_spaces_before_its_marks() -> None:
    assert said("Trop acide ? Moulez plus fin !") == ["Trop acide ?", "Moulez plus fin !"]
