"""The Llama 4 research Spaces: a generator behind `/query_deepseek_streaming`, with the answer in a tuples chatbot.

Switches of its own: `replies` (see `Desk.reply`), `pieces` a reply is streamed in, `first_token_s` before the first of
them, `shape` of the chatbot's value: `tuples` (Gradio 4 and 5), `messages` (Gradio 6) or `numbers`;
`past`, turns that were there before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from coursewright.testing.standins.space_apps import Desk

RESEARCH = "### Search results\n1. [Tides](https://example.org/tides)"


def build(desk: Desk) -> Any:
    """The app."""

    def query_deepseek_streaming(
        message: str, history: list[Any], use_deep_research: bool
    ) -> Iterator[tuple[Any, str]]:
        desk.record(message=message, history=history, use_deep_research=use_deep_research)
        desk.misbehave()
        time.sleep(desk.switch("first_token_s", 0.0))
        text = desk.reply(message)
        found = RESEARCH if use_deep_research else ""
        past = desk.switch("past", [])
        pieces = desk.switch("pieces", 3)
        for piece in range(1, pieces + 1):
            said = text[: len(text) * piece // pieces]
            yield _shaped(desk.switch("shape", "tuples"), [*past, *(history or [])], message, said), found

    with gr.Blocks() as demo:
        message = gr.Textbox(label="message")
        history = gr.JSON(label="history")
        research = gr.Checkbox(label="use_deep_research")
        found = gr.Markdown()
        gr.Button().click(
            query_deepseek_streaming,
            [message, history, research],
            [history, found],
            api_name="query_deepseek_streaming",
        )
    demo.queue(max_size=desk.switch("max_size", 2), default_concurrency_limit=1)
    return demo


def _shaped(shape: str, history: list[Any], message: str, said: str) -> Any:
    if shape == "messages":
        turns = [("user", message), ("assistant", said)]
        return history + [
            {"role": role, "metadata": None, "content": [{"text": text, "type": "text"}], "options": None}
            for role, text in turns
        ]
    return [1, 2] if shape == "numbers" else [*history, [message, said]]
