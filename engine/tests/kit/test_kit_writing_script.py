"""A model is asked until its script keeps the rules, at most three times."""

from __future__ import annotations

import json
import logging
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from coursewright.capabilities.llm import LlmRequest, LlmText, Quiz, Scene, Script
from coursewright.errors import BadInput, Busy, Cancelled, Unavailable, Unsuited
from coursewright.kit.writing import Ask, Message, Reply, write
from coursewright.plan import Retry
from coursewright.providers import NoHost
from coursewright.run.patience import attempts

LINE = "The sea rises and falls twice a day because the Moon pulls on the water. "  # 15 words: 6 s at the usual pace
GERMAN = "Das Meer steigt und fällt zweimal am Tag, weil der Mond an dem Wasser zieht und die Erde sich dreht."


class Desk:
    """A model that gives the replies in turn, and a context that keeps what it is told."""

    log = logging.getLogger("test")

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[Ask] = []
        self.progress_made: list[tuple[float, float, str]] = []
        self.notices: list[str] = []
        self.cancel = threading.Event()

    def ask(self, ask: Ask) -> Reply:
        self.asked.append(ask)
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Reply) else Reply(text=reply if isinstance(reply, str) else json.dumps(reply))

    def raise_if_cancelled(self) -> None:
        if self.cancel.is_set():
            raise Cancelled("the run was cancelled")

    def progress(self, done: float, total: float, message: str = "") -> None:
        self.progress_made.append((done, total, message))

    def notice(self, message: str) -> None:
        self.notices.append(message)

    def write(self, data: dict[str, Any] | None = None, *, pace: float | None = None, **request: Any) -> Any:
        host = NoHost()
        host.speech_pace = lambda language: pace  # type: ignore[method-assign]  # a host for one test
        wanted = LlmRequest(**{"prompt": "Write.", "returns": "script", "data": data or {}, **request})
        return write(wanted, self, self.ask, host=host)  # type: ignore[arg-type]  # as much of a context as is used

    @property
    def told(self) -> str:
        """What the model was told after its first answer."""
        return self.asked[1].messages[-1].text


def scene(scene_id: str = "moon", narration: str = LINE, **more: Any) -> dict[str, Any]:
    return {"id": scene_id, "title": "The Moon", "bullets": ["Two tides a day"], "narration": narration, **more}


def script(*scenes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Tides", "objectives": ["Say why tides occur"], "scenes": list(scenes or [scene()]), **more}


def lasting(lines: int, number: int = 2) -> dict[str, Any]:
    """A script of so many scenes with so many lines together, 6 s each."""
    each, rest = divmod(lines, number)
    return script(*(scene(f"part-{n}", LINE * (each + (n < rest))) for n in range(number)))


def test_a_valid_script_is_taken_at_once() -> None:
    desk = Desk(script())
    result = desk.write({"language": "en", "notes": LINE})
    assert isinstance(result, Script)
    assert (result.title, result.language, result.objectives) == ("Tides", "en", ["Say why tides occur"])
    assert [(each.id, each.bullets, each.duration_s) for each in result.scenes] == [("moon", ["Two tides a day"], 6.0)]
    assert desk.asked[0].schema is not None
    assert desk.asked[0].schema_name == "script"
    assert desk.progress_made == [(0, 3, "round 1 of at most 3"), (3, 3, "written in 1 of at most 3 rounds")]


def test_the_schema_asks_only_for_what_a_model_fills_in() -> None:
    desk = Desk(script())
    desk.write()
    schema = desk.asked[0].schema
    assert schema is not None
    assert schema["required"] == ["title", "objectives", "scenes"]
    assert schema["properties"]["scenes"]["items"]["required"] == ["id", "title", "bullets", "narration"]
    assert not {"$ref", "pattern", "$defs", "anyOf"} & set(json.dumps(schema).replace('"', " ").split())


def test_what_fails_goes_back_with_the_validators_own_words() -> None:
    wrong = script(scene(narration="**The Moon** pulls on the water."), scene("sun", narration=LINE, bullets=["x"] * 6))
    desk = Desk("I would rather not.", wrong, script())
    desk.write({"language": "en"})
    first, second, third = desk.asked
    assert [ask.round for ask in desk.asked] == [1, 2, 3]
    assert second.messages[0] == first.messages[0]
    assert second.messages[1] == Message(role="assistant", text="I would rather not.")
    assert "- The answer holds no JSON object.\n" in second.messages[2].text
    assert third.messages[1].text == json.dumps(wrong)
    assert "- Scene 'sun' has 6 bullets, at most 5 are allowed.\n" in third.messages[2].text
    assert "The narration of scene 'moon' holds emphasis, “**The Moon**”" in third.messages[2].text
    assert desk.progress_made[1:3] == [
        (1, 3, "round 2 of at most 3: corrects 1 fault"),
        (2, 3, "round 3 of at most 3: corrects 2 faults"),
    ]
    assert [done for done, _, _ in desk.progress_made] == [0, 1, 2, 3]


def test_msgspecs_words_go_back_as_well() -> None:
    desk = Desk({"title": "Tides", "scenes": [{"id": "a", "title": 7, "narration": LINE}]}, script())
    desk.write()
    assert "Expected `str`, got `int` - at `$.scenes[0].title`." in desk.told


def test_three_refused_answers_let_the_next_provider_try_and_quote_the_rules() -> None:
    desk = Desk(script(scene(narration="See https://example.org/tides for the rest of it.")))
    with pytest.raises(Unavailable) as caught:
        desk.write({"language": "en"})
    assert len(desk.asked) == 3
    assert caught.value.falls_back
    assert caught.value.message == "the model was asked 3 times and wrote no valid script: 1 fault remained"
    assert "names the address “example.org/tides”, which the material does not have" in caught.value.detail
    assert caught.value.remedy


@pytest.mark.parametrize("retry", [None, Retry(attempts=5)])
def test_a_model_that_failed_three_times_is_not_asked_three_times_more(retry: Retry | None) -> None:
    with pytest.raises(Unsuited) as caught:
        Desk("no").write()
    assert attempts(retry, caught.value) == 1
    arrived = pickle.loads(pickle.dumps(caught.value))
    assert (type(arrived), arrived.detail) == (Unsuited, "The answer holds no JSON object.")


def test_a_cut_answer_is_named_and_not_sent_back() -> None:
    desk = Desk(Reply(text='{"title": "Tides", "scenes": [{"id', truncated=True), script())
    desk.write()
    assert len(desk.asked[1].messages) == 1
    assert "cut off at the length limit" in desk.told
    assert '{"id' not in desk.told


def test_thinking_is_not_sent_back() -> None:
    desk = Desk("<think>long thoughts</think>no", script())
    desk.write()
    assert desk.asked[1].messages[1].text == "no"


def test_a_failure_of_the_service_is_not_written_over() -> None:
    with pytest.raises(Busy):
        Desk(Busy("come back later")).write()


def test_cancelled_between_rounds() -> None:
    desk = Desk("no", script())
    refuse = desk.ask

    def ask(wanted: Ask) -> Reply:
        desk.cancel.set()
        return refuse(wanted)

    with pytest.raises(Cancelled):
        write(LlmRequest(prompt="Write.", returns="script"), desk, ask, host=NoHost())  # type: ignore[arg-type]  # as above
    assert len(desk.asked) == 1


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"prompt": " "}, "prompt"),
        ({"prompt": " ", "returns": "text", "data": {"notes": "Tides"}}, "prompt"),
        ({"data": {"minutes": "five"}}, "data.minutes"),
        ({"data": {"minutes": 0}}, "data.minutes"),
        ({"data": {"language": "English"}}, "data.language"),
        ({"data": {"notes": 7}}, "data.notes"),
        ({"returns": "quiz"}, "data.script"),
        ({"returns": "translation", "data": {"language": "de"}}, "data.script"),
        ({"returns": "translation", "data": {"script": script()}}, "data.language"),
        ({"returns": "quiz", "data": {"script": script(), "questions": 0}}, "data.questions"),
    ],
)
def test_data_that_cannot_be_used_names_its_field(request_: dict[str, Any], field: str) -> None:
    desk = Desk(script())
    with pytest.raises(BadInput) as caught:
        desk.write(**request_)
    assert caught.value.field == field
    assert desk.asked == []


def test_without_a_prompt_the_data_is_asked_about() -> None:
    desk = Desk(script())
    desk.write({"notes": LINE, "minutes": None, "language": "en"}, prompt="")
    [message] = desk.asked[0].messages
    assert message.text.startswith("Write the script of a course from the data below.")
    assert f"===== notes =====\n{LINE}\n\n===== language =====\nen\n\n===== end of the data =====" in message.text
    assert "minutes" not in message.text


# -- length ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "fits"), [(17, True), (23, True), (16, False), (24, False)], ids=["-15%", "+15%", "-20%", "+20%"]
)
def test_the_length_may_be_off_by_fifteen_percent(lines: int, fits: bool) -> None:
    desk = Desk(lasting(lines), lasting(20))
    result = desk.write({"minutes": 2, "language": "en"})
    assert len(desk.asked) == (1 if fits else 2)
    assert result.report.asked_s == 120


def test_too_short_is_said_in_words_to_add() -> None:
    desk = Desk(lasting(10), lasting(20))
    desk.write({"minutes": 2})
    assert (
        "- The narrations have 150 words, which take 1.0 minutes to say; 2 minutes are 255 to 345 words: "
        "add about 150 words by telling more in every scene or adding scenes.\n"
    ) in desk.told


def test_the_measured_pace_of_the_voice_decides() -> None:
    slow = len(LINE) / 12.0  # a line takes 12 s, twice the usual time
    desk = Desk(lasting(20, 3), lasting(10))
    result = desk.write({"minutes": 2}, pace=slow)
    assert "takes out" not in desk.told
    assert "take out about" in desk.told
    assert result.report.pace_measured
    assert result.report.characters_per_s == pytest.approx(slow, abs=0.01)
    assert result.duration_s == pytest.approx(120, rel=0.02)


@pytest.mark.parametrize("pace", [0.5, 400.0])
def test_a_pace_that_no_voice_has_is_not_believed(pace: float) -> None:
    result = Desk(lasting(20)).write({"minutes": 2, "language": "en"}, pace=pace)
    assert not result.report.pace_measured


def test_the_length_is_told_beforehand() -> None:
    desk = Desk(lasting(20))
    desk.write({"minutes": 2})
    [message] = desk.asked[0].messages
    assert message.text.startswith("Write.\n\nThe answer is refused unless it keeps these rules:\n- All narrations")
    assert "about 300 words, never under 264 or over 336" in message.text


def test_languages_without_spaces_are_counted_in_characters() -> None:
    said = "海水每天涨落两次，它的节奏由月球决定。" * 14  # 14 × 17 characters and marks, near a minute
    desk = Desk(script(scene(narration=said)))
    result = desk.write({"minutes": 1, "language": "zh"})
    assert "about 250 characters" in desk.asked[0].messages[0].text
    assert result.duration_s == pytest.approx(60, rel=0.15)


# -- the other rules -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (script(scene(), scene()), "2 scenes have the id 'moon': give each its own."),
        (script(scenes=[]), "There are no scenes."),
        (script(title=" "), "The course has no title."),
        (script(scene(title="")), "Scene 'moon' has no title."),
        (script(scene(narration=" ")), "Scene 'moon' has no narration."),
        (script(scene(narration="Well.")), "Scene 'moon' has a narration of 1 words"),
        (script(scene(narration=LINE * 21)), "Scene 'moon' has a narration of 315 words, at most 300 are allowed"),
        (script(scene(), scene("sun", bullets=[])), "Scene 'sun' has no bullets for its slide."),
        (script(scene(bullets=["x" * 121])), "Scene 'moon' has a bullet of 121 characters, 120 fit"),
        (script(scene(bullets=["More on www.invented.net"])), "Scene 'moon' names the address “invented.net”"),
        (
            script(
                scene(
                    narration="Das Meer steigt und fällt, und das ist nicht der Mond, sondern die Sonne mit dem Wind."
                )
            ),
            "The text looks German: write all of it in English (en).",
        ),
    ],
    ids=range(11),
)
def test_a_broken_rule_is_told(wrong: dict[str, Any], words: str) -> None:
    desk = Desk(wrong, script())
    desk.write({"language": "en"})
    assert len(desk.asked) == 2
    assert words in desk.told


def test_what_is_harmless_is_put_right_in_place() -> None:
    answer = {"script": script(scene("Scene_One", title=" The\nMoon ", bullets=["- one", " 2. two ", ""]), mood="calm")}
    result = Desk(answer).write()
    assert (result.scenes[0].id, result.scenes[0].title, result.scenes[0].bullets) == (
        "scene-one",
        "The Moon",
        ["one", "two"],
    )


def test_ids_in_other_scripts_become_numbers() -> None:
    result = Desk(script(scene("луна"), scene("солнце"))).write()
    assert [each.id for each in result.scenes] == ["scene-1", "scene-2"]


def test_an_address_of_the_material_may_be_named() -> None:
    said = LINE + "More stands on example.org/tides."
    Desk(script(scene(narration=said))).write({"notes": "See https://www.example.org/tides."})


def test_without_a_language_the_script_says_its_own() -> None:
    german = "Das Meer steigt und fällt zweimal am Tag, und der Mond ist mit der Sonne die Ursache von dem Wechsel."
    assert Desk(script(scene(narration=german))).write().language == "de"


def picture(name: str) -> dict[str, Any]:
    return {"digest": "0" * 64, "media_type": "image/png", "size_bytes": 1, "name": name}


def test_a_picture_of_the_notes_is_shown_where_its_section_is_told() -> None:
    sun = "At new moon the Sun and the Moon work together, and spring tides are high. "
    told = f"# Tides\n\n{LINE}\n\n![a](moon.png)\n\n## Sun\n\n{sun}\n\n![](sun.png) ![](more.png)\n"
    notes = f"{told}\n## Rest\n\n![](rest.png)\n"
    images = [picture(name) for name in ("sun.png", "moon.png", "rest.png")]
    desk = Desk(script(scene("two", sun), scene("one", LINE)))
    result = desk.write({"notes": notes, "images": images, "language": "en"})
    assert [each.image and each.image.name for each in result.scenes] == ["sun.png", "moon.png"]


# -- one scene -----------------------------------------------------------------------------------------


def test_a_scene_is_written_by_itself() -> None:
    desk = Desk({"scene": scene(bullets=["- Two tides a day"])})
    result = desk.write({"wish": "shorter", "language": "en"}, returns="scene")
    assert isinstance(result, Scene)
    assert (result.title, result.bullets, result.narration) == ("The Moon", ["Two tides a day"], LINE.strip())
    assert result.duration_s == pytest.approx(6, abs=1)
    assert desk.asked[0].schema is not None
    assert list(desk.asked[0].schema["properties"]) == ["title", "bullets", "narration"]
    assert "minutes" not in desk.asked[0].prompt


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bullets": ["x"] * 6}, "has 6 bullets, at most 5 are allowed."),
        ({"narration": LINE * 30}, "at most 300 are allowed"),
        ({"narration": "**Twice** a day the sea comes and goes."}, "holds emphasis"),
        ({"narration": GERMAN * 3}, "The text looks German: write all of it in English (en)."),
    ],
    ids=range(4),
)
def test_a_wrong_scene_goes_back(wrong: dict[str, Any], words: str) -> None:
    desk = Desk(scene(**wrong), scene())
    desk.write({"language": "en"}, returns="scene")
    assert words in desk.told


# -- texts, titles, summaries ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returns", "reply", "text"),
    [
        ("text", "```\nYes.\n```", "Yes."),
        ("title", "<think>short</think>\n**Title: “Why the Sea Breathes.”**", "Why the Sea Breathes"),
        ("title", "Wait…", "Wait…"),
        ("summary", "The Moon makes the tides.", "The Moon makes the tides."),
    ],
)
def test_a_text_is_taken(returns: str, reply: str, text: str) -> None:
    desk = Desk(reply)
    assert desk.write(returns=returns) == LlmText(text=text)
    assert desk.asked[0].schema is None


@pytest.mark.parametrize(
    ("returns", "reply", "words"),
    [
        ("text", "", "The answer was empty."),
        ("text", Reply(text="The Moon", truncated=True), "cut off"),
        ("title", "One\nTwo", "The answer has 2 lines"),
        ("title", "x" * 81, "The title has 81 characters, the limit is 80."),
        ("summary", "word " * 61, "The summary has 61 words, the limit is 50."),
        ("summary", "- one\n- two", "The summary holds a list, “- one”"),
        ("summary", "See www.example.org for more.", "which the material does not have"),
    ],
)
def test_a_text_that_breaks_a_rule_goes_back(returns: str, reply: Any, words: str) -> None:
    desk = Desk(reply, "The Moon")
    assert desk.write({"words": 50}, returns=returns) == LlmText(text="The Moon")
    assert words in desk.told


# -- quizzes -----------------------------------------------------------------------------------------


def question(**more: Any) -> dict[str, Any]:
    answers = [{"text": "The Moon", "correct": True}, {"text": "The wind", "correct": False}]
    return {"scene": "moon", "question": "What makes tides?", "answers": answers, "explanation": "It pulls.", **more}


def test_a_quiz_follows_the_order_of_the_scenes() -> None:
    source = script(scene(), scene("sun"))
    quiz = Desk({"questions": [question(scene="sun"), question()]}).write({"script": source}, returns="quiz")
    assert isinstance(quiz, Quiz)
    assert [each.scene for each in quiz.questions] == ["moon", "sun"]
    assert [answer.correct for answer in quiz.questions[0].answers] == [True, False]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([], "There are 0 questions, 1 were asked for."),
        ([question(), question()], "There are 2 questions, 1 were asked for."),
        ([question(scene="mars")], "Question 1 names the scene 'mars', which the script does not have."),
        ([question(answers=[{"text": "a", "correct": True}])], "Question 1 has 1 answers, not two to five."),
        ([question(answers=[{"text": t, "correct": True} for t in "ab"])], "Question 1 marks 2 answers as correct"),
        ([question(answers=[{"text": t, "correct": False} for t in "ab"])], "Question 1 marks 0 answers as correct"),
        (
            [question(answers=[{"text": "A b", "correct": True}, {"text": "a  B", "correct": False}])],
            "Question 1 has the same answer twice.",
        ),
        ([question(question=" ")], "Question 1 has an empty question or answer."),
        ([question(explanation="See <b>scene 2</b>.")], "Question 1 holds HTML"),
    ],
    ids=range(9),
)
def test_a_wrong_quiz_goes_back(wrong: list[dict[str, Any]], words: str) -> None:
    desk = Desk({"questions": wrong}, {"questions": [question()]})
    desk.write({"script": script(), "questions": 1}, returns="quiz")
    assert words in desk.told


# -- translations ------------------------------------------------------------------------------------

ORIGINAL = {**script(scene(image=picture("moon.png"), notes="mine"), scene("sun")), "language": "en"}


def german(**more: Any) -> dict[str, Any]:
    translated = script(
        scene(narration=GERMAN, bullets=["Zweimal am Tag"]), scene("sun", GERMAN, bullets=["Die Sonne"])
    )
    return {**translated, "title": "Gezeiten", **more}


def test_a_translation_keeps_scenes_pictures_and_notes() -> None:
    result = Desk(german()).write({"script": ORIGINAL, "language": "de"}, returns="translation")
    assert (result.language, result.title) == ("de", "Gezeiten")
    assert [each.id for each in result.scenes] == ["moon", "sun"]
    assert result.scenes[0].image.name == "moon.png"
    assert result.scenes[0].notes == "mine"
    assert result.duration_s > 0


def test_a_translation_rests_on_what_its_original_rests_on() -> None:
    original = Desk(script(scene(), scene("sun"))).write({"notes": f"\n{LINE}", "language": "en"})
    result = Desk(german()).write({"script": original, "language": "de"}, returns="translation")
    assert [passage.line for passage in result.report.scenes[0].passages] == [2]
    assert result.report.scenes[0].words == 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda answer: answer["scenes"].reverse(), "with these ids: moon, sun. The answer has: sun, moon."),
        (lambda answer: answer["scenes"].pop(), "The answer has: moon."),
        (lambda answer: answer["scenes"][0]["bullets"].append("x"), "Scene 'moon' has 2 bullets, the original has 1."),
        (lambda answer: answer["objectives"].clear(), "There are 0 objectives, the original has 1."),
        (
            lambda answer: answer["scenes"][0].update(narration=LINE * 9),
            "The text looks English: write all of it in German",
        ),
        (lambda answer: answer["scenes"][0].update(narration="# Titel\nText"), "holds a heading"),
    ],
    ids=range(6),
)
def test_a_wrong_translation_goes_back(change: Callable[[Any], None], words: str) -> None:
    wrong = json.loads(json.dumps(german()))
    change(wrong)
    desk = Desk(wrong, german())
    desk.write({"script": ORIGINAL, "language": "de"}, returns="translation")
    assert words in desk.told
