"""`quiz`: questions about a script."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from coursewright.capabilities.llm import LlmRequest, Quiz
from coursewright.kit.writing import rules
from coursewright.kit.writing.asks import Reply
from coursewright.kit.writing.material import Material, script_of
from coursewright.kit.writing.replies import fill, object_of
from coursewright.kit.writing.schemas import QUIZ
from coursewright.providers import Context


class DraftAnswer(msgspec.Struct, kw_only=True):
    """An answer as a model wrote it."""

    text: str
    correct: bool = False


class DraftQuestion(msgspec.Struct, kw_only=True):
    """A question as a model wrote it."""

    scene: str
    question: str
    answers: list[DraftAnswer]
    explanation: str = ""


class DraftQuiz(msgspec.Struct, kw_only=True):
    """A quiz as a model wrote it, before any rule."""

    questions: list[DraftQuestion]


class Quizzes:
    """Questions with one correct answer each, every one about a scene."""

    schema = QUIZ

    def __init__(self, request: LlmRequest, material: Material) -> None:
        self._script = script_of(material, "a quiz")
        self._language = material.language or self._script.language
        self._asked = material.questions
        self._known = rules.material(request.data)
        self._order = {scene.id: place for place, scene in enumerate(self._script.scenes)}

    def wanted(self) -> list[str]:
        return [
            *rules.in_language("All texts are", self._language),
            *([f"Exactly {self._asked} questions."] if self._asked else []),
            "Each question has two to five different answers, of which exactly one is correct.",
            "Each question names the scene that answers it by its id: " + ", ".join(self._order) + ".",
            "Plain text without markup.",
            rules.ADDRESSES,
        ]

    def read(self, reply: Reply) -> tuple[msgspec.Struct | None, list[str]]:
        draft = fill(object_of(reply), DraftQuiz)
        if faults := list(self._faults(draft)):
            return None, faults
        draft.questions.sort(key=lambda question: self._order[question.scene])
        return fill({**msgspec.to_builtins(draft), "language": self._language}, Quiz), []

    def finished(self, value: msgspec.Struct, context: Context) -> msgspec.Struct:
        return value

    def _faults(self, draft: DraftQuiz) -> Iterator[str]:
        found = len(draft.questions)
        if not found or (self._asked and found != self._asked):
            yield f"There are {found} questions" + (f", {self._asked} were asked for." if self._asked else ".")
        for number, question in enumerate(draft.questions, 1):
            yield from self._wrong_question(question, f"Question {number}")
        everything = " ".join(
            " ".join((question.question, *(answer.text for answer in question.answers), question.explanation))
            for question in draft.questions
        )
        yield from rules.wrong_language(everything, self._language)

    def _wrong_question(self, question: DraftQuestion, which: str) -> Iterator[str]:
        if question.scene not in self._order:
            yield f"{which} names the scene '{question.scene}', which the script does not have."
        if not 2 <= len(question.answers) <= 5:
            yield f"{which} has {len(question.answers)} answers, not two to five."
        if (correct := sum(answer.correct for answer in question.answers)) != 1:
            yield f"{which} marks {correct} answers as correct, not exactly one."
        if len({" ".join(answer.text.casefold().split()) for answer in question.answers}) < len(question.answers):
            yield f"{which} has the same answer twice."
        texts = (question.question, *(answer.text for answer in question.answers), question.explanation)
        if not all(text.strip() for text in texts[:-1]):
            yield f"{which} has an empty question or answer."
        whole = "\n".join(texts)
        yield from rules.markup(whole, which)
        yield from rules.invented_addresses(whole, which, self._known)
