"""A stand-in server, a provider that asks it, and a bench."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from coursewright.kit import health
from coursewright.testing import Bench, bench
from coursewright.testing.standins.chat import ChatServer, Personality, chat_server
from coursewright_llm_openai.provider import OpenAIChat

KEY = "sk-0123456789-not-a-real-key"

Serving = Callable[..., ChatServer]


@pytest.fixture(autouse=True)
def fresh() -> None:
    health.forget()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, secrets={"OPENAI_API_KEY": KEY}) as it:
        yield it


@pytest.fixture(scope="session")
def running() -> Iterator[dict[Personality, ChatServer]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(chat_server(name)) for name in get_args(Personality)}


@pytest.fixture
def serving(running: dict[Personality, ChatServer]) -> Serving:
    """`serving("ollama", **switches)`: the server of that kind, as if newly started."""

    def start(personality: Personality = "llama.cpp", **switches: Any) -> ChatServer:
        running[personality].reset(**switches)
        return running[personality]

    return start


@pytest.fixture
def provider_of(made: Bench) -> Callable[..., OpenAIChat]:
    """`provider_of(server, key=True, **options)`; `service` has more fields of the service."""

    def build(
        server: ChatServer | str, *, key: bool = False, service: dict[str, Any] | None = None, **options: Any
    ) -> OpenAIChat:
        url = server if isinstance(server, str) else server.url
        return OpenAIChat(
            OpenAIChat.Options(**options),
            service=OpenAIChat.Service(url=url, **(service or {})),
            host=made.host(OpenAIChat) if key else None,
        )

    return build
