from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from coursewright.capabilities.compose import FilmRequest
from coursewright.testing import Bench
from coursewright.testing.contract import ProviderContract
from coursewright_compose_film.provider import FilmComposer


class TestFilmComposer(ProviderContract):
    @pytest.fixture
    def own(self, new_stage: Callable[[], Any]) -> Any:
        return new_stage()

    @pytest.fixture
    def bench(self, own: Any) -> Bench:
        made: Bench = own.work
        return made

    @pytest.fixture
    def provider(self) -> FilmComposer:
        return FilmComposer()

    @pytest.fixture
    def valid_request(self, own: Any) -> FilmRequest:
        request: FilmRequest = own.request(
            [own.speech(0.5), own.speech(0.5)], slides=[own.slide((230, 230, 220)), own.slide((20, 40, 60))]
        )
        return request

    @pytest.fixture
    def bad_requests(self, own: Any) -> list[FilmRequest]:
        speech = own.speech(0.5)
        return [own.request([own.speech(b"no sound")]), own.request([speech], script=own.script(2))]
