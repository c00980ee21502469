"""Any chat made with `gr.ChatInterface`, which keeps the history of a client's session on the server.

Switches of its own, at the start only: `endpoint` (`respond`, the function's name, as Gradio 6 calls it, or `chat`, as
Gradio 4 and 5 do) and `system` (a second input, as many chats have). `replies`: see `Desk.reply`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from coursewright.testing.standins.space_apps import Desk


def build(desk: Desk) -> Any:
    """The app."""

    def respond(message: str, history: list[Any], system_message: str = "", temperature: float = 0.7) -> Iterator[str]:
        desk.record(message=message, history=history, system_message=system_message, temperature=temperature)
        desk.misbehave()
        text = desk.reply(message)
        for piece in range(1, 4):
            yield text[: len(text) * piece // 3]

    inputs: list[Any] = [gr.Textbox("Be friendly.", label="System message"), gr.Slider(0, 1, 0.7, label="Temperature")]
    chat = gr.ChatInterface(
        respond,
        api_name="chat" if desk.switch("endpoint") == "chat" else None,
        additional_inputs=inputs if desk.switch("system") else None,
    )
    chat.queue(max_size=2, default_concurrency_limit=1)
    return chat
