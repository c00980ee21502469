from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from coursewright.capabilities.llm import LlmRequest, Script
from coursewright.errors import BadInput, ProviderError, Unavailable, Unsuited
from coursewright.testing import Bench
from coursewright_llm_outline import OutlineScript

Outline = Callable[..., Script]

TIDES = """
# Tides

The sea rises and falls twice a day. Its rhythm follows the Moon.

## The Moon

The Moon pulls on the near side more than on the far side. This makes two bulges:

- one towards the Moon
- one away from it

## The Sun

The Sun helps a little. At new moon and at full moon it works together with the Moon, and the tide is high.
"""


def test_sections_become_scenes_in_the_authors_own_sentences(outline: Outline, notices: list[str]) -> None:
    script = outline(TIDES, language="en")

    assert (script.title, script.language, script.objectives) == ("Tides", "en", ["The Moon", "The Sun"])
    assert [(scene.id, scene.title) for scene in script.scenes] == [
        ("tides", "Tides"),
        ("the-moon", "The Moon"),
        ("the-sun", "The Sun"),
    ]
    assert script.scenes[1].bullets == ["one towards the Moon", "one away from it"]
    assert script.scenes[1].narration == (
        "The Moon pulls on the near side more than on the far side. "
        "This makes two bulges: one towards the Moon, one away from it."
    )
    assert script.scenes[2].bullets == ["The Sun helps a little"]
    assert script.duration_s == pytest.approx(60 * 61 / 150, abs=0.1)
    assert notices == []


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({}, BadInput, "there are no notes to make a script of"),
        ({"notes": " \n"}, BadInput, "there are no notes to make a script of"),
        ({"notes": None}, BadInput, "there are no notes to make a script of"),
        (
            {"topic": "Bridges"},
            Unavailable,
            "llm.outline is no model and cannot write about “Bridges” by itself: it needs your notes",
        ),
        ({"notes": 7}, BadInput, "'notes' cannot be used: expected `str`, got `int`"),
        ({"notes": "Hi.", "minutes": 0}, BadInput, "'minutes' cannot be used: expected `float` > 0.0"),
        ({"notes": "Hi.", "minutes": "two"}, BadInput, "'minutes' cannot be used: expected `float | null`, got `str`"),
        (
            {"notes": "Hi.", "language": "English!"},
            BadInput,
            "'language' cannot be used: expected `str` matching regex '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'",
        ),
        ({"notes": "a" * 4_000_001}, BadInput, "the notes have 4,000,001 characters, the limit is 4,000,000"),
        ({"notes": "```\nx = 1\n```"}, BadInput, "the notes have nothing in them that can be said"),
        ({"notes": "![](a.png)"}, BadInput, "the notes have nothing in them that can be said"),
        ({"notes": "… --- 🚀 #"}, BadInput, "the notes have nothing in them that can be said"),
    ],
)
def test_what_it_cannot_serve(desk: Bench, data: dict[str, Any], kind: type[ProviderError], message: str) -> None:
    provider = OutlineScript()

    with pytest.raises(kind) as caught:
        provider.run(LlmRequest(data=data, returns="script"), desk.context(provider))

    assert caught.value.message == message
    assert caught.value.remedy


def test_it_leaves_other_work_to_models(desk: Bench) -> None:
    provider = OutlineScript()

    with pytest.raises(Unavailable, match="cannot write a text"):
        provider.run(LlmRequest(prompt="Write a poem", data={"notes": "Hi."}), desk.context(provider))


def test_it_says_beforehand_what_takes_a_model() -> None:
    for request in (LlmRequest(data={"topic": "Tides"}, returns="script"), LlmRequest(data={"notes": "Hi."})):
        with pytest.raises(Unsuited):
            OutlineScript().estimate(request)
    OutlineScript().estimate(LlmRequest(data={"topic": "Tides", "notes": "Hi."}, returns="script"))


def test_keys_meant_for_models_are_no_concern(outline: Outline) -> None:
    assert outline("One sentence.", audience="adults", style={"tone": 1}, topic="Any").title == "Any"


def test_one_word_is_a_script(outline: Outline) -> None:
    script = outline("Hello")

    assert [(scene.title, scene.bullets, scene.narration) for scene in script.scenes] == [
        ("Hello", ["Hello"], "Hello.")
    ]


def test_only_headings(outline: Outline, notices: list[str]) -> None:
    script = outline("# A\n## B first\n## C next")

    assert script.title == "A"
    assert " ".join(scene.narration for scene in script.scenes).split() == ["A.", "B", "first.", "C", "next."]
    assert notices[0].startswith("the notes have only headings")


def test_headings_without_text_are_named(outline: Outline, notices: list[str]) -> None:
    outline("# T\n## A\nWords are here, and they are enough.\n## Exercises\n## Homework\n")

    assert notices == ["left out 2 heading(s) with nothing to say under them: “Exercises”, “Homework”"]


@pytest.mark.parametrize(
    "heading",
    ["Learning goals", "LERNZIELE", "Objectifs", "Objetivos de aprendizaje", "学习目标", "Цели", "3. Objectives"],
)
def test_stated_objectives_are_taken(outline: Outline, heading: str) -> None:
    assert outline(f"# T\n\n## {heading}\n\n- name two\n- draw one\n\n## B\n\nWords.").objectives == [
        "Name two",
        "Draw one",
    ]


def test_front_matter_gives_the_title_and_is_not_said(outline: Outline) -> None:
    script = outline('---\ntitle: "On soil"\ntags: [x]\n---\n## First\n\nSoil is alive.\n')

    assert (script.title, script.scenes[0].narration) == ("On soil", "Soil is alive.")


def test_a_rule_at_the_top_is_no_front_matter(outline: Outline) -> None:
    assert "Soil is alive." in outline("---\n\nSoil is alive.\n\n---\n\nIt breathes.").scenes[0].narration


def test_speaker_notes_of_slides_are_said_and_their_list_is_shown(outline: Outline) -> None:
    script = outline("## Two forces\n\n- Push\n- Pull\n\n### Notes\n\nEvery bridge deals with two forces.")

    assert [(scene.bullets, scene.narration) for scene in script.scenes] == [
        (["Push", "Pull"], "Every bridge deals with two forces.")
    ]


def test_small_subsections_share_a_scene_that_names_them(outline: Outline) -> None:
    script = outline(
        "# Git\n\n## Undo\n\n### Before\n\nUse restore.\n\n### After\n\nUse revert.\n\n### Lost\n\nUse reflog."
    )

    assert [(scene.title, scene.bullets) for scene in script.scenes] == [("Undo", ["Before", "After", "Lost"])]
    assert script.scenes[0].narration == "Before. Use restore.\n\nAfter. Use revert.\n\nLost. Use reflog."


def test_long_sections_are_divided_between_paragraphs(outline: Outline) -> None:
    paragraphs = [" ".join(f"Sentence {n} of paragraph {p} has nine words here." for n in range(6)) for p in range(6)]

    script = outline("# T\n\n## Long one\n\n" + "\n\n".join(paragraphs))

    assert [scene.title for scene in script.scenes] == ["Long one", "Long one (2)", "Long one (3)"]
    assert [scene.id for scene in script.scenes] == ["long-one", "long-one-2", "long-one-3"]
    assert "\n\n".join(scene.narration for scene in script.scenes) == "\n\n".join(paragraphs)


def test_long_lists_are_spread_over_scenes(outline: Outline) -> None:
    items = [f"Rule number {n} says that everybody should wash the dishes" for n in range(12)]

    script = outline("## Rules\n\n" + "\n".join(f"- {item}" for item in items))

    assert [point for scene in script.scenes for point in scene.bullets] == items


def test_pictures_of_the_document_are_shown_with_their_section(outline: Outline, desk: Bench) -> None:
    image = desk.store.put_bytes(b"x", name="picture-1.png", media_type="image/png")

    text = "## A\n\nThe first one needs no picture, since everybody knows what it looks like already.\n\n"
    text += "## B\n\n![](picture-1.png)\n\nThe second one does, because hardly anybody has ever seen it from so near.\n"

    script = outline(text, images=[image])

    assert [scene.image for scene in script.scenes] == [None, image]
    assert outline(text, images=[msgspec.to_builtins(image)]) == script


def test_ids_stay_when_a_scene_is_inserted_before(outline: Outline) -> None:
    words = "Here are as many words as a scene needs to stand by itself for long enough.\n\n"
    sections = f"## 1. 开始\n\n{words}## 2. Größe\n\n{words}## Exercise\n\n{words}"
    before = {scene.title: scene.id for scene in outline(sections).scenes}

    after = {scene.title: scene.id for scene in outline(f"## 1. New\n\n{words}{sections}").scenes}

    assert before == {title: after[title] for title in before}
    assert before["Größe"] == "grosse"


def test_scenes_of_one_title_have_ids_of_their_own(outline: Outline) -> None:
    text = "".join(
        f"# Chapter {n}\n\n## Summary\n\nChapter {n} was about the number {n} and all of its many good old friends.\n"
        for n in "abc"
    )

    ids = [scene.id for scene in outline(text).scenes]

    assert ids[0] == "summary"
    assert len(set(ids)) == 3
    assert ids[1:] == [scene.id for scene in outline(text + "\n## End\n\nThat was all there is.").scenes][1:3]


WORDS = ["tide", "water", "moon", "rises", "falls", "gravity", "because", "twice", "shore", "coast", "pulls", "ocean"]


def prose(sentences: int) -> str:
    return " ".join(
        f"The {WORDS[n % 12]} of {WORDS[n % 7]} {n} and {WORDS[n % 5]} or {WORDS[n % 11]}." for n in range(sentences)
    )


def test_notes_that_are_too_long_lose_their_least_important_sentences(outline: Outline, notices: list[str]) -> None:
    sections = [f"## Section {n}\n\nSection {n} opens with this. {prose(30)}" for n in range(4)]

    script = outline("# T\n\n" + "\n\n".join(sections), minutes=2, language="en")

    assert 100 <= script.duration_s <= 125
    assert all(f"Section {n} opens with this." in script.scenes[n].narration for n in range(4))
    assert notices[0].startswith("the notes make about 7.3 minutes; to come near 2 minutes, ")


def test_a_sentence_never_stays_without_the_one_it_leans_on(outline: Outline) -> None:
    text = "# T\n\nFirst comes first. " + " ".join(
        f"Matter {n} is {WORDS[n % 12]}. This leans on {n}." for n in range(90)
    )

    said = " ".join(scene.narration for scene in outline(text, minutes=1, language="en").scenes)

    assert "leans" in said
    assert all(f"Matter {n} is" in said for n in range(90) if f"This leans on {n}." in said)


def test_short_notes_are_never_padded(outline: Outline, notices: list[str]) -> None:
    script = outline("Soil is alive.", minutes=5)

    assert script.scenes[0].narration == "Soil is alive."
    assert notices == [
        "the notes make about 1 seconds, not the 5 minutes asked for; nothing is added to them. "
        "Write more, or ask for less"
    ]


@pytest.mark.parametrize("data", [{}, {"minutes": None}])
def test_without_minutes_all_is_used_and_nothing_is_said_about_length(
    outline: Outline, notices: list[str], data: dict[str, Any]
) -> None:
    text = f"# T\n\n## First\n\n{prose(300)}\n\n## Next\n\nShort."

    script = outline(text, language="en", **data)

    assert " ".join(" ".join(scene.narration for scene in script.scenes).split()) == f"{prose(300)} Short."
    assert notices == []


@pytest.mark.parametrize(
    ("notes", "language", "looks"),
    [
        ("Приливы и отливы повторяются дважды в день, и вода поднимается.", "en", "Russian"),
        ("Das Meer steigt und fällt zweimal am Tag, und der Mond ist die Ursache.", "en", "German"),
        ("The sea rises and falls twice a day, and the Moon is the cause of it.", "de", "English"),
        ("海水每天涨落两次，这是因为月亮的引力作用于地球上的海水。", "fr", "Chinese"),
    ],
)
def test_a_language_that_cannot_be_is_told(
    outline: Outline, notices: list[str], notes: str, language: str, looks: str
) -> None:
    assert outline(notes, language=language).language == language
    assert notices == [
        f"the notes look {looks}, but the course's language is set to '{language}': "
        "the voice will sound wrong unless you change one of them"
    ]


@pytest.mark.parametrize(
    ("notes", "language"),
    [
        ("Приливи і відливи повторюються двічі на день.", "uk"),
        ("Le mare et le luna es belle e le aqua sale duo vices per die.", "ia"),
        ("Ok, yes.", "fr"),
    ],
)
def test_what_may_be_right_is_left_alone(outline: Outline, notices: list[str], notes: str, language: str) -> None:
    assert outline(notes, language=language).language == language
    assert notices == []


@pytest.mark.parametrize(
    ("notes", "language"),
    [
        ("Das Meer steigt und fällt zweimal am Tag, und der Mond ist die Ursache.", "de"),
        ("海水每天涨落两次，这是因为月亮的引力作用于地球上的海水。", "zh"),
        ("月の引力が海の水を引きつけるので、潮は一日に二回満ちたり引いたりします。", "ja"),
        ("الماء يتحرك باستمرار على الأرض وتسخن الشمس مياه البحار.", "ar"),
        ("Zebra quux.", "en"),
    ],
)
def test_the_language_is_found_when_none_is_given(outline: Outline, notes: str, language: str) -> None:
    assert outline(notes).language == language


@pytest.mark.parametrize(
    "notes",
    [
        "\n\n".join(f"## Heading {n}\n\n{prose(4)}" for n in range(5_000)),
        prose(20_000),
        "\n".join(f"## Heading {n}" for n in range(10_000)),
        "word " * 200_000,
        "a" * 500_000,
        "- item\n" * 10_000,
        "[" * 50_000,
    ],
    ids=["sections", "one paragraph", "headings", "no stops", "one word", "list", "brackets"],
)
def test_huge_notes_stay_within_the_limits_of_a_script_and_take_seconds(outline: Outline, notes: str) -> None:
    began = time.process_time()
    try:
        script = outline(notes)
    except BadInput:
        assert not any(map(str.isalnum, notes))
        return

    # 200,000 words take 1 s on an idle core, and some on a busy one; a quadratic step would take minutes
    assert time.process_time() - began < 15
    assert msgspec.json.decode(msgspec.json.encode(script), type=Script) == script
    said = sum(len(scene.narration.split()) for scene in script.scenes)
    assert said >= len(notes.replace("#", "").replace("- ", "").split()) * 0.9


def test_every_scene_rests_on_the_notes_it_was_made_of(outline: Outline, notices: list[str]) -> None:
    script = outline(TIDES, language="en", minutes=0.4)

    assert script.report is not None
    assert [scene.passages[0].line for scene in script.report.scenes] == [4, 8, 15]
    assert not any(scene.unsupported for scene in script.report.scenes)
    assert all(scene.support is not None and scene.support > 0.8 for scene in script.report.scenes)
    assert (script.report.words, script.report.asked_s, script.report.pace_measured) == (61, 24.0, False)
    assert notices == []
