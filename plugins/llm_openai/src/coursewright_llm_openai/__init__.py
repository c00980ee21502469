"""Scripts by any OpenAI-compatible server: llama.cpp, Ollama, vLLM, or a hosted one."""

from __future__ import annotations

from coursewright.hookspecs import hookimpl

from coursewright_llm_openai.provider import OpenAIChat


@hookimpl
def coursewright_providers() -> list[type[OpenAIChat]]:
    """Offer `llm.openai`."""
    return [OpenAIChat]
