"""Spaces of three kinds, started once: as the tests find them, they do what they are told and remember nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from coursewright.testing import Bench, bench
from coursewright.testing.standins.spaces import SpaceServer, space


@pytest.fixture(scope="session")
def llama_server() -> Iterator[SpaceServer]:
    with space("llama") as server:
        yield server


@pytest.fixture
def llama(llama_server: SpaceServer) -> SpaceServer:
    """The research Space."""
    llama_server.reset()
    return llama_server


@pytest.fixture(scope="session")
def chat_servers() -> Iterator[dict[str, SpaceServer]]:
    with (
        space("chat_interface", endpoint="respond", system=True) as respond,
        space("chat_interface", endpoint="chat") as chat,
    ):
        yield {"/respond": respond, "/chat": chat}


@pytest.fixture(params=["/respond", "/chat"])
def chat(chat_servers: dict[str, SpaceServer], request: pytest.FixtureRequest) -> SpaceServer:
    """A `gr.ChatInterface`, under each of its names."""
    server = chat_servers[request.param]
    server.reset()
    return server


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made
