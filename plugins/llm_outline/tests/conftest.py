from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from coursewright.capabilities.llm import LlmRequest, Script
from coursewright.testing import Bench, bench
from coursewright_llm_outline import OutlineScript


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("outline")) as made:
        yield made


@pytest.fixture
def notices() -> list[str]:
    """What the author is told, without the sentence that comes with every script."""
    return []


@pytest.fixture
def outline(desk: Bench, notices: list[str]) -> Callable[..., Script]:
    def write(notes: str, **data: Any) -> Script:
        provider = OutlineScript()
        context = desk.context(provider)
        script = provider.run(LlmRequest(data={"notes": notes, **data}, returns="script"), context)
        first, *others = context.notices
        assert first.startswith("llm.outline is no model")
        notices.extend(others)
        return script

    return write
