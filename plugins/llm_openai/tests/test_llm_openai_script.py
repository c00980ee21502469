"""Whole results: a course script by each server, along each rung of the ladder, and corrected when it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from coursewright.capabilities.llm import LlmRequest, Quiz, Script
from coursewright.errors import Unavailable
from coursewright.testing import Bench
from coursewright.testing.standins.chat import ChatServer
from coursewright_llm_openai.provider import OpenAIChat

Serving = Callable[..., ChatServer]
ProviderOf = Callable[..., OpenAIChat]

NARRATION = (
    "Twice a day the water leaves the harbour, and twice a day it comes back. The moon pulls on the side of the earth "
    "that faces it a little more than on the middle, and on the middle a little more than on the far side. So the sea "
    "bulges on both sides, and the earth turns beneath the bulges. Whoever stands at the shore sees the water rise, "
    "wait, and fall again, a little later every day."
)
SCRIPT = {
    "title": "Why the sea rises",
    "objectives": ["Explain why there are two tides a day"],
    "scenes": [
        {"id": f"part-{number}", "title": f"Part {number}", "bullets": ["Moon and sea"], "narration": NARRATION}
        for number in (1, 2)
    ],
}


def request(**data: Any) -> LlmRequest:
    return LlmRequest(prompt="Write a course about tides.", data={"topic": "Tides", **data}, returns="script")


@pytest.mark.parametrize("personality", ["llama.cpp", "ollama", "vllm"])
@pytest.mark.parametrize("schema", ["nested", "refused", "no_format", "ignored"])
def test_a_script_by_each_server_on_each_rung(
    serving: Serving, provider_of: ProviderOf, made: Bench, personality: str, schema: str
) -> None:
    server = serving(personality, schema=schema)
    server.replies.append(json.dumps(SCRIPT))

    script = made.serve(provider_of(server), request())

    assert isinstance(script, Script)
    assert [scene.id for scene in script.scenes] == ["part-1", "part-2"]


def test_what_the_stand_in_writes_by_itself_is_a_script(serving: Serving, provider_of: ProviderOf, made: Bench) -> None:
    script = made.serve(provider_of(serving()), request())

    assert isinstance(script, Script)
    assert len(script.scenes) == 3


def test_a_quiz_is_written_too(serving: Serving, provider_of: ProviderOf, made: Bench) -> None:
    server = serving()
    server.replies.append(
        json.dumps(
            {
                "questions": [
                    {
                        "scene": "part-1",
                        "question": "How often does the sea rise in a day?",
                        "answers": [{"text": "Twice", "correct": True}, {"text": "Never", "correct": False}],
                        "explanation": "There are two bulges.",
                    }
                ]
            }
        )
    )
    quiz = made.serve(
        provider_of(server),
        LlmRequest(prompt="Ask.", data={"script": {**SCRIPT, "language": "en"}}, returns="quiz"),
    )

    assert isinstance(quiz, Quiz)


def test_a_wrong_answer_goes_back_with_what_was_wrong(serving: Serving, provider_of: ProviderOf, made: Bench) -> None:
    server = serving(thinking="think", stubborn=True)
    server.replies += [json.dumps({**SCRIPT, "title": ""}), "I am sorry.", json.dumps(SCRIPT)]

    script = made.serve(provider_of(server), request())

    assert isinstance(script, Script)
    assert len(server.chats) == 3
    second = server.chats[1]["messages"]
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert "<think>" not in second[1]["content"]
    assert "title" in second[2]["content"]


def test_the_steps_of_progress_only_go_forward(serving: Serving, provider_of: ProviderOf, made: Bench) -> None:
    server = serving()
    server.replies += ["{}", json.dumps(SCRIPT)]

    made.serve(provider_of(server), request())

    shares = [done / total for done, total, _ in made.progress]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_model_that_never_keeps_to_it_lets_the_next_provider_write(
    serving: Serving, provider_of: ProviderOf, made: Bench
) -> None:
    server = serving()
    server.replies += ["no"] * 3

    with pytest.raises(Unavailable, match="asked 3 times"):
        made.serve(provider_of(server), request())
    assert len(server.chats) == 3
