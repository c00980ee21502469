"""A Gradio app and a place to call it from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from coursewright.providers import Context, Provider
from coursewright.testing import Bench, bench
from coursewright.testing.standins.spaces import SpaceServer, space


class Caller(Provider[Any, Any]):
    """Whose context is used; it is never run."""

    capability: ClassVar[str] = "llm"
    name: ClassVar[str] = "caller"
    summary: ClassVar[str] = "calls"
    version: ClassVar[str] = "1"

    def run(self, request: msgspec.Struct, context: Context) -> msgspec.Struct:
        raise NotImplementedError


@pytest.fixture(scope="session")
def workshop_server() -> Iterator[SpaceServer]:
    with space("workshop") as server:
        yield server


@pytest.fixture
def workshop(workshop_server: SpaceServer) -> Iterator[SpaceServer]:
    workshop_server.reset()
    yield workshop_server
    workshop_server.go_on()
    workshop_server.reset()  # lets go what hangs


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "bench"
    folder.mkdir()
    with bench(folder) as made:
        yield made


@pytest.fixture
def caller() -> Caller:
    return Caller()
