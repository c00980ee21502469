"""The pipelines in which a model writes, run as a person runs them, against a chat server on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coursewright.testing.standins.chat import ChatServer, chat_server

ROOT = Path(__file__).resolve().parents[1]
NOTES = "# Tides\n\nThe sea rises and falls twice a day, because the Moon pulls on the water.\n"
SAID = (
    "The sea rises and falls twice a day, because the Moon pulls on the water that faces it. Whoever waits at the "
    "shore sees it come closer, stand still, and leave again."
)
GERMAN = "Das Meer steigt und fällt zweimal am Tag, weil der Mond an dem Wasser zieht und die Erde sich dreht."


def scene(scene_id: str, narration: str) -> dict[str, Any]:
    return {"id": scene_id, "title": "Tides", "bullets": ["Twice a day"], "narration": narration}


class Author:
    """A person with notes, whose machine knows a chat server."""

    def __init__(self, folder: Path, data: Path, server: ChatServer) -> None:
        self.folder = folder
        self.data = data
        self.server = server
        (folder / "notes.md").write_text(NOTES)

    def run(self, pipeline: str, *arguments: str, code: int = 0) -> tuple[Path, str]:
        """Run a pipeline; returns the folder of its results, and what was said about it."""
        environment = {
            **os.environ,
            "COURSEWRIGHT_DATA_DIR": str(self.data),
            "COURSEWRIGHT_STORE_DIR": str(self.folder / "store"),
            "COURSEWRIGHT_SERVICE_LLM_OPENAI__URL": self.server.url,
        }
        results = f"{pipeline}-{len(list(self.folder.iterdir()))}"
        own = self.folder / f"{pipeline}.yaml"
        file = own if own.exists() else ROOT / "pipelines" / own.name
        command = ["run", str(file), "-o", results, *arguments]
        done = subprocess.run(
            [sys.executable, "-m", "coursewright", *command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert done.returncode == code, done.stderr
        return self.folder / results, done.stderr

    def prompts(self) -> list[str]:
        """The first message of each chat."""
        return [chat["messages"][0]["content"] for chat in self.server.chats]


@pytest.fixture(scope="module")
def author_of_all(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Iterator[Author]:
    with chat_server() as server:
        yield Author(tmp_path_factory.mktemp("author"), data_folder, server)


@pytest.fixture
def author(author_of_all: Author) -> Author:
    author_of_all.server.reset()
    return author_of_all


def test_a_script_from_a_topic_alone(author: Author) -> None:
    long = {"title": "Tides", "objectives": [], "scenes": [scene(f"part-{n}", SAID * 2) for n in range(9)]}
    author.server.replies += [json.dumps({**long, "scenes": long["scenes"][:3]}), json.dumps(long)]
    results, _ = author.run(
        *("script_generation", "--provider", "llm=openai", "-i", "topic=Tides", "-i", "minutes=4"),
        *("-i", "audience=sailors", "-i", "style=storytelling"),
    )
    script = json.loads((results / "script.json").read_text())
    assert len(script["scenes"]) == 9
    assert script["report"]["asked_s"] == 240
    assert script["duration_s"] == pytest.approx(240, rel=0.15)
    _, second = author.server.chats
    assert "about: Tides" in author.prompts()[0]
    assert "The learners: sailors." in author.prompts()[0]
    assert "Tone: storytelling." in author.prompts()[0]
    assert "4 minutes are" in second["messages"][-1]["content"]
    report = json.loads((results / "report.json").read_text())
    assert "there were no notes" in json.dumps(report)


def test_neither_topic_nor_notes(author: Author) -> None:
    _, said = author.run("script_generation", code=2)
    assert "'topic' or 'notes' is needed" in said
    assert author.server.chats == []


def test_a_topic_alone_is_too_little_without_a_model(author: Author) -> None:
    _, said = author.run("script_generation", "-i", "topic=Tides", code=1)
    assert "cannot write about “Tides” by itself" in said


def test_a_quiz(author: Author) -> None:
    answers = [{"text": "The Moon", "correct": True}, {"text": "The wind", "correct": False}]
    question = {"scene": "tides", "question": "What makes the tides?", "answers": answers, "explanation": "It pulls."}
    author.server.replies += [
        json.dumps({"questions": [{**question, "scene": "mars"}]}),
        json.dumps({"questions": [question]}),
    ]
    results, _ = author.run("course_quiz", "-i", "notes=notes.md", "-i", "questions=1")
    quiz = json.loads((results / "quiz.json").read_text())
    assert [each["question"] for each in quiz["questions"]] == ["What makes the tides?"]
    assert "[scene tides] Tides" in author.prompts()[0]


def test_a_scene_is_rewritten_as_its_author_wishes(author: Author) -> None:
    author.server.replies += [json.dumps(scene("tides", SAID))]
    wished = {
        "wish": "tell it from the shore",
        "title": "Tides",
        "bullets": "Moon\nWater",
        "narration": "The Moon pulls.",
    }
    results, _ = author.run("scene_rewrite", *(f"-i{name}={text}" for name, text in wished.items()))
    assert json.loads((results / "scene.json").read_text())["narration"] == SAID
    (prompt,) = author.prompts()
    assert "tell it from the shore" in prompt
    assert "Moon\nWater" in prompt
    assert "Invent no figures" in prompt


def test_a_lesson_in_another_language(author: Author) -> None:
    translated = {"title": "Gezeiten", "objectives": [], "scenes": [scene("tides", GERMAN)]}
    author.server.replies += [json.dumps(translated), "Ebbe und Flut verstehen", "Ebbe und Flut verstehen"]
    results, _ = author.run("translated_lesson", "-i", "notes=notes.md", "-i", "language=de")
    assert json.loads((results / "script.json").read_text())["language"] == "de"
    assert (results / "title.txt").read_text().strip() == "Ebbe und Flut verstehen"
    assert len(list(results.glob("*.m4a"))) == 1
    assert " ".join(GERMAN.split()[:4]) in (next(results.glob("*.md"))).read_text()


def test_a_model_that_writes_nothing_valid_leaves_the_work_to_the_next_provider(author: Author) -> None:
    pipeline = author.folder / "either.yaml"
    pipeline.write_text(
        "inputs: {notes: {type: document}}\n"
        "steps:\n"
        '  text: {uses: document, with: {file: "${inputs.notes}"}}\n'
        "  script:\n"
        "    uses: llm\n"
        "    provider: [openai, outline]\n"
        '    with: {data: {notes: "${text.markdown}", language: en}, returns: script}\n'
        "outputs: {script: '${script}'}\n"
    )
    author.server.replies += ["I would rather not."] * 3
    results, _ = author.run("either", "-i", "notes=notes.md")
    assert len(author.server.chats) == 3
    assert json.loads((results / "script.json").read_text())["title"] == "Tides"
    report = (results / "report.json").read_text()
    assert "llm.outline" in report
    assert "the model was asked 3 times and wrote no valid script: 1 fault remained" in report
