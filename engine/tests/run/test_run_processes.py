"""Work in processes of its own: its result, its end, and what is raised in place of them."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from coursewright.errors import Cancelled, ProviderBug
from coursewright.run.processes import Processes


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    processes = Processes(1)
    yield processes
    processes.close()


def nothing() -> None:
    """A check that never gives up."""


def test_results_and_errors_come_back(processes: Processes) -> None:
    assert processes.run(operator.add, (1, 2), nothing) == 3
    with pytest.raises(ZeroDivisionError):
        processes.run(operator.truediv, (1, 0), nothing)


def test_a_worker_that_dies_is_told_and_replaced(processes: Processes) -> None:
    with pytest.raises(ProviderBug, match="a worker process died"):
        processes.run(os._exit, (1,), nothing)
    assert processes.run(operator.add, (1, 2), nothing) == 3


def test_a_check_that_gives_up_ends_the_work(processes: Processes) -> None:
    def give_up() -> None:
        raise Cancelled("stopped")

    started = time.monotonic()
    with pytest.raises(Cancelled):
        processes.run(time.sleep, (60,), give_up)
    assert processes.run(operator.add, (1, 2), nothing) == 3
    assert time.monotonic() - started < 30


class Late(Future[int]):
    """Finishes at the moment when somebody asks whether it has, or is told to."""

    def finish(self) -> None:
        if self._state != "FINISHED":
            self.set_result(3)

    def done(self) -> bool:
        self.finish()
        return super().done()


def test_what_finishes_between_two_looks_is_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    future = Late()
    looks = iter([nothing, future.finish])
    pool = SimpleNamespace(schedule=lambda *_, **__: future)
    processes = Processes(1)
    monkeypatch.setattr(processes, "_started", lambda: pool)

    assert processes.run(operator.add, (1, 2), lambda: next(looks)()) == 3
