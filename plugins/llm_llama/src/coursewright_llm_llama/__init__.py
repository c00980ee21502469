"""Scripts by Llama 4, or any chat, on a Gradio Space."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_llm_llama.provider import LlamaSpace


@hookimpl
def coursewright_providers() -> list[type[LlamaSpace]]:
    """Offer `llm.llama`."""
    return [LlamaSpace]
